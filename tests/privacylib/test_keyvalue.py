"""Key-value stores: a read under a key comes from whoever wrote under it, whichever store lies below."""

from __future__ import annotations

import json
import shelve
from collections.abc import Iterator, MutableMapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from cachetools import TTLCache
from hypothesis import given
from hypothesis import strategies as st

from lineage.discover.graph import Graph
from lineage.discover.join import Join
from lineage.discover.labels import Labels
from lineage.errors import PolicyDenied
from lineage.model import Label, Signal
from lineage.privacylib import Capture, Extension, MemorySink, Operation, PrivacyLib, Record

STORE, VALUE = "feature:profile", "feature:profile#value"


def key(number: int) -> str:
    return f"{number:032x}"


def signals(emitter: str, records: list[Record]) -> Iterator[Signal]:
    for record in records:
        detail = json.loads(record.detail) if record.detail else {}
        keys = tuple(detail.pop("keys", ())) or (record.key,)
        site = record.site
        yield Signal(emitter, record.seq, site.op, site.asset, site.fields, site.links, site.linked,  # type: ignore[arg-type]
                     site.family, site.via, keys, record.scope, record.activity, record.purpose, record.rows, detail)


def joined(*sinks: tuple[str, MemorySink]) -> Join:
    join = Join(Labels({}), {})
    for emitter, sink in sinks:
        for signal in signals(emitter, sink.records):
            join.feed(signal)
    join.settle()
    return join


def pairs(join: Join, evidence: str = "entry") -> set[tuple[str, str]]:
    return {(source, target) for (source, target, _), edge in join.edges.items() if evidence in edge.evidence}


def graph(join: Join) -> Graph:
    return Graph({"assets": [], "findings": [], "edges": [edge.to_dict() for edge in join.edges.values()]})


@pytest.fixture(params=["dict", "ttl", "shelve"])
def below(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MutableMapping[Any, Any]]:
    with ExitStack() as open_files:
        yield {"dict": dict, "ttl": lambda: TTLCache(1000, 60),
               "shelve": lambda: open_files.enter_context(shelve.open(str(tmp_path / "store")))}[request.param]()


def a_service(name: str = "web") -> tuple[PrivacyLib, MemorySink]:
    sink = MemorySink()
    return PrivacyLib(name, [Capture(sink)]), sink


def copy_out(lib: PrivacyLib, store: MutableMapping[Any, Any], readers: list[tuple[int, str]]) -> None:
    for number, wanted in readers:
        with lib.scope(key=key(1000 + number)):
            store[wanted]
            with lib.write(f"file:out-{wanted}", sources={"v": [VALUE]}):
                pass


def test_k_entries_give_k_edges_not_k_times_k(below: MutableMapping[Any, Any]) -> None:
    lib, sink = a_service()
    store = lib.mapping(below, STORE, ("value",))
    for number in range(20):
        with lib.scope(key=key(number + 1)):
            store.put(str(number), number, sources={"value": [f"file:in-{number}#v"]})
    copy_out(lib, store, [(number, str(number)) for number in reversed(range(20))])
    join = joined(("web", sink))
    assert pairs(join) == {(f"file:in-{n}#v", f"file:out-{n}#v") for n in range(20)}
    assert all(edge.via == {STORE} for edge in join.edges.values() if "entry" in edge.evidence)
    ways = graph(join)
    assert ways.path("file:in-3#v", "file:out-3#v") is not None
    assert ways.path("file:in-3#v", "file:out-4#v") is None  # although both lie in the store
    assert ways.reach(["file:in-3#v"]) == {"file:in-3#v", VALUE, "file:out-3#v"}
    assert len(ways.reach([VALUE])) == 21  # what begins at the store leaves it under any key


def test_two_entries_of_one_request_are_told_apart() -> None:
    lib, sink = a_service()
    store = lib.mapping({}, STORE, ("value",))
    with lib.scope(key=key(1)):
        for name in "ab":
            store.put(name, name, sources={"value": [f"file:in-{name}#v"]})
    copy_out(lib, store, [(1, "a")])
    assert pairs(joined(("web", sink))) == {("file:in-a#v", "file:out-a#v")}


def test_a_miss_is_an_operation_and_no_flow() -> None:
    lib, sink = a_service()
    store = lib.mapping({}, STORE, ("value",))
    with lib.scope(key=key(1), activity="job:x"):
        assert store.get("nothing") is None and "nothing" not in store
        with lib.write("file:out", fields=("v",)):
            pass
    assert [(record.site.op, record.rows) for record in sink.records] == [("read", 0), ("read", 0), ("write", 1)]
    assert joined(("web", sink)).edges == {}


def test_an_overwritten_entry_is_of_its_last_writer() -> None:
    lib, sink = a_service()
    store = lib.mapping({}, STORE, ("value",))
    for number, origin in enumerate(("old", "new"), 1):
        with lib.scope(key=key(number)):
            store.put("a", origin, sources={"value": [f"file:{origin}#v"]})
    copy_out(lib, store, [(1, "a")])
    assert pairs(joined(("web", sink))) == {("file:new#v", "file:out-a#v")}


def test_a_removed_entry_is_gone_and_brings_nothing_in() -> None:
    lib, sink = a_service()
    store = lib.mapping({}, STORE, ("value",))
    with lib.scope(key=key(1)):
        store["a"] = 1
        assert list(store) == ["a"] and len(store) == 1
        assert store.pop("a") == 1 and not store
        with pytest.raises(KeyError):
            del store["a"]
    assert [record.site.op for record in sink.records] == ["write", "read", "read", "write", "write"]
    assert joined(("web", sink)).edges == {}


