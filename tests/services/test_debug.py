"""The debug log keeps places always, and texts only where everything that they may quote may go there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.enforce.guard import Guard
from lineage.enforce.requirement import Requirement
from lineage.enforce.rules import Rules
from lineage.errors import RunError
from lineage.model import Label
from lineage.privacylib import PrivacyLib
from services.debug import DebugLog, place_of, type_of
from tests.services.fakes import FakeStore, Recorder

G = ("GLASSES_INTERACTION",)
SAID = "Is Ludmila Quastenberg at home?"


class Bench:
    def __init__(self, folder: Path, mode: str = "enforcement") -> None:
        self.folder, self.seen = folder, Recorder()
        rule = Requirement("glasses", 1, "o", "z", mode, frozenset(G), frozenset({"assistance"}))  # type: ignore[arg-type]
        self.lib = PrivacyLib("web", [self.seen, Guard(Rules([rule]))])
        self.lib.register("web:ask", {"utterance": Label("user.utterance", G)})
        self.log = DebugLog(self.lib, FakeStore(folder))

    def kept(self, kind: str) -> list[dict[str, str]]:
        path = self.folder / f"debug/web.{kind}"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def read(self) -> None:
        with self.lib.read("web:ask"):
            pass


def raised(message: str = SAID, cause: Exception | None = None) -> Exception:
    try:
        raise ValueError(message) from cause
    except ValueError as error:
        return error


def test_before_anything_was_read_the_whole_text_is_kept(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    with bench.lib.scope():
        bench.log.unforeseen(raised())
    (place,), (trace,) = bench.kept("places"), bench.kept("traces")
    assert place["code"] == "PAI031" and place["type"] == "ValueError" and place["place"].startswith(f"{__name__}:")
    assert SAID in trace["text"] and "test_debug.py" in trace["text"]


def test_after_that_the_place_alone_and_a_decision_says_why(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    with bench.lib.scope():
        bench.read()
        bench.log.unforeseen(raised())
    assert len(bench.kept("places")) == 1 and bench.kept("traces") == []
    assert SAID not in json.dumps(bench.kept("places"))
    (decision,) = bench.seen.of("decision")
    assert decision.detail["code"] == "PAI302" and "file:debug/web.traces" in decision.detail["reason"]


def test_in_logging_mode_the_text_is_kept(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "logging")
    with bench.lib.scope():
        bench.read()
        bench.log.unforeseen(raised())
    assert SAID in bench.kept("traces")[0]["text"]


@pytest.mark.parametrize("chained", [False, True])
def test_an_exception_carries_the_label_out_of_the_scope_that_it_left(tmp_path: Path, chained: bool) -> None:
    """A scheduled job's scope is inside no other: what handles its failure has read nothing itself."""
    bench = Bench(tmp_path)
    with bench.lib.scope():
        try:
            with bench.lib.root():
                bench.read()
                raise ValueError(SAID)
        except ValueError as error:
            bench.log.unforeseen(raised("it failed", error) if chained else error)
    assert len(bench.kept("places")) == 1 and bench.kept("traces") == []


def test_an_exception_group_carries_that_of_each(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    inner = raised()
    with pytest.raises(ValueError), bench.lib.scope():
        bench.read()
        raise inner
    with bench.lib.scope():
        bench.log.unforeseen(ExceptionGroup("two", [KeyError("x"), inner]))
    assert bench.kept("traces") == []


def test_outside_every_scope_there_is_no_text(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.log.unforeseen(raised())
    assert len(bench.kept("places")) == 1 and bench.kept("traces") == []
    assert bench.seen.of("gap") == []


def test_a_class_that_is_named_after_data_is_told_as_its_base(tmp_path: Path) -> None:
    error = type(SAID, (KeyError,), {})()
    assert type_of(error) == "KeyError"
    assert type_of(type("ValueError", (LookupError,), {"__module__": "builtins"})()) == "LookupError"
    assert type_of(RunError("PAI031", "x")) == "lineage.errors.RunError"


def test_code_that_is_named_after_data_is_no_place() -> None:
    try:
        exec(compile("raise KeyError", SAID, "exec"), {"__name__": SAID})
    except KeyError as error:
        assert place_of(error).startswith(f"{__name__}:")
    try:
        exec(compile("raise KeyError", SAID, "exec"))  # with this module's own globals
    except KeyError as error:
        assert SAID not in place_of(error)


def test_a_disk_that_is_full_does_not_hide_the_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(tmp_path)

    def full(self: FakeStore, path: str, *pieces: bytes) -> None:
        raise RunError("PAI033", "the disk is full")

    monkeypatch.setattr(FakeStore, "append", full)
    with bench.lib.scope():
        bench.log.unforeseen(raised())


@given(st.text())
def test_no_message_makes_it_fail(tmp_path_factory: pytest.TempPathFactory, message: str) -> None:
    bench = Bench(tmp_path_factory.mktemp("debug"))
    with bench.lib.scope():
        bench.log.unforeseen(raised(message + "\ud800"))
    assert len(bench.kept("traces")) == 1
