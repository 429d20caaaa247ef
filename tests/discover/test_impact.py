"""Whose data is in what, on small hand-made runs: by keys where keys tell, by tables where they do not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import count
from typing import Any

import pytest

from lineage.discover.impact import Impact, Impacts, told
from lineage.model import Signal

ANN, BOB = "a" * 16, "b" * 16
# The keys of rows: two of Ann's, one of Bob's; of a later question of Bob's; of jobs and runs.
A1, A2, B1, B2 = "a1", "a2", "b1", "b2"
JOB, RUN, NEXT = "job", "run", "next"
S, D, F = "warehouse:core.s", "warehouse:core.d", "warehouse:core.f"
READ = "rpc:warehouse.Read.response"
SCHEMA = {"core.s": {"u": "", "_key": ""}, "core.d": {"u": "", "_key": ""}, "core.f": {"n": ""}}
_numbers = count()


def signal(op: str, asset: str, *fields: str, keys: Iterable[str], scope: str = "", rows: int = 1,
           links: Mapping[str, Iterable[str]] | None = None, activity: str = "", **detail: Any) -> Signal:
    made = tuple((field, tuple(sources)) for field, sources in (links or {}).items())
    return Signal("warehouse", next(_numbers), op, asset, fields or tuple(links or ()), made,  # type: ignore[arg-type]
                  links is not None, keys=tuple(keys), scope=scope, rows=rows, activity=activity, detail=detail)


def arrived(*rows: tuple[str, str], table: str = S) -> Signal:
    """Rows (key, whose) of a table."""
    return signal("write", table, keys=[key for key, _ in rows], scope="w-0", rows=len(rows),
                  links={"u": ["rpc:warehouse.Append.request#u"]}, subjects=[whose for _, whose in rows])


def job(statement: str, source: str, target: str, columns: Iterable[str], key: str = JOB, scope: str = "w-1",
        ) -> list[Signal]:
    return [signal("read", source, "u", keys=[key], scope=scope, activity="job:j"),
            signal("write", target, *columns, keys=[key], scope=scope, activity="job:j", statement=statement,
                   reads={source.partition(":")[2]: ["u", "_key"]})]


DAILY = job("INSERT INTO core.d (u, _key) SELECT u, _key FROM core.s", S, D, ["u", "_key"])
COUNTED = job("INSERT INTO core.f (n) SELECT max(u) FROM core.s", S, F, ["n"])


def read(table: str, column: str, keys: Iterable[str], scope: str, run: str, rows: int = 1, **detail: Any,
         ) -> list[Signal]:
    """The warehouse gives rows to a run; with their keys, or where there are none under that of the run."""
    named = [*keys] or [run]
    return [signal("read", table, column, keys=named, scope=f"{scope}-w", rows=rows, activity="training:t", **detail),
            signal("write", READ, keys=named, scope=f"{scope}-w", rows=rows,
                   links={f"{table}.{column}".partition(":")[2]: [f"{table}#{column}"] if rows else []})]


def trained(checkpoint: str, sources: Iterable[str], keys: Iterable[str], scope: str, run: str) -> list[Signal]:
    own = [signal("read", "rpc:training.Train.request", "manifest", keys=[run], scope=scope)]
    return [*own, *(signal("read", source.partition("#")[0] + "@" + source.partition("@")[2], "weights", keys=[run],
                           scope=scope) for source in sources if source.startswith("checkpoint:")),
            *(signal("call", "rpc:warehouse.Read", f"response.{source.partition('#')[2]}", keys=[*keys] or [run],
                     scope=scope) for source in sources if source.startswith("rpc:")),
            signal("write", checkpoint, keys=[*keys] or [run], scope=scope, links={"weights": list(sources)})]


def answered(checkpoint: str, key: str) -> list[Signal]:
    name, _, version = checkpoint.partition("@")
    weights = f"{name}#weights@{version}"
    return [signal("write", "rpc:inference.Generate.response", keys=[key], scope=f"i-{key}",
                   links={"answer": [weights]}),
            signal("write", "response:ask", keys=[key], scope=f"web-{key}",
                   links={"answer": ["rpc:inference.Generate.response#answer"]})]


def impact(signals: Iterable[Signal], whose: str = ANN, findings: Iterable[dict[str, Any]] = ()) -> Impact:
    signals = list(signals)
    names = sorted({one.asset for one in signals})
    return Impacts({"assets": [{"name": name} for name in names], "edges": [], "findings": [*findings]},
                   signals, SCHEMA).of(whose)


def confidence(found: Impact) -> dict[str, str]:
    return {item.asset: item.confidence for item in found.items}


BOTH = arrived((A1, ANN), (B1, BOB), (A2, ANN))
SAID = f"{READ}#core.d.u"
MODEL, OTHER = "checkpoint:m@1", "checkpoint:m@2"
FIRST = [BOTH, *DAILY, *read(D, "u", [A1, B1, A2], "t1", RUN, 3), *trained(MODEL, [SAID], [A1, B1, A2], "t1", RUN)]
# Her rows were left out.
SECOND = [*read(D, "u", [B1], "t2", NEXT), *trained(OTHER, [SAID], [B1], "t2", NEXT)]


def test_rows_are_followed_by_their_keys_through_a_table() -> None:
    found = impact([*FIRST, *SECOND])
    stored = {asset: said for asset, said in confidence(found).items() if not asset.startswith("rpc:")}
    assert stored == {S: "holds", D: "may hold", "job:j": "may hold", "training:t": "holds", MODEL: "holds"}
    item = found.of(MODEL)
    assert item is not None and item.rows == 2 and item.path[-2:] == (SAID, "checkpoint:m#weights@1")
    assert confidence(impact([*FIRST, *SECOND], BOB))[OTHER] == "holds"


def test_nothing_is_read_where_every_row_was_withheld() -> None:
    none = [BOTH, *DAILY, *read(D, "u", [], "t2", NEXT, 0), *trained(OTHER, [SAID], [], "t2", NEXT)]
    assert OTHER not in confidence(impact(none))


def test_without_keys_there_is_only_the_table() -> None:
    rows = [BOTH, *COUNTED, *read(F, "n", [], "t1", RUN), *trained(MODEL, [f"{READ}#core.f.n"], [], "t1", RUN)]
    assert confidence(impact(rows))[MODEL] == confidence(impact(rows))[F] == "may hold"


def test_an_input_without_keys_is_not_excused_by_the_keys_of_another() -> None:
    """The rows of one table come with keys, none of them hers; what comes of the other, no key says."""
    rows = [BOTH, *DAILY, *COUNTED, *read(D, "u", [B1], "t1", RUN), *read(F, "n", [], "t1f", RUN)]
    own = [signal("read", "rpc:training.Train.request", "manifest", keys=[RUN], scope="t1"),
           signal("call", "rpc:warehouse.Read", "response.core.d.u", keys=[B1], scope="t1"),
           signal("call", "rpc:warehouse.Read", "response.core.f.n", keys=[RUN], scope="t1"),
           signal("write", MODEL, keys=[B1], scope="t1", links={"weights": [SAID, f"{READ}#core.f.n"]})]
    assert confidence(impact([*rows, *own]))[MODEL] == "may hold"


def test_a_base_is_in_what_is_made_of_it() -> None:
    """Fine-tuned on rows of others alone: the base's weights are in it all the same."""
    tuned = [*read(D, "u", [B1], "t2", NEXT), *trained(OTHER, [SAID, "checkpoint:m#weights@1"], [B1], "t2", NEXT)]
    found = impact([*FIRST, *tuned])
    assert confidence(found)[OTHER] == "holds" and found.of(OTHER).rows == 0  # type: ignore[union-attr]
    third = trained("checkpoint:m@3", ["checkpoint:m#weights@2"], [], "t3", "third")
    assert confidence(impact([*FIRST, *tuned, *third]))["checkpoint:m@3"] == "holds"
    assert OTHER not in confidence(impact([*FIRST, *trained(OTHER, ["file:corpus/c.tsv"], [], "t2", NEXT)]))


