"""Each bad input: a code, a place, a next command, a non-zero exit, no traceback, nothing left behind."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest
from PIL import Image

from sim.world.photo import MAX_BYTES
from tests.cli.conftest import Photo, Sightline, Told

STORY = """\
scenario: bad
stage: discover
world: {{wearers: 1}}
steps:
  - ask: {{question: "What is that building?"}}
  - {step}
expect:
  discover:
    - {expected}
"""
FINE = "complete: {}"
MANIFEST = """\
name: mine
version: 1
owner: me
purpose: assistance
region: EU
inputs:
  - {table: core.no_such_table, columns: [utterance, answer]}
learn: {from: [utterance], to: answer}
output: mine
serve: false
"""
JOB = """\
-- job: mine
-- owner: me
-- purpose: assistance
-- output: core.daily_sessions
"""
NEXT = re.compile(r"(?:[A-Z_]+=\S+ )*(?:sightline|cat|less|ls) \S")


def refused(told: Told, code: str, place: str) -> str:
    """Checks all that an error owes its reader; what it says."""
    assert told.code == 2 or (told.code == 3 and code in ("PAI031", "PAI033")), told
    assert told.out == "" and "Traceback" not in told.err and "\x1b" not in told.err
    error = told.err[re.search(rf"^{code} ", told.err, re.MULTILINE).start():] if code in told.err else told.err
    assert error.startswith(f"{code} "), told.err
    where = re.search(r"^  where: (.+)$", error, re.MULTILINE)
    following = re.search(r"^  next: +(.+)$", error, re.MULTILINE)
    assert where is not None and place in where[1], error
    assert following is not None and NEXT.match(following[1]), error
    assert "\\x0a" not in error  # an escaped line end shows nothing
    return error


def scenario(folder: Path, step: str = "flush: {}", expected: str = FINE) -> Path:
    file = folder / "bad.yaml"
    file.write_text(STORY.format(step=step, expected=expected))
    return file


def nothing_left(sightline: Sightline) -> bool:
    return sightline.finished == [] and not (sightline.runs / "latest").is_symlink()


# -- photos and questions


def _large(folder: Path) -> Path:
    path = folder / "large.jpg"
    path.write_bytes(b"\xff\xd8\xff" + bytes(MAX_BYTES))
    return path


def _wide(folder: Path) -> Path:
    path = folder / "wide.png"
    Image.new("1", (10_000, 5_001)).save(path)
    return path


def _cut(folder: Path) -> Path:
    path = folder / "cut.jpg"
    Image.linear_gradient("L").save(path)
    path.write_bytes(path.read_bytes()[:-400])
    return path


def _text(folder: Path) -> Path:
    path = folder / "text.jpg"
    path.write_text("no picture")
    return path


def _other(folder: Path) -> Path:
    path = folder / "picture.gif"
    Image.new("L", (8, 8)).save(path)
    return path


PHOTOS = {"missing": lambda folder: folder / "missing.jpg", "a folder": lambda folder: folder, "text": _text,
          "another format": _other, "cut off": _cut, "too many bytes": _large, "too many pixels": _wide}


@pytest.mark.parametrize("kind", PHOTOS)
def test_a_photo_that_cannot_be_used(sightline: Sightline, tmp_path: Path, kind: str) -> None:
    photo = PHOTOS[kind](tmp_path)
    refused(sightline("demo", "--photo", photo), "PAI002", str(photo))
    told = sightline("demo", "--photo", photo, "--json")
    assert told.code == 2 and told.json["error"]["code"] == "PAI002" and told.json["error"]["where"] == str(photo)
    assert not sightline.runs.exists()  # refused before anything starts


@pytest.mark.parametrize("question", ["", "   ", "\n\t", "x" * 2001], ids=["empty", "blanks", "line ends", "too long"])
def test_a_question_that_cannot_be_asked(sightline: Sightline, tmp_path: Path, question: str, photo: Photo) -> None:
    refused(sightline("demo", "--ask", question, "--photo", photo()), "PAI003", "--ask")
    assert not sightline.runs.exists()


def test_an_empty_question_in_a_scenario_has_its_place_there(sightline: Sightline, tmp_path: Path) -> None:
    file = scenario(tmp_path, 'ask: {question: "  "}')
    refused(sightline("run", file), "PAI003", "bad.yaml:6")
    assert nothing_left(sightline)


def test_a_photo_of_a_scenario(sightline: Sightline, tmp_path: Path) -> None:
    _text(tmp_path)
    refused(sightline("run", scenario(tmp_path, "ask: {question: What, photo: text.jpg}")), "PAI002", "text.jpg")
    refused(sightline("run", scenario(tmp_path, "ask: {question: What, photo: gone.jpg}")), "PAI012", "bad.yaml:6")
    assert nothing_left(sightline)


# -- scenarios


@pytest.mark.parametrize(("step", "expected", "code", "line"), [
    ("flush: {}", "paht: {from: a, to: b}", "PAI011", 9),
    ("flush: {}", "path: {from: a}", "PAI010", 9),
    ("flush: {}", "moved: {from: a, to: b, rows: many}", "PAI010", 9),
    ("trian: {manifest: x}", FINE, "PAI011", 6),
    ("train: {manifset: x}", FINE, "PAI010", 6),
    ("ask: {question: yes}", FINE, "", 0),  # YAML 1.2: text
    ("ask: {question: true}", FINE, "PAI010", 6),
    ("ask: {question: hi", FINE, "PAI010", 7),
    ("ask: {question: hi, wearers: 2}", FINE, "PAI010", 6),
    ("ask: {question: hi, wearers: [nobody]}", FINE, "PAI010", 6),
    ("ask: {question: hi, times: 0}", FINE, "PAI010", 6),
    ("train: {manifest: no_such}", FINE, "PAI012", 6),
    ("train: {manifest: no_such.yaml}", FINE, "PAI012", 6),
    ("batch: {job: no_such.sql}", FINE, "PAI012", 6),
    ("batch: {job: no_such}", FINE, "PAI012", 6),
])
def test_a_scenario_that_is_malformed(sightline: Sightline, tmp_path: Path, step: str, expected: str, code: str,
                                      line: int) -> None:
    told = sightline("run", scenario(tmp_path, step, expected))
    if not code:
        assert told.code == 0
        return
    refused(told, code, f"bad.yaml:{line}")
    assert nothing_left(sightline)


def test_it_suggests_the_word_that_was_meant(sightline: Sightline, tmp_path: Path) -> None:
    told = sightline("run", scenario(tmp_path, expected="paht: {from: a, to: b}"))
    assert "did you mean 'path'?" in told.err and "next:  sightline list --expectations" in told.err
    told = sightline("run", scenario(tmp_path, expected="paht: {from: a, to: b}"), "--json")
    assert told.err == "" and told.json["error"]["code"] == "PAI011" and set(told.json) == {"error"}


@pytest.mark.parametrize("content", ["", "- a\n", "scenario: [", "\x00", "a: b: c"])
def test_a_file_that_is_no_scenario(sightline: Sightline, tmp_path: Path, content: str) -> None:
    (tmp_path / "bad.yaml").write_text(content)
    refused(sightline("run", tmp_path / "bad.yaml"), "PAI010", "bad.yaml")
    assert not sightline.runs.exists()


def test_a_name_that_is_taken(sightline: Sightline, tmp_path: Path) -> None:
    """runs/latest is the newest run's link."""
    file = scenario(tmp_path)
    file.write_text(file.read_text().replace("scenario: bad", "scenario: latest"))
    refused(sightline("run", file), "PAI010", "bad.yaml")
    assert nothing_left(sightline) and not (sightline.runs / "latest").exists()


