"""A reader is one object for all its reads: of tasks and threads at once, and whatever the hooks want."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from lineage.errors import PolicyDenied
from lineage.model import Label
from lineage.privacylib import Capture, Extension, MemorySink, Operation, PrivacyLib

KEYS = [f"{number:032x}" for number in range(1, 9)]


class Silencing(Extension):
    """As a fault does: every other read of an asset leaves no signal."""

    def __init__(self) -> None:
        self.seen = 0

    def before(self, op: Operation) -> None:
        self.seen += 1
        op.silent = self.seen % 2 == 0


class Refusing(Extension):
    guards = by_case = True

    def before(self, op: Operation) -> None:
        if op.kind == "read" and op.context.purpose == "ads":
            raise PolicyDenied("PAI301", "no", where=op.asset)


def library(*extensions: Extension) -> tuple[PrivacyLib, MemorySink]:
    sink = MemorySink()
    lib = PrivacyLib("web", [Capture(sink), *extensions], family="A")
    lib.register("web:ask", {"said": Label("user.utterance", ("G",))})
    sink.records.clear()
    return lib, sink


async def test_tasks_are_in_it_at_once() -> None:
    lib, sink = library()
    reads = lib.reader("web:ask", ("said",))

    async def work(key: str) -> None:
        with lib.scope(key=key) as context:
            with reads:
                await asyncio.sleep(0)
                assert dict(context.annotations) == {"G": "web:ask#said"}

    await asyncio.gather(*map(work, KEYS))
    assert sorted(record.key for record in sink.records) == KEYS
    assert {(record.site.op, record.site.fields, record.site.family) for record in sink.records} == {
        ("read", ("said",), "A")}


def test_an_error_is_said_and_a_refusal_leaves_nothing() -> None:
    lib, sink = library(Refusing())
    reads = lib.reader("web:ask", ("said",))
    with lib.scope(key=KEYS[0]), pytest.raises(OSError), reads:
        raise OSError
    with lib.scope(key=KEYS[0], purpose="ads"), pytest.raises(PolicyDenied), reads:
        pytest.fail("the read happened")
    assert [json.loads(record.detail) for record in sink.records] == [{"error": "OSError"}]


def test_outside_every_scope_it_is_a_gap() -> None:
    lib, sink = library()
    with lib.reader("web:ask", ("said",)):
        pass
    assert [record.site.op for record in sink.records] == ["gap", "gap", "read"]


def test_the_family_of_its_scope_is_its_own() -> None:
    lib, sink = library()
    reads = lib.reader("web:ask", ("said",))
    with lib.scope(key=KEYS[0], family="D"), reads:
        pass
    assert sink.records[0].site.family == "D"


def test_what_a_hook_did_to_each_read_is_that_reads_own() -> None:
    lib, sink = library(Silencing())
    reads = lib.reader("web:ask", ("said",))

    def work(key: str) -> None:
        with lib.scope(key=key), reads, reads:
            pass

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, KEYS))
    assert len(sink.records) == len(KEYS)
