"""Scopes inside scopes: reads are inherited and given back, also over hops; the collector joins as the label does."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.discover.decode import decode
from lineage.discover.join import Join
from lineage.discover.labels import Labels
from lineage.enforce.guard import Guard
from lineage.enforce.requirement import Requirement
from lineage.enforce.rules import Rules
from lineage.errors import PolicyDenied
from lineage.model import Label
from lineage.privacylib import Capture, Extension, MemorySink, Operation, PrivacyLib, Site
from lineage.privacylib.batch import encode, packed

KEY = "0af7651916cd43dd8448eb211c80319c"
OTHER = "1af7651916cd43dd8448eb211c80319c"
FIELDS = ("said", "seen", "place", "felt")


class Enforced(Extension):
    """The label that each write was judged by."""

    guards = True

    def __init__(self) -> None:
        self.labels: list[set[str]] = []

    def before(self, op: Operation) -> None:
        if op.kind == "write":
            self.labels.append(set(op.context.annotations))


def library(*extensions: Extension) -> PrivacyLib:
    lib = PrivacyLib("web", extensions, family="A")
    lib.register("web:ask", {field: Label(f"user.{field}", (field.upper(),)) for field in FIELDS})
    return lib


def read(lib: PrivacyLib, field: str) -> None:
    with lib.read("web:ask", fields=(field,)):
        pass


def write(lib: PrivacyLib, asset: str = "logger:x", sources: Mapping[str, Sequence[str]] | None = None) -> None:
    with lib.write(asset, fields=("a",), sources=sources):
        pass


def test_a_scope_inherits_and_gives_back_when_it_is_left() -> None:
    enforced = Enforced()
    lib = library(enforced)
    with lib.scope(key=KEY) as outer:
        read(lib, "said")
        with lib.scope() as inner:
            assert (inner.key, inner.scope) == (KEY, f"{outer.scope}/2")
            write(lib)
            read(lib, "seen")
            write(lib)
            assert set(outer.annotations) == {"SAID"}
        write(lib)
    assert enforced.labels == [{"SAID"}, {"SAID", "SEEN"}, {"SAID", "SEEN"}]


def test_a_scope_with_a_key_of_its_own_inherits_as_well() -> None:
    lib = library()
    with lib.scope(key=KEY):
        read(lib, "said")
        with lib.scope(key=OTHER) as inner:
            assert (inner.key, dict(inner.annotations)) == (OTHER, {"SAID": "web:ask#said"})


def test_an_error_gives_back_too() -> None:
    lib = library()
    with lib.scope(key=KEY) as outer:
        with pytest.raises(OSError), lib.scope():
            read(lib, "said")
            raise OSError
        assert set(outer.annotations) == {"SAID"}


def test_an_activity_goes_on_inside_so_a_scope_is_no_way_around_its_purpose() -> None:
    rules = Rules([Requirement("g", 1, "o", "z", "enforcement", frozenset({"SAID"}), frozenset({"assistance"}))])
    lib = library(Guard(rules))
    with lib.scope(key=KEY), lib.activity("job:ads", purpose="ads_ranking"):
        with lib.scope() as inner, pytest.raises(PolicyDenied):
            assert (inner.activity, inner.purpose) == ("job:ads", "ads_ranking")
            read(lib, "said")


def test_what_goes_on_from_a_queue_is_inside_nothing() -> None:
    lib = library()
    with lib.scope(key=KEY):
        item = lib.baggage()
    with lib.scope(key=OTHER) as consumer:
        read(lib, "said")
        with lib.resume(item) as resumed:
            assert dict(resumed.annotations) == {}
            read(lib, "seen")
        assert set(consumer.annotations) == {"SAID"}


async def test_tasks_side_by_side_keep_apart_and_their_join_is_a_union() -> None:
    enforced = Enforced()
    lib = library(enforced)
    began = asyncio.Barrier(3)

    async def work(field: str) -> None:
        with lib.scope() as inner:
            read(lib, field)
            write(lib)
            await began.wait()
            assert {"SAID", field.upper()} <= set(inner.annotations)  # one that was left before it may be in it too

    with lib.scope(key=KEY):
        read(lib, "said")
        tasks = [asyncio.create_task(work(field)) for field in ("seen", "place")]
        await began.wait()
        await asyncio.gather(*tasks)
        read(lib, "felt")
        write(lib)
    assert enforced.labels[-1] == {"SAID", "SEEN", "PLACE", "FELT"}
    assert sorted(map(sorted, enforced.labels[:2])) == [["PLACE", "SAID"], ["SAID", "SEEN"]]


def test_threads_of_one_scope_lose_nothing_to_each_other() -> None:
    """Each thread reads another field at the same time: no label replaces another."""
    fields = [f"f{number}" for number in range(40)]
    lib = PrivacyLib("web")
    lib.register("web:ask", {field: Label("x", (field,)) for field in fields})
    with ThreadPoolExecutor(8) as pool, lib.scope(key=KEY) as context:
        for future in [lib.submit(pool, read, lib, field) for field in fields]:
            future.result()
        assert set(context.annotations) == set(fields)


def test_a_thread_that_outlives_its_scope_still_gives_back() -> None:
    lib = library()
    with ThreadPoolExecutor(1) as pool, lib.scope(key=KEY) as outer:
        with lib.scope():
            late = lib.bind(lambda: read(lib, "said"))
        assert set(outer.annotations) == set()
        pool.submit(late).result()
        assert set(outer.annotations) == {"SAID"}


def test_what_the_outer_scope_reads_meanwhile_the_inner_one_has() -> None:
    lib = library()
    with lib.scope(key=KEY) as outer, lib.scope() as inner:
        with lib.activity("job:x") as activity:
            outer.join({"LATE": "web:ask#said"})
            assert set(inner.annotations) == set(activity.annotations) == {"LATE"}


# --- the enforced label ---------------------------------------------------------------------------

steps = st.recursive(
    st.lists(st.tuples(st.just("read"), st.sampled_from(FIELDS))
             | st.tuples(st.just("write"), st.none() | st.lists(st.sampled_from(FIELDS), max_size=2)), max_size=4),
    lambda inner: st.lists(st.tuples(st.sampled_from(["scope", "activity"]), inner)
                           | st.tuples(st.just("read"), st.sampled_from(FIELDS))
                           | st.tuples(st.just("write"), st.none() | st.lists(st.sampled_from(FIELDS), max_size=2)),
                           max_size=5), max_leaves=6)


def walk(lib: PrivacyLib, given: list[Any], had: frozenset[str], expected: list[set[str]]) -> Iterator[str]:
    """Runs the steps; yields what was read in them.  ``had``: what a write must be judged by at least."""
    mine: set[str] = set()
    for step, what in given:
        if step == "read":
            read(lib, what)
            mine.add(what.upper())
        elif step == "write":
            write(lib, sources=None if what is None else {"a": [f"web:ask#{field}" for field in what]})
            expected.append(set(had | mine))
        elif step == "scope":
            with lib.scope():
                mine |= set(walk(lib, what, had | mine, expected))
        else:
            with lib.activity("job:x"):
                mine |= set(walk(lib, what, had | mine, expected))
    yield from mine


@given(steps)
def test_a_write_is_judged_by_every_read_before_it_whatever_sources_says(given: list[Any]) -> None:
    enforced, expected = Enforced(), list[set[str]]()
    lib = library(enforced)
    with lib.scope(key=KEY):
        list(walk(lib, given, frozenset(), expected))
    assert len(enforced.labels) == len(expected)
    for label, least in zip(enforced.labels, expected, strict=True):
        assert label >= least
    # One after another, so there is nothing that it could have more of.
    assert enforced.labels == expected


# --- the collector --------------------------------------------------------------------------------


def low(sink: MemorySink) -> set[tuple[str, str]]:
    """The LOW links that the collector infers, through the wire."""
    found = Join(Labels({}), {})
    for signal in decode(encode("web", packed((record.site, *record[2:]) for record in sink.records))):
        found.feed(signal)
    return {(edge.source.removeprefix("web:ask#"), edge.target) for edge in found.edges.values()
            if edge.confidence == "LOW"}


def test_the_collector_joins_a_write_to_the_reads_of_the_scopes_around_it_and_of_those_that_were_left() -> None:
    sink = MemorySink()
    lib = library(Capture(sink))
    with lib.scope(key=KEY):
        read(lib, "said")
        with lib.scope():
            read(lib, "seen")
            write(lib, "logger:inner")
        with lib.scope():
            write(lib, "logger:second")
        write(lib, "logger:outer")
        read(lib, "place")
    assert low(sink) == {
        ("said", "logger:inner#a"), ("seen", "logger:inner#a"), ("said", "logger:second#a"),
        ("seen", "logger:second#a"), ("said", "logger:outer#a"), ("seen", "logger:outer#a")}


@given(steps)
def test_what_the_collector_infers_is_what_the_label_says(given: list[Any]) -> None:
    sink, enforced = MemorySink(), Enforced()
    lib = library(Capture(sink), enforced)
    with lib.scope(key=KEY):
        list(walk(lib, given, frozenset(), []))
    # Each write to an asset of its own, numbered as they came.
    count = iter(range(10_000))
    for index, record in enumerate(sink.records):
        if record.site.op == "write":
            sink.records[index] = record._replace(site=Site("write", f"logger:w{next(count)}", ("a",)))
    inferred = low(sink)
    for number, label in enumerate(enforced.labels):
        assert {field.upper() for field, target in inferred if target == f"logger:w{number}#a"} == label
