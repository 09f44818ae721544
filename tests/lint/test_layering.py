"""The dependency rule: src/ includes nothing of the others; notifier/, worker/, cli/ and bench/ only themselves and src/."""
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("src", "notifier", "worker", "cli", "bench")
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', re.M)


def sources(folder):
    return [p for p in (ROOT / folder).rglob("*") if p.suffix in (".c", ".h", ".def")]


def includes(path, kind):
    return [name for quote, name in INCLUDE.findall(path.read_text()) if quote == kind]


def home_of(path, name):
    """The top folder of the included file, or None when it is made by the build."""
    for start in (path.parent, ROOT / "src", ROOT):
        found = (start / name).resolve()
        if found.is_file() or found.with_suffix("").is_file():  # publish.lua.h is made of publish.lua
            return found.relative_to(ROOT).parts[0]
    return None


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_includes_only_itself_and_src(folder):
    strange = [f"{path.relative_to(ROOT)}: {name}" for path in sources(folder) for name in includes(path, '"')
               if home_of(path, name) not in (folder, "src", None)]
    assert not strange


# A library is included in as few files as possible, so that the others compile, and can be tested, without it.
DOORS = {
    r"libwebsockets\.h": 2,
    r"hiredis/": 6,  # connection, its commands, its events on libuv, its replies; what Sentinels tell; the notifier's subscriber
    r"poppler": 2,
    r"ini\.h": 1,
    r"curl/": 5,  # the daemons' client and its judge of addresses; the command's; what doctor looks through
    r"zip\.h": 1,
    r"magic\.h": 1,
    r"uchardet": 1,
    r"seccomp\.h": 1,
}


@pytest.mark.parametrize("library", DOORS)
def test_a_library_has_few_doors(library):
    files = [str(path.relative_to(ROOT)) for folder in FOLDERS for path in sources(folder)
             if any(re.match(library, name) for name in includes(path, "<"))]
    assert len(files) <= DOORS[library], files