def test_one_bad_file_stops_a_folder_before_anything_runs(sightline: Sightline, tmp_path: Path) -> None:
    scenario(tmp_path).rename(tmp_path / "a_good.yaml")
    scenario(tmp_path, expected="paht: {from: a, to: b}")
    refused(sightline("run", tmp_path), "PAI011", "bad.yaml:9")
    assert not sightline.runs.exists()


@pytest.mark.parametrize("arguments", [
    ["--seeds", "x"], ["--seeds", "3-1"], ["--seeds", "1-"], ["--seeds", "1,,2"], ["--seed", "1", "--seeds", "1-2"],
    ["--seeds", "9" * 5000], ["--seeds", "1-99999999999999"], ["--seeds", "9223372036854775808"],
], ids=lambda value: " ".join(value)[:30])
def test_seeds(sightline: Sightline, arguments: list[str]) -> None:
    told = sightline("run", "ask-a-landmark", *arguments)
    assert told.code == 2 and told.err.startswith("PAI010 ") and "--seed" in told.err
    assert not sightline.runs.exists()


def test_a_scenario_that_is_not_there(sightline: Sightline) -> None:
    told = sightline("run", "trainning-refused")
    assert told.code == 2 and "did you mean 'training-refused'?" in told.err and "next:  sightline list" in told.err


@pytest.mark.parametrize("content", [
    "", "requirement: x", "requirement: [", "requirement: x\nversion: one\nowner: y\nzone: z\nmode: enforcement\n"])
def test_a_requirement_that_is_malformed(sightline: Sightline, tmp_path: Path, content: str) -> None:
    (tmp_path / "mine.yaml").write_text(content)
    file = scenario(tmp_path)
    file.write_text(file.read_text().replace("{wearers: 1}", "{wearers: 1, requirements: [mine.yaml]}"))
    refused(sightline("run", file), "PAI022", "mine.yaml")
    assert nothing_left(sightline)


