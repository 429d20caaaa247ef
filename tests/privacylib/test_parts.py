"""Parts of one output: one asset, one edge a source, every part counted, a hole noticed; whoever writes them."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.demonstrate.verifiers import unwritten
from lineage.discover.declare import Declared
from lineage.discover.lineage import Lineage, derive
from lineage.discover.store import Store
from lineage.model import Finding
from lineage.privacylib import Capture, MemorySink, PrivacyLib, Record
from tests.privacylib.test_keyvalue import a_service, key, signals

OUTPUT, SOURCE = "file:exports/x", "warehouse:core.a#said"


def derived(*sinks: tuple[str, list[Record]]) -> Lineage:
    store = Store(":memory:")
    for emitter, records in sinks:
        store.add(signals(emitter, records))
    return derive(store, Declared([], {}), {})


def edge(lineage: Lineage, source: str = SOURCE, target: str = f"{OUTPUT}#v") -> dict[str, object]:
    [found] = [one.to_dict() for one in lineage.edges if (one.source, one.target) == (source, target)]
    return {name: found.get(name) for name in ("count", "confidence", "parts")}


def write(lib: PrivacyLib, number: int, of: int) -> None:
    with lib.write_part(OUTPUT, number, of, sources={"v": [SOURCE]}):
        pass


def work(number: int, of: int, baggage: str) -> tuple[str, list[Record]]:
    """In a process of its own: a library of its own, the scope from the baggage."""
    name, sink = f"worker-{number}", MemorySink()
    lib = PrivacyLib(name, [Capture(sink)])
    with lib.resume(baggage, OUTPUT):
        write(lib, number, of)
    return name, sink.records


def test_threads_write_under_the_key_of_the_scope_that_handed_them_the_work() -> None:
    lib, sink = a_service()
    with ThreadPoolExecutor(4) as workers, lib.scope(key=key(1)):
        for done in [lib.submit(workers, write, lib, number, 8) for number in range(8)]:
            done.result()
    lineage = derived(("web", sink.records))
    assert edge(lineage) == {"count": 1, "confidence": "HIGH", "parts": 8}
    assert lineage.findings == [] and list(unwritten(lineage)) == []


def test_processes_write_under_the_key_that_came_as_baggage() -> None:
    lib, _ = a_service()
    with lib.scope(key=key(1)):
        baggage = lib.baggage()
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as workers:
        sinks = [done.result() for done in [workers.submit(work, number, 4, baggage) for number in range(4)]]
    lineage = derived(*sinks)
    assert edge(lineage) == {"count": 1, "confidence": "HIGH", "parts": 4}
    assert list(unwritten(lineage)) == []


def test_without_its_baggage_a_worker_is_a_gap_and_its_part_missing() -> None:
    lib, _ = a_service()
    with lib.scope(key=key(1)):
        baggage = lib.baggage()
    lineage = derived(work(0, 2, baggage), work(1, 2, ""))
    assert [(one.code, one.count) for one in lineage.findings] == [("PAI201", 1)]
    assert [one.count for one in unwritten(lineage)] == [1, 1]  # neither making is whole


def test_a_missing_part_is_found_and_counted() -> None:
    lib, sink = a_service()
    for making, there in ((1, (0, 2)), (2, (0, 2)), (3, (0, 1, 2, 3))):
        with lib.scope(key=key(making)):
            for number in there:
                write(lib, number, 4)
    lineage = derived(("web", sink.records))
    assert edge(lineage) == {"count": 3, "confidence": "HIGH", "parts": 4}
    assert list(unwritten(lineage)) == [Finding(
        "PAI206", OUTPUT, "2 of 4 parts were written; part 1, 3 is missing",
        f"sightline graph --from {OUTPUT} --depth 1", 4)]


def test_a_part_whose_write_failed_is_missing() -> None:
    lib, sink = a_service()
    with lib.scope(key=key(1)):
        write(lib, 0, 2)
        with pytest.raises(OSError), lib.write_part(OUTPUT, 1, 2, sources={"v": [SOURCE]}):
            raise OSError("disk full")
    assert [one.what for one in unwritten(derived(("web", sink.records)))] == [
        "1 of 2 parts were written; part 1 is missing"]


def test_who_reads_every_part_has_read_the_whole() -> None:
    lib, sink = a_service()
    with lib.scope(key=key(1)):
        for number in range(3):
            write(lib, number, 3)
    for reader, wanted in ((2, range(3)), (3, range(1))):
        with lib.scope(key=key(reader)):
            for number in wanted:
                with lib.read_part(OUTPUT, number, 3, fields=("v",)):
                    pass
            with lib.write(f"file:copy-{reader}", fields=("v",)):
                pass
    lineage = derived(("web", sink.records))
    assert edge(lineage, f"{OUTPUT}#v", "file:copy-2#v") == {"count": 1, "confidence": "LOW", "parts": 3}
    assert edge(lineage, f"{OUTPUT}#v", "file:copy-3#v") == {"count": 1, "confidence": "LOW", "parts": 1}


@given(st.integers(1, 12).flatmap(lambda of: st.tuples(st.just(of), st.lists(st.integers(0, of - 1), max_size=30))))
def test_any_order_and_any_repetition(case: tuple[int, list[int]]) -> None:
    """Written twice is counted once; what is missing is exactly what nobody wrote."""
    of, written = case
    lib, sink = a_service()
    with lib.scope(key=key(1)):
        for number in written:
            write(lib, number, of)
    lineage = derived(("web", sink.records))
    missing = sum(one.count for one in unwritten(lineage))
    assert missing == (of - len(set(written)) if written else 0)
    if written:
        assert edge(lineage)["parts"] == len(set(written)) and edge(lineage)["count"] == 1


@pytest.mark.parametrize(("number", "of"), [(-1, 4), (4, 4), (0, 0), (0, 100_001)])
def test_a_part_that_there_cannot_be_is_refused(number: int, of: int) -> None:
    lib, sink = a_service()
    for operation in (lib.write_part, lib.read_part):
        with pytest.raises(ValueError, match="numbered from 0"):
            operation(OUTPUT, number, of)
    assert sink.records == []