def test_without_sources_an_entry_is_made_of_what_its_scope_has_read_and_stays_low() -> None:
    lib, sink = a_service()
    store = lib.mapping({}, STORE, ("value",))
    with lib.scope(key=key(1)):
        with lib.read("file:in", fields=("v",)):
            pass
        store["a"] = 1
    copy_out(lib, store, [(1, "a")])
    join = joined(("web", sink))
    assert join.edges["file:in#v", "file:out-a#v", "observed"].confidence == "LOW"
    assert join.edges[VALUE, "file:out-a#v", "observed"].confidence == "HIGH"


def test_the_reader_may_be_another_process_whose_signals_come_first() -> None:
    shared: dict[Any, Any] = {}
    writer, wrote = a_service("writer")
    reader, read = a_service("reader")
    with writer.scope(key=key(1)):
        writer.mapping(shared, STORE, ("value",)).put("a", 1, sources={"value": ["file:in#v"]})
    copy_out(reader, reader.mapping(shared, STORE, ("value",)), [(1, "a")])
    assert pairs(joined(("reader", read), ("writer", wrote))) == {("file:in#v", "file:out-a#v")}


def test_through_a_chain_of_stores_and_a_cell_that_is_written_a_thousand_times() -> None:
    lib, sink = a_service()
    store = lib.mapping({}, STORE, ("value",))
    with lib.scope(key=key(1)):
        store.put("cell", 0, sources={"value": ["file:first#v"]})
    for number in range(2, 1500):
        with lib.scope(key=key(number)):
            store.put("cell", store["cell"] + 1, sources={"value": [VALUE, "file:more#v"]})
    copy_out(lib, store, [(2000, "cell")])
    assert {pair for pair in pairs(joined(("web", sink))) if pair[1].startswith("file:")} == {
        ("file:first#v", "file:out-cell#v"), ("file:more#v", "file:out-cell#v")}


def test_where_the_writer_is_not_known_the_store_itself_is_the_way() -> None:
    """The writer's signal was lost: any entry could be meant, and a way through the store is open again."""
    lib, sink = a_service()
    store = lib.mapping({}, STORE, ("value",))
    for number in (1, 2):
        with lib.scope(key=key(number)):
            store.put(str(number), 1, sources={"value": [f"file:in-{number}#v"]})
    copy_out(lib, store, [(1, "1")])
    del sink.records[0]
    join = joined(("web", sink))
    assert pairs(join) == set() and pairs(join, "lost") == {(VALUE, "file:out-1#v")}
    assert graph(join).path("file:in-2#v", "file:out-1#v") is not None


def test_what_nobody_wrote_through_the_library_is_a_gap_and_may_be_anything() -> None:
    lib, sink = a_service()
    below: dict[Any, Any] = {"a": 7}
    store = lib.mapping(below, STORE, ("value",))
    with lib.scope(key=key(1)):
        store.put("b", 1, sources={"value": ["file:in#v"]})
    with lib.scope(key=key(2)):
        assert store["a"] == 7
        with lib.write("file:out", sources={"v": [VALUE]}):
            pass
    assert [record.site.op for record in sink.records] == ["write", "read", "gap", "write"]
    assert graph(joined(("web", sink))).path("file:in#v", "file:out#v") is not None


class Refuse(Extension):
    guards = True

    def before(self, op: Operation) -> None:
        raise PolicyDenied("PAI301", "no")


def test_a_refused_write_or_read_does_not_touch_the_store() -> None:
    below: dict[Any, Any] = {"a": 1}
    store = PrivacyLib("web", [Refuse()]).mapping(below, STORE)
    for refused in (lambda: store["a"], lambda: store.put("b", 1), lambda: store.pop("a"), lambda: list(store)):
        with pytest.raises(PolicyDenied):
            refused()
    assert below == {"a": 1}


def test_the_label_of_the_writers_scope_comes_to_the_reader() -> None:
    """An entry may be more sensitive than its store's contract says."""
    lib, _ = a_service()
    store = lib.mapping({}, STORE, ("value",))
    lib.register(STORE, {"value": Label("user.answer")})
    with lib.scope(key=key(1)) as context:
        context.annotations["GLASSES_INTERACTION"] = "web:ask#photo"
        store["a"] = 1
    with lib.scope(key=key(2)) as context:
        assert store["a"] == 1
        assert context.annotations == {"GLASSES_INTERACTION": "web:ask#photo"}


@given(st.lists(st.tuples(st.sampled_from("wrd"), st.integers(0, 3)), max_size=40))
def test_any_history_links_each_reader_to_the_last_writer_of_its_key(history: list[tuple[str, int]]) -> None:
    lib, sink = a_service()
    store = lib.mapping({}, STORE, ("value",))
    last: dict[int, int] = {}
    expected = set()
    for number, (what, cell) in enumerate(history):
        with lib.scope(key=key(number + 1)):
            if what == "w":
                store.put(cell, number, sources={"value": [f"file:in-{number}#v"]})
                last[cell] = number
            elif what == "d":
                store.pop(cell, None)
                last.pop(cell, None)
            elif store.get(cell) is not None:
                with lib.write(f"file:out-{number}", sources={"v": [VALUE]}):
                    pass
                expected.add((f"file:in-{last[cell]}#v", f"file:out-{number}#v"))
    assert pairs(joined(("web", sink))) == expected