# -- manifests and SQL


@pytest.mark.parametrize(("old", "new", "says"), [
    ("", "", "core.no_such_table"),
    ("core.no_such_table, columns: [", "core.sessions, columns: [no_such_column, ", "no_such_column"),
    ("owner: me\n", "", "owner"),
    ("owner: me", "ownr: me", "ownr"),
    ("inputs:", "inputs: [", ""),
    (MANIFEST, "", ""),
], ids=["no such table", "no such column", "a key is missing", "an unknown key", "no YAML", "empty"])
def test_a_manifest_that_cannot_be_used(sightline: Sightline, tmp_path: Path, old: str, new: str, says: str) -> None:
    (tmp_path / "mine.yaml").write_text(MANIFEST.replace(old, new) if old else MANIFEST)
    error = refused(sightline("run", scenario(tmp_path, "train: {manifest: mine.yaml}")), "PAI020", "mine.yaml")
    assert says in error
    assert nothing_left(sightline)


@pytest.mark.parametrize(("sql", "code", "says"), [
    ("INSERT INTO core.daily_sessions SELEC * FRM core.sessions;", "PAI021", "SELEC"),
    ("INSERT INTO core.daily_sessions (ds) SELECT no_such_column FROM core.sessions;", "PAI021", "no_such_column"),
    ("INSERT INTO core.daily_sessions (ds) SELECT session FROM core.no_such_table;", "PAI021", "no_such_table"),
    ("SELECT 'unclosed FROM core.sessions;", "PAI021", ""),
    ("", "PAI021", ""),
], ids=["no SQL", "no such column", "no such table", "unclosed", "empty"])
def test_sql_that_does_not_parse(sightline: Sightline, tmp_path: Path, sql: str, code: str, says: str) -> None:
    (tmp_path / "mine.sql").write_text(f"{JOB}{sql}\n")
    error = refused(sightline("run", scenario(tmp_path, "batch: {job: mine.sql}")), code, "mine.sql")
    assert says in error
    assert nothing_left(sightline)


def test_a_job_without_its_header(sightline: Sightline, tmp_path: Path) -> None:
    (tmp_path / "mine.sql").write_text("SELECT 1;\n")
    told = sightline("run", scenario(tmp_path, "batch: {job: mine.sql}"))
    assert told.code == 2 and "PAI022 " in told.err and "mine.sql:1" in told.err and "  next:  " in told.err
    assert nothing_left(sightline)


def test_a_place_where_no_run_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file")
    told = Sightline(tmp_path / "runs")("run", scenario(tmp_path))
    refused(told, "PAI033", str(tmp_path / "runs"))


# -- a service that dies


def children(pid: int) -> dict[int, str]:
    """Processes that a process started: pid → what they run."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return {int(child): Path(f"/proc/{child}/cmdline").read_text().replace("\0", " ") for child in found}


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_for(process: subprocess.Popen[str], line: str) -> str:
    """Reads standard error up to a line; all that was read."""
    assert process.stderr is not None
    read = ""
    while not read.endswith(f"{line}\n"):
        more = process.stderr.readline()
        assert more, f"it ended before it said {line!r}: {read}"
        read += more
    return read


def test_a_service_that_dies_during_a_run(sightline: Sightline, tmp_path: Path) -> None:
    """The logger, while wearers ask: the command names it; no process and no finished run is left."""
    file = scenario(tmp_path, "ask: {question: hi, times: 2000}")
    process = sightline.process("run", file, "--topology", "processes")
    started: dict[int, str] = {}
    try:
        err = wait_for(process, "ask")
        started = children(process.pid)
        [victim] = [pid for pid, command in started.items() if "node logger" in command]
        time.sleep(0.3)
        os.kill(victim, signal.SIGKILL)
        out, more = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert len(started) == 7 and [command for pid, command in started.items() if running(pid)] == []
    assert not (sightline.runs / "latest").is_symlink()
    [kept] = sightline.finished
    assert kept.name == "1-seed1.aborted" and (kept / "logs/logger.log").is_file()
    assert not (kept / "lineage.json").exists() and not (kept / "verdict.json").exists()
    refused(Told(process.returncode, out, err + more), "PAI031", "logger")


def test_the_error_as_json_is_one_object(sightline: Sightline, tmp_path: Path) -> None:
    told = sightline("run", scenario(tmp_path, "train: {manifest: no_such}"), "--json")
    assert told.code == 2
    error = json.loads(told.out)["error"]
    assert set(error) == {"code", "what", "where", "next"} and all(error.values())
