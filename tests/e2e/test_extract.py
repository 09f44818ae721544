"""cvpulse-extract from the command line, with its sandbox: good files give a JSON Resume, bad ones their code."""
import json
import os
import subprocess
from pathlib import Path

import pytest

from harness import BUILD, SAMPLES, wait_until

PROGRAM = BUILD / "cvpulse-extract"
READ = {".pdf", ".docx", ".doc", ".odt", ".rtf", ".html", ".txt", ".png", ".jpg", ".tiff"}


def extract(path, *options):
    ended = subprocess.run([PROGRAM, "--cpu-s=8", *options, path], capture_output=True, timeout=120)
    assert ended.returncode in (0, 1), ended.stderr.decode()
    answer = json.loads(ended.stdout)
    assert ended.returncode == (0 if answer["type"] == "result" else 1)
    return answer


def outcome(answer):
    return "completed" if answer["type"] == "result" else answer["code"]


@pytest.mark.parametrize("path", SAMPLES, ids=lambda p: p.name)
def test_a_cv_becomes_a_resume(path):
    answer = extract(path)
    assert answer["type"] == "result"
    assert answer["resume"]["basics"]["name"] == answer["result"]["name"]
    assert answer["text_chars"] > 100


def test_every_readable_sample_is_read(shared_samples):
    failed = {}
    for path in sorted((shared_samples / "cv").iterdir()):
        if path.suffix not in READ:
            continue
        code = outcome(extract(path))
        if code != "completed":
            failed[path.name] = code
    assert failed == {}


def niceness_below(pid):
    """Of a process and all that come from it."""
    try:
        below = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return {int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[16])}.union(*map(niceness_below, below))
    except FileNotFoundError:  # it has just ended
        return set()


def test_pictures_are_read_behind_everybody_else(shared_samples):
    with subprocess.Popen([PROGRAM, shared_samples / "cv" / "chef-moreau-scan.pdf"], stdout=subprocess.DEVNULL, preexec_fn=lambda: os.nice(2)) as reading:
        wait_until(lambda: min(os.nice(0) + 12, 19) in niceness_below(reading.pid))
        assert reading.wait(60) == 0


@pytest.mark.parametrize("name", ["truncated-50.png", "page-loop.tiff"])
def test_a_warning_of_a_library_is_no_death_when_the_log_is_a_file(shared_samples, tmp_path, name):
    with open(tmp_path / "log", "wb") as log:
        ended = subprocess.run([PROGRAM, shared_samples / "bad" / name], stdout=subprocess.PIPE, stderr=log, timeout=120)
    assert outcome(json.loads(ended.stdout)) != "parser_crashed"


def test_without_ocr_a_scan_says_so(shared_samples):
    scans = [path for path in (shared_samples / "cv").iterdir() if "-scan." in path.name and path.suffix != ".json"]
    assert scans
    for path in scans:
        assert outcome(extract(path, "--ocr=")) == "ocr_unavailable"
        assert outcome(extract(path, "--ocr=not-a-language")) == "ocr_unavailable"


def test_a_language_that_is_not_installed_is_one_line_of_the_log(make_ingest):
    stack = make_ingest(ocr={"languages": "eng,not_there,not-there-either,not_there"}, worker={"ocr_slots": 1})
    wait_until(lambda: "extract_without" in stack.worker.output(), 30)
    lines = [json.loads(line) for line in stack.worker.output().splitlines()]
    told = [line for line in lines if line["event"].startswith("extract_without_")]
    if any(line["event"] == "extract_without_ocr" for line in told):
        pytest.skip("tesseract is not here")
    assert [line["languages"] for line in told if line["event"] == "extract_without_language"] == ["not_there,not-there-either"]


def test_text_is_not_what_the_name_of_a_pdf_promises():
    text = next(p for p in SAMPLES if p.suffix == ".txt")
    assert outcome(extract(text, "--name=cv.pdf")) == "type_mismatch"


def test_progress_grows_up_to_the_result():
    ended = subprocess.run([PROGRAM, "--progress", SAMPLES[0]], capture_output=True, check=True, timeout=60)
    lines = [json.loads(line) for line in ended.stdout.splitlines()]
    percents = [line["percent"] for line in lines[:-1]]
    assert percents == sorted(percents) and percents[-1] <= 100
    assert {line["type"] for line in lines[:-1]} == {"progress"} and lines[-1]["type"] == "result"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_root_must_become_somebody_else():
    ended = subprocess.run([PROGRAM, "--user=root", SAMPLES[0]], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 2 and "--user" in ended.stderr


def test_wrong_use_is_told():
    for arguments in ([], ["--cpu-s=never", "x"], ["--no-such-option"], [Path("no-such-file")]):
        ended = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=60)
        assert ended.returncode == 2 and ended.stderr and not ended.stdout


def test_help_and_version():
    for option in ("--help", "--version"):
        assert "cvpulse-extract" in subprocess.run([PROGRAM, option], capture_output=True, check=True, text=True).stdout
