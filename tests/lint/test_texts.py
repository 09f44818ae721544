"""Scripts and texts that no compiler reads."""
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ["run", "check", ".ci/run", *sorted(str(p.relative_to(ROOT)) for p in (ROOT / "build-aux").glob("*.sh")),
           "nginx/cloudflare-ips", "monitoring/certificate.sh", "scripts/cvpulse-admin", *(f"tests/packages/{name}" for name in ("boot", "build", "run"))]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("script", SCRIPTS)
def test_shellcheck_has_nothing_to_say(script):
    subprocess.run(["shellcheck", "-x", script], cwd=ROOT, check=True)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_the_links_of_a_page_lead_somewhere(page):
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
    assert not [link for link in links if not (page.parent / link).exists()]


def test_every_package_is_listed_once():
    lines = [line for line in (ROOT / "build-aux" / "packages").read_text().splitlines() if not line.startswith("#")]
    assert len({line.split()[1] for line in lines}) == len(lines)
    assert {line.split()[0] for line in lines} == {"build", "dashboard", "run", "test", "packaging", "containers", "debian"}