def test_a_table_that_is_filled_and_read_by_one_schedule() -> None:
    again = job("INSERT INTO core.f (n) SELECT max(u) FROM core.d", D, F, ["n"], JOB, "w-2")
    assert confidence(impact([BOTH, *DAILY, *again]))[F] == "may hold"


def test_answers_are_counted_for_whom_they_were_given_to() -> None:
    later = arrived((B2, BOB))
    found = impact([*FIRST, *answered(MODEL, B2), *answered(MODEL, "somebody"), later])
    assert found.answers == {MODEL: {"rpc:inference.Generate.response": {"": 1, BOB: 1}}}
    assert found.others == {"response:ask": {"": 1, BOB: 1}}
    assert confidence(found)["response:ask"] == "may hold"
    said = told(found, {BOB: "w-0002"})
    assert said["answers"] == [{"checkpoint": MODEL, "confidence": "holds", "count": 2, "to": {
        "unknown": 1, "w-0002": 1}, "response": "rpc:inference.Generate.response"}]
    assert said["runs"] == ["job:j", "training:t"]
    # Of a model that has none of her rows nobody was answered with hers.
    assert impact([*FIRST, *SECOND, *answered(OTHER, B2), later]).answers == {}


def test_what_a_model_told_others_may_teach_the_next() -> None:
    kept = signal("write", S, keys=[B2], scope="w-9", links={"u": ["response:ask#answer"]}, subjects=[BOB])
    found = impact([*FIRST, *answered(MODEL, B2), kept, *read(D, "u", [B2], "t2", NEXT),
                    *trained(OTHER, [SAID], [B2], "t2", NEXT)])
    assert confidence(found)[OTHER] == "may hold"


