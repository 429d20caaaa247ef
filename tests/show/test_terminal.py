"""Plain text in a pipe, colour in a terminal, nothing that an utterance could steer."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from lineage.errors import InputError
from sim.show import terminal, words
from tests.show.sample_run import edge


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


def everything(out: Console, lineage: dict[str, Any], verdict: dict[str, Any]) -> str:
    terminal.print_run(verdict, lineage, Path("runs/training-refused/1-seed7"), out=out)
    terminal.print_why([edge("web:ask#x", "logger:q#x", families="B"),
                        edge("logger:q#x", "training:ads_ranker", "blocked", "D", 1, via=("job:j",))],
                       lineage["decisions"][0], ["ask the owner"], out=out)
    terminal.table(["scenario", "verdict"], [["a" * 150, "pass"], ["b", "fail"]], out=out)
    terminal.print_demo_stage("Understand", ["3 categories"], out=out)
    terminal.print_error(InputError("PAI003", "the question is empty", where="--ask", next="sightline demo"), out=out)
    with terminal.progress("waiting for the drain barrier", out=out) as say:
        say("almost")
    assert isinstance(out.file, io.StringIO)
    return out.file.getvalue()


def test_a_pipe_gets_plain_lines(lineage: dict[str, Any], verdict: dict[str, Any]) -> None:
    text = everything(terminal.console(io.StringIO()), lineage, verdict)
    assert "\x1b" not in text and not any("\u2500" <= c <= "\u257f" for c in text)
    lines = text.splitlines()
    assert "  ✓ enforce: decision job=training:ads_ranker is=blocked code=PAI301" in lines
    assert "  ✗ enforce: moved from=warehouse:core.sessions to=training:ads_ranker rows=0" in lines
    assert "  ? demonstrate: evidence zone=glasses-interactions verdict=holds" in lines
    assert "      saw: 3 rows" in lines
    assert "  246 of 246 real reads, writes and calls have a signal; 0 invented" in lines
    assert "  1204 signals recorded, 1204 delivered" in lines
    assert "  report: runs/training-refused/1-seed7/report.html" in lines
    assert "a" * 150 + "  pass" in lines
    assert lines[0] == "✗ FAIL training-refused  stage enforce  seed 7"


def test_why_is_read_from_top_to_bottom(lineage: dict[str, Any], verdict: dict[str, Any]) -> None:
    text = everything(terminal.console(io.StringIO()), lineage, verdict)
    assert "\n".join([
        "web:ask#x", "  ↓ observed, families B, HIGH confidence, 60 requests", "logger:q#x",
        "  ✕ blocked, families D, HIGH confidence, 1 request, via job:j", "training:ads_ranker",
        "✗ blocked PAI301 training:ads_ranker for purpose ads_ranking"]) in text
    assert "  way out: ask the owner" in text


def test_an_error_says_code_what_where_next(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.print_error(InputError("PAI010", "unknown key 'stpes'", where="a.yaml:4", next="sightline list"))
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "PAI010 unknown key 'stpes'\n  where: a.yaml:4\n  next:  sightline list\n"


def test_a_terminal_gets_colour_and_no_color_turns_it_off(
        lineage: dict[str, Any], verdict: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b[" in everything(terminal.console(Tty()), lineage, verdict)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in everything(terminal.console(Tty()), lineage, verdict)


def test_markup_and_control_characters_are_shown_as_text() -> None:
    out = terminal.console(io.StringIO())
    terminal.line(out, "[bold]x[/bold] \x1b[31m\x07 :smile: \u202e")
    terminal.table(["a"], [["[red]\x1b[2J"]], out=out)
    assert isinstance(out.file, io.StringIO)
    text = out.file.getvalue()
    assert text == "[bold]x[/bold] \\x1b[31m\\x07 :smile: \\x202e\na\n[red]\\x1b[2J\n"


def test_a_stream_that_cannot_encode_the_marks(lineage: dict[str, Any], verdict: dict[str, Any]) -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    terminal.print_run(verdict, lineage, Path("runs/é"), out=terminal.console(stream))
    stream.flush()
    assert b"  + discover: path" in raw.getvalue() and b"runs/?/report.html" in raw.getvalue()


@pytest.mark.parametrize(("score", "text"), [
    ({"recall": 1.0, "invented": 0, "truth": 246},
     "246 of 246 real reads, writes and calls have a signal; 0 invented"),
    ({"recall": 245 / 246, "invented": ["x"], "truth": 246},
     "245 of 246 real reads, writes and calls have a signal; 1 invented"),
    ({"recall": 1.0, "invented": 0, "truth": 0}, "no real operation was witnessed, so recall is unknown"),
    ({}, "no real operation was witnessed, so recall is unknown")])
def test_the_recall_line(score: dict[str, Any], text: str) -> None:
    assert words.operations(score) == text


def test_what_to_run_next(lineage: dict[str, Any], verdict: dict[str, Any]) -> None:
    commands = [command for command, _ in words.next_commands(lineage, verdict)]
    assert commands == ["sightline why training:ads_ranker",
                        "sightline involved 'warehouse:core.sessions#location' training:ads_ranker",
                        "sightline explain PAI402", "sightline graph --from web:ask --depth 2"]
    assert [c for c, _ in words.next_commands({}, {})] == ["sightline list"]
