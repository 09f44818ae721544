"""Scripts, modules and texts that no compiler reads."""
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ["run", "check", ".ci/run", *sorted(str(p.relative_to(ROOT)) for p in (ROOT / "build-aux").glob("*.sh"))]
MODULES = sorted((ROOT / "web" / "page").glob("*.js"))
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("script", SCRIPTS)
def test_shellcheck_has_nothing_to_say(script):
    subprocess.run(["shellcheck", "-x", script], cwd=ROOT, check=True)


@pytest.mark.parametrize("module", MODULES, ids=lambda p: p.name)
def test_a_module_of_the_page_parses(module, tmp_path):
    copy = shutil.copy(module, tmp_path / f"{module.stem}.mjs")
    subprocess.run(["node", "--check", copy], check=True)


def test_the_page_has_neither_inline_script_nor_inline_style():
    text = (ROOT / "web" / "page" / "index.html").read_text()
    assert not re.search(r"<style|<script(?![^>]* src=)| style=| on[a-z]+=", text)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_the_links_of_a_page_lead_somewhere(page):
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
    assert not [link for link in links if not (page.parent / link).exists()]


def test_every_package_is_listed_once():
    lines = [line for line in (ROOT / "build-aux" / "packages").read_text().splitlines() if not line.startswith("#")]
    assert len({line.split()[1] for line in lines}) == len(lines)
    assert {line.split()[0] for line in lines} == {"build", "run", "test"}