def test_rows_of_one_person_are_asked_for_by_name() -> None:
    """Ann's memory is read for Ann, Bob's for Bob, under a key of their own."""
    def of(key: str, whose: str) -> list[Signal]:
        return read(F, "n", [], f"m-{key}", key, subject=whose)

    assert "query:memory" not in confidence(impact([BOTH, *COUNTED, *of("q", BOB)]))
    assert READ not in confidence(impact([BOTH, *COUNTED, *of("q", BOB)]))
    assert confidence(impact([BOTH, *COUNTED, *of("q", ANN)]))[READ] == "may hold"


def test_a_key_that_is_two_peoples_is_nobodys_proof() -> None:
    shared = arrived((A1, ANN), (A1, BOB))
    rows = [shared, *DAILY, *read(D, "u", [A1], "t1", RUN), *trained(MODEL, [SAID], [A1], "t1", RUN)]
    assert confidence(impact(rows))[MODEL] == "may hold"


@pytest.mark.parametrize(("code", "place", "unknown"), [
    ("PAI203", "rpc:training", {OTHER}), ("PAI201", "rpc:warehouse.Read", {OTHER}), ("PAI202", S, {OTHER}),
    # Nothing of hers passes there; and what is only looked at.
    ("PAI201", "rpc:nobody.Asks", set[str]()), ("PAI101", S, set[str]())])
def test_a_gap_on_the_way_makes_the_rest_unknown(code: str, place: str, unknown: set[str]) -> None:
    found = impact([*FIRST, *SECOND], findings=[{"code": code, "asset": place, "what": "silent"}])
    assert {item.asset for item in found.items if item.confidence == "unknown"} == unknown
    assert confidence(found)[MODEL] == "holds"
    assert all(item.because for item in found.items if item.confidence == "unknown")


def test_a_checkpoint_of_which_nothing_says_what_it_was_made_from() -> None:
    silent = signal("read", OTHER, "weights", keys=[NEXT], scope="i-1")
    assert confidence(impact([*FIRST, silent]))[OTHER] == "unknown"


def test_nobody() -> None:
    assert impact([*FIRST], "c" * 16) == Impact(0) and impact([]) == Impact(0)
    odd = signal("write", S, keys=[A1], links={"u": []}, subjects="no list")
    assert impact([odd], ANN).keys == 0
