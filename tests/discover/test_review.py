"""The review: match set and full set of what the probes compared, and the queue for people."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lineage.discover import review
from lineage.discover.review import MAX_VALUES, Row
from lineage.discover.store import Store
from lineage.model import Signal
from lineage.privacylib import Capture, MemorySink, PrivacyLib, Probes
from lineage.privacylib.probes import hand_over

ASK, PROMPT, LOG = "web:ask#utterance", "web:prompt#prompt", "web:log#utterance"


def probe(seq: int, *pairs: tuple[str, str, str, str], why: str = "", hash_: str = "aa",
          limits: dict[str, int] | None = None) -> Signal:
    matched = [[index, why, hash_] for index, pair in enumerate(pairs) if pair[2] not in ("NO_MATCH", "sources")]
    detail: dict[str, Any] = {"pairs": [list(pair) for pair in pairs], "matched": matched}
    return Signal("web", seq, "probe", "web:prompt", keys=(f"k{seq}",), scope=f"web-{seq}",
                  detail={**detail, **({"limits": limits} if limits else {})})


def stored(*signals: Signal, edges: tuple[tuple[str, str, str], ...] = ()) -> Store:
    store = Store(":memory:")
    store.add(signals)
    store.replace("edges", ({"source": source, "target": target, "state": "observed", "confidence": confidence}
                            for source, target, confidence in edges))
    return store


def test_match_set_and_full_set_are_both_in_the_table() -> None:
    store = stored(probe(0, (ASK, PROMPT, "EXACT_MATCH", "HIGH"), (ASK, LOG, "NO_MATCH", "LOW")),
                   probe(1, (ASK, PROMPT, "EXACT_MATCH", "HIGH"), (ASK, LOG, "CONTAINS", "LOW"), why="low entropy"))
    review.save(store)
    assert review.full_set(store) == [
        Row(ASK, LOG, "CONTAINS", "LOW", "low entropy", "aa", 1), Row(ASK, LOG, "NO_MATCH", "LOW", "", "", 1),
        Row(ASK, PROMPT, "EXACT_MATCH", "HIGH", "", "aa", 1),
        Row(ASK, PROMPT, "EXACT_MATCH", "HIGH", "low entropy", "aa", 1)]
    assert {(row.source, row.sink) for row in review.match_set(store)} == {(ASK, PROMPT)}
    assert sum(row["count"] for row in store.db.query("SELECT count FROM review")) == 4


def test_what_the_code_says_of_a_hand_over_is_no_verdict() -> None:
    store = stored(probe(0, (ASK, PROMPT, "sources", "HIGH"), (ASK, PROMPT, "CONTAINS", "HIGH")))
    assert [(row.result, row.hash, row.count) for row in review.full_set(store)] == [("CONTAINS", "aa", 1)]


def test_the_queue_has_the_most_frequent_match_first_and_what_never_matched_last() -> None:
    low = ((ASK, LOG, "CONTAINS", "LOW"), ("web:ask#note", LOG, "NO_MATCH", "LOW"))
    store = stored(*(probe(seq, *low, why="common value", hash_=f"{seq % 2}") for seq in range(3)),
                   *(probe(seq, ("web:ask#note", PROMPT, "EXACT_MATCH", "LOW"), why="normalised")
                     for seq in range(3, 10)))
    queue = review.queue(store)
    assert [(pair.source, pair.sink, pair.matches, pair.compared, pair.values) for pair in queue] == [
        ("web:ask#note", PROMPT, 7, 7, 1), (ASK, LOG, 3, 3, 2), ("web:ask#note", LOG, 0, 3, 0)]
    assert (queue[1].results, queue[1].why) == (("CONTAINS",), ("common value",))
    assert review.queue(store, 1) == queue[:1]
    assert queue[0].to_dict()["matches"] == 7


def test_what_high_edges_explain_is_left_out() -> None:
    verdicts = (probe(0, (ASK, PROMPT, "EXACT_MATCH", "LOW"), (ASK, LOG, "EXACT_MATCH", "LOW"),
                      (ASK, "web:respond#answer", "CONTAINS", "LOW"), why="low entropy"),)
    left = [pair.sink for pair in review.queue(stored(*verdicts))]
    assert left == [LOG, PROMPT, "web:respond#answer"]
    by_edges = stored(*verdicts, edges=((ASK, PROMPT, "HIGH"), (PROMPT, LOG, "HIGH"),
                                        (LOG, "web:respond#answer", "LOW")))
    assert [pair.sink for pair in review.queue(by_edges)] == ["web:respond#answer"], "a LOW edge explains nothing"
    matched = stored(*verdicts, probe(1, (ASK, "web:respond#answer", "EXACT_MATCH", "HIGH")))
    assert "web:respond#answer" not in [pair.sink for pair in review.queue(matched)]


def test_a_match_that_another_source_explains_needs_no_person() -> None:
    verdict = (ASK, LOG, "EXACT_MATCH", "LOW")
    assert review.queue(stored(probe(0, verdict, why="explained by another source"))) == []
    mixed = stored(probe(0, verdict, why="explained by another source"), probe(1, verdict, why="low entropy"))
    assert [pair.matches for pair in review.queue(mixed)] == [2]


def test_the_values_of_one_verdict_are_bounded() -> None:
    verdict = (ASK, PROMPT, "EXACT_MATCH", "HIGH")
    store = stored(*(probe(seq, verdict, hash_=f"{seq:016x}") for seq in range(MAX_VALUES + 30)),
                   probe(998, verdict, hash_="often"), probe(999, verdict, hash_="often"))
    rows = review.full_set(store)
    assert len(rows) == MAX_VALUES + 1 and sum(row.count for row in rows) == MAX_VALUES + 32
    assert [row.hash for row in rows[:2]] == ["", "often"]


def test_later_signals_are_taken_in_and_a_store_without_probes_is_empty(tmp_path: Path) -> None:
    assert review.queue(stored()) == [] == review.full_set(stored())
    store = Store(tmp_path / "lineage.db")
    store.add([probe(0, (ASK, LOG, "CONTAINS", "LOW"), why="low entropy")])
    assert review.queue(store)[0].matches == 1
    store.add([probe(1, (ASK, LOG, "CONTAINS", "LOW"), why="low entropy")])
    assert review.queue(store)[0].matches == 2
    store.close()
    again = Store(tmp_path / "lineage.db")
    assert review.queue(again)[0].matches == 2
    again.close()


def test_what_was_not_looked_at_in_full_is_added_up() -> None:
    store = stored(probe(0, limits={"not UTF-8": 2}), probe(1, limits={"not UTF-8": 1, "too many leaves": 1}))
    assert review.limits(store) == {"not UTF-8": 3, "too many leaves": 1}


def test_from_the_probe_to_the_queue_no_payload_is_stored() -> None:
    sink = MemorySink()
    lib = PrivacyLib("web", [Capture(sink), Probes()], family="A")
    for number in range(5):
        with lib.scope(key=f"{number + 1:032x}"):
            lib.source("web:ask", {"utterance": f"Call Anna about door {number}", "country": "Norway"})
            hand_over(lib, "web:prompt", {"prompt": f"Call Anna about door {number}", "place": "Norway"}, {})
    store = stored(*(Signal("web", record.seq, "probe", record.site.asset, scope=record.scope, keys=(record.key,),
                            detail=json.loads(record.detail)) for record in sink.records if record.detail))
    assert [(row.result, row.count) for row in review.match_set(store)] == [("EXACT_MATCH", 1)] * 5
    (country, *never) = review.queue(store)
    assert (country.source, country.sink, country.matches, country.why) == (
        "web:ask#country", "web:prompt#place", 5, ("low entropy",))
    assert all(pair.matches == 0 for pair in never)
    dump = "\n".join(store.db.conn.iterdump())
    assert "Anna" not in dump and "Norway" not in dump
