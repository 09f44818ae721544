"""The operator's guide: each command in it exists, and its last section names a test for each."""
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs" / "operations.md").read_text()
TABLE = GUIDE.split("## Which test runs what")[1]


def commands(text):
    return set(re.findall(r"\b(cvpulse(?:-admin)? [a-z]+)", text))


def test_each_command_of_the_guide_has_a_test():
    shown = {c for block in re.findall(r"```sh\n(.*?)```", GUIDE, re.S) for c in commands(block)}
    assert shown and not shown - commands(TABLE)
    for row in re.findall(r"^\| (.*) \| (.*) \|$", TABLE, re.M)[2:]:
        for test in re.findall(r"`(tests/[^`]*)`", row[1]):
            assert (ROOT / test).exists(), test
            for command in commands(row[0]):
                assert f'"{command.split()[1]}"' in (ROOT / test).read_text(), f"{test} does not run {command}"


def test_each_command_is_one_that_the_script_knows():
    usage = (ROOT / "scripts" / "cvpulse-admin").read_text()
    for command in commands(GUIDE) | commands((ROOT / "docs" / "runbook.md").read_text()) | commands((ROOT / "docs" / "troubleshooting.md").read_text()):
        program, _, word = command.partition(" ")
        if program == "cvpulse-admin":
            assert re.search(rf"^  {word} ", usage, re.M), command
        else:
            assert list((ROOT / "cli").glob("*.c")) and any(f'.name = "{word}"' in p.read_text() for p in (ROOT / "cli").glob("*.c")), command
