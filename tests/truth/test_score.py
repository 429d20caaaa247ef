"""The operations score: multisets, unknown where nothing happened, the average over scenarios."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.errors import RunError
from sim.truth.journal import Journal
from sim.truth.record import Record
from sim.truth.score import OperationsScore, combine, of_run, operations, signals_of

RECORDS = [
    Record("app", 1, "read", "device:glasses", {}, 0, 1),
    Record("app", 2, "sent", "http:/v1/ask:request", {}, 0, 1),
    Record("web", 1, "received", "http:/v1/ask:request", {}, 0, 1),
    Record("web", 2, "sent", "http:/v1/ask:response", {}, 0, 1),
    Record("app", 3, "received", "http:/v1/ask:response", {}, 0, 1),
    Record("warehouse", 1, "read", "sql:core.s", {}, 0, 1),
    Record("warehouse", 2, "read", "sql:core.s", {}, 0, 1),
]
SIGNALS = [("app", "read", "device:glasses"), ("app", "call", "web:ask"), ("web", "read", "web:ask#utterance"),
           ("web", "write", "response:ask"), ("warehouse", "read", "warehouse:core.s"),
           ("warehouse", "read", "warehouse:core.s")]
operation = st.tuples(st.sampled_from(("web", "logger")), st.sampled_from(("read", "write", "call")),
                      st.sampled_from(("web:ask", "logger:x", "rpc:logger.Append")))


def test_all_captured() -> None:
    found = operations(RECORDS, [*SIGNALS, ("web", "probe", "web:ask"), ("web", "gap", "web:ask")]).to_dict()
    assert found["operations"] == {"recall": 1.0, "invented": 0, "truth": 6, "captured": 6, "matched": 6}
    assert (found["missed"], found["invented"]) == ([], [])
    assert found["families"]["A"] == {"operations": 1.0, "truth": 4, "invented": 0}
    assert found["families"]["B"] == {"operations": 1.0, "truth": 2, "invented": 0}
    assert found["families"]["C"] == {"operations": None, "truth": 0, "invented": 0}


def test_missed_and_invented_are_told_apart_by_service_and_count() -> None:
    signals = [*SIGNALS[:4], SIGNALS[4], ("training", "read", "warehouse:core.s")]
    found = operations(RECORDS, signals).to_dict()
    assert found["operations"] == {"recall": 5 / 6, "invented": 1, "truth": 6, "captured": 6, "matched": 5}
    assert found["missed"] == [{"emitter": "warehouse", "op": "read", "asset": "warehouse:core.s", "count": 1}]
    assert found["invented"] == [{"emitter": "training", "op": "read", "asset": "warehouse:core.s", "count": 1}]
    assert found["families"]["B"] == {"operations": 0.5, "truth": 2, "invented": 0}
    assert found["families"]["D"] == {"operations": None, "truth": 0, "invented": 1}


def test_nothing_happened_is_unknown() -> None:
    assert operations([], []).recall is None
    assert operations([], SIGNALS).to_dict()["operations"]["recall"] is None


@given(truth=st.lists(operation), captured=st.lists(operation))
def test_counts_add_up(truth: list[tuple[str, str, str]], captured: list[tuple[str, str, str]]) -> None:
    from collections import Counter

    score = OperationsScore(Counter(truth), Counter(captured))
    assert score.matched.total() + score.missed.total() == len(truth)
    assert score.matched.total() + score.invented.total() == len(captured)
    found = score.to_dict()
    assert sum(one["truth"] for one in found["families"].values()) == len(truth)
    assert (score.recall == 1.0) == (bool(truth) and not score.missed)


def test_combine() -> None:
    whole, half, nothing = operations(RECORDS, SIGNALS), operations(RECORDS, SIGNALS[:3]), operations([], [])
    found = combine([whole, half, nothing])
    assert found["operations"]["recall"] == 0.75
    assert found["operations"]["interval"] == [0.5, 1.0]
    assert {key: found["operations"][key] for key in ("truth", "matched", "unknown", "invented")} == {
        "truth": 12, "matched": 9, "unknown": 1, "invented": 0}
    assert found["scenarios"] == 3
    assert found["missed"][-1] == {"emitter": "web", "op": "write", "asset": "response:ask", "count": 1}
    assert found == combine([whole, half, nothing])


def test_combine_of_little_is_unknown() -> None:
    assert combine([])["operations"]["recall"] is None
    assert combine([operations(RECORDS, SIGNALS)])["operations"]["interval"] is None


def test_of_run(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.db", "app")
    journal.device("read", 1)
    journal.close()
    with pytest.raises(RunError, match="PAI032"):
        of_run(tmp_path)
    with sqlite3.connect(tmp_path / "lineage.db") as file:
        file.execute("CREATE TABLE signals(emitter, seq, op, asset)")
        file.execute("INSERT INTO signals VALUES ('app', 0, 'read', 'device:glasses')")
    file.close()
    assert signals_of(tmp_path / "lineage.db") == [("app", "read", "device:glasses")]
    assert of_run(tmp_path).recall == 1.0
