"""The buffer: numbers in the order of recording, alike signals merged under back-pressure, nothing silent."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from lineage.discover.collector import decode
from lineage.discover.declare import Declared
from lineage.discover.lineage import derive
from lineage.discover.store import Store
from lineage.privacylib import Site
from lineage.privacylib.batch import batches
from lineage.privacylib.buffer import Buffer, Taken
from protos import collector_pb2 as pb

READ = Site("read", "web:ask", ("u",), (), False, "A", "")


def fill(buffer: Buffer, keys: Iterable[str]) -> None:
    for key in keys:
        buffer.append(READ, key, f"web-{key}", "", "", 1, "")


def keys(taken: Taken) -> list[str]:
    return [trace[0] for trace in taken.entries[1::2]]


def test_numbers_follow_the_order_of_recording() -> None:
    buffer = Buffer(limit=5)
    fill(buffer, "abc")
    first = buffer.take()
    fill(buffer, "de")
    second = buffer.take()
    assert (first.first, keys(first), second.first, keys(second)) == (0, ["a", "b", "c"], 3, ["d", "e"])
    assert (first.counts, first.dropped, buffer.recorded, buffer.take().entries) == ([], 0, 5, [])


def test_a_full_buffer_merges_what_is_alike_and_drops_the_rest_and_says_both() -> None:
    buffer = Buffer(limit=8)
    fill(buffer, "abcdefgh")
    fill(buffer, "xxxx")  # the first and, for three, the last
    fill(buffer, "yz")  # no room
    taken = buffer.take()
    assert keys(taken) == [*"abcdefgh", "x", "x"]
    assert taken.counts == [1] * 9 + [3]
    assert taken.entries[-2] == (READ, 3, "")  # rows add up
    assert (taken.dropped, buffer.aggregated, buffer.dropped, buffer.recorded) == (2, 2, 2, 14)
    fill(buffer, "n")
    assert buffer.take().first == 14


def test_what_comes_after_the_end_is_dropped_and_counted() -> None:
    buffer = Buffer()
    fill(buffer, "a")
    buffer.shut()
    fill(buffer, "b")
    assert keys(buffer.take()) == ["a"]
    assert (buffer.recorded, buffer.dropped) == (2, 1)


def test_threads_lose_nothing_and_each_keeps_its_order() -> None:
    buffer = Buffer(limit=400)
    taken: list[Taken] = []
    done = threading.Event()

    def empty() -> None:
        while not done.is_set():
            taken.append(buffer.take())

    def record(name: str) -> None:
        fill(buffer, (f"{name}{index:05}" for index in range(5_000)))

    reader = threading.Thread(target=empty)
    writers = [threading.Thread(target=record, args=(name,)) for name in "abcd"]
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    reader.join()
    taken.append(buffer.take())
    kept = [key for one in taken for key in keys(one)]
    assert len(kept) + buffer.dropped == 20_000 == buffer.recorded
    assert len(set(kept)) == len(kept)
    for name in "abcd":
        own = [key for key in kept if key[0] == name]
        assert own == sorted(own)
    ends = [one.first + len(one) + one.dropped for one in taken]
    assert [one.first for one in taken] == [0, *ends[:-1]]


# Reads and writes of two scopes; a write without sources derives from what its scope has read before it.
sites = st.sampled_from([
    Site("read", "web:ask", ("utterance",), (), False, "A", ""),
    Site("read", "web:ask", ("photo",), (), False, "A", ""),
    Site("read", "warehouse:core.sessions", ("utterance",), (), False, "B", "job:a"),
    Site("write", "response:ask", ("answer",), (), False, "A", ""),
    Site("write", "logger:glasses_session", ("utterance",), (("utterance", ("web:ask#utterance",)),), True, "A", ""),
    Site("call", "rpc:inference.Generate", ("request.prompt", "response.answer"), (), False, "C", ""),
    Site("gap", "web", (), (), False, "A", "")])
signals = st.lists(st.tuples(sites, st.sampled_from("xy"), st.integers(1, 9)), max_size=60)


def picture(given: list[Any], limit: int, takes: Callable[[int], bool], merging: int = 0) -> tuple[Any, int, Buffer]:
    """The derived picture of what went through a buffer of ``limit``, and what the store counted."""
    buffer, store = Buffer(limit, merging=merging), Store(":memory:")

    def ship() -> None:
        taken = buffer.take()
        for batch in batches("web", taken.entries, taken.counts, first=taken.first):
            again = pb.SignalBatch.FromString(batch.SerializeToString())
            store.add(decode(again), again.count, emitter="web", recorded=buffer.recorded)

    for index, (site, key, rows) in enumerate(given):
        detail = '{"code": "PAI201", "why": "lost"}' if site.op == "gap" else ""
        buffer.append(site, key * 32, f"web-{key}", "", "", rows, detail)
        if takes(index):
            ship()
    ship()
    lineage = derive(store, Declared([], {}), {})
    return ([edge.to_dict() for edge in lineage.edges], sorted(lineage.reported.items()),
            [finding.to_dict() for finding in lineage.findings]), sum(store.counts().values()), buffer


@given(signals, st.sets(st.integers(0, 59)))
def test_merging_loses_no_edge_no_key_and_no_count(given: list[Any], stops: set[int]) -> None:
    whole, _, _ = picture(given, 1_000, stops.__contains__)
    # Seven sites under two keys, a first and a last of each.
    merged, delivered, buffer = picture(given, 1, stops.__contains__, merging=28)
    assert merged == whole
    assert delivered == buffer.recorded == len(given)
    assert buffer.dropped == 0
