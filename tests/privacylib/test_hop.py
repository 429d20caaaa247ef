"""Hops: what keeps the context by itself, what has to be bound, what crosses to another process."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.privacylib import Capture, MemorySink, PrivacyLib
from lineage.privacylib.hop import MAX_BAGGAGE

ROOT = Path(__file__).resolve().parents[2]
KEY = "0af7651916cd43dd8448eb211c80319c"


def recording(service: str = "web") -> tuple[PrivacyLib, MemorySink]:
    sink = MemorySink()
    return PrivacyLib(service, [Capture(sink)]), sink


def ops(sink: MemorySink) -> list[tuple[str, str]]:
    return [(record.site.op, record.site.asset) for record in sink.records]


def reading(lib: PrivacyLib) -> Callable[[], None]:
    def read() -> None:
        with lib.read("file:x"):
            pass

    return read


def in_pool(lib: PrivacyLib, function: Callable[[], None], *, bound: bool) -> None:
    with ThreadPoolExecutor(1) as executor:
        (lib.submit(executor, function) if bound else executor.submit(function)).result()


def in_thread(lib: PrivacyLib, function: Callable[[], None], *, bound: bool) -> None:
    thread = threading.Thread(target=lib.bind(function) if bound else function)
    thread.start()
    thread.join()


def in_executor_of_a_loop(lib: PrivacyLib, function: Callable[[], None], *, bound: bool) -> None:
    async def run() -> None:
        await asyncio.get_running_loop().run_in_executor(None, lib.bind(function) if bound else function)

    asyncio.run(run())


def on_a_loop_of_another_thread(lib: PrivacyLib, function: Callable[[], None], *, bound: bool) -> None:
    """A loop's callback that a thread without the context registers."""
    loop = asyncio.new_event_loop()
    called = lib.bind(function) if bound else function
    in_thread(lib, lambda: (loop.call_soon_threadsafe(called), loop.call_soon_threadsafe(loop.stop))[0] and None,
              bound=False)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    thread.join()
    loop.close()


@pytest.mark.parametrize("hop", [in_pool, in_thread, in_executor_of_a_loop, on_a_loop_of_another_thread])
def test_a_hop_that_loses_the_context_is_a_gap_and_a_bound_one_is_none(hop: Any) -> None:
    for bound, expected in ((False, [("gap", "web"), ("read", "file:x")]), (True, [("read", "file:x")])):
        lib, sink = recording()
        with lib.scope(key=KEY, purpose="assistance"):
            hop(lib, reading(lib), bound=bound)
        assert ops(sink) == expected
        assert (sink.records[-1].key == KEY) is bound


async def in_task(function: Callable[[], None]) -> None:
    async def run() -> None:
        function()

    await asyncio.create_task(run())


async def in_gather(function: Callable[[], None]) -> None:
    await asyncio.gather(in_task(function))


async def in_to_thread(function: Callable[[], None]) -> None:
    await asyncio.to_thread(function)


async def in_callback(function: Callable[[], None]) -> None:
    asyncio.get_running_loop().call_later(0, function)
    await asyncio.sleep(0.01)


@pytest.mark.parametrize("hop", [in_task, in_gather, in_to_thread, in_callback])
async def test_tasks_callbacks_and_to_thread_keep_the_context_by_themselves(hop: Any) -> None:
    lib, sink = recording()
    with lib.scope(key=KEY):
        await hop(reading(lib))
    assert [(record.site.op, record.key) for record in sink.records] == [("read", KEY)]


async def test_background_work_goes_on_in_its_scope_when_the_request_is_answered() -> None:
    lib, sink = recording()
    answered = asyncio.Event()

    async def later() -> None:
        await answered.wait()
        with lib.write("file:x", sources={}):
            pass

    with lib.handling("web:ask", {"traceparent": f"00-{KEY}-b7ad6b7169203331-01"}) as context:
        task = asyncio.create_task(later())
    with lib.scope(key=f"{1:032x}"):
        answered.set()
        await task
    assert [(record.site.op, record.key, record.scope) for record in sink.records] == [("write", KEY, context.scope)]


def test_a_bound_function_may_run_at_the_same_time_and_changes_nothing_for_others() -> None:
    lib, sink = recording()
    meeting = threading.Barrier(4)

    def work(number: int, *, more: int) -> tuple[int, str]:
        with lib.activity(f"job:{number}"):
            meeting.wait(5)
            with lib.read("file:x"):
                return number + more, lib.context.activity

    with ThreadPoolExecutor(4) as executor:
        with lib.scope(key=KEY):
            bound = lib.bind(work)
            pending = [executor.submit(bound, number, more=1) for number in range(4)]
        assert [future.result() for future in pending] == [(number + 1, f"job:{number}") for number in range(4)]
    assert bound.__name__ == "work"
    assert {(record.site.op, record.key) for record in sink.records} == {("read", KEY)}


def test_a_pools_thread_keeps_nothing_of_what_was_submitted() -> None:
    lib, sink = recording()
    with ThreadPoolExecutor(1) as executor:
        for number in (1, 2):
            with lib.scope(key=f"{number:032x}"):
                lib.submit(executor, reading(lib)).result()
        executor.submit(reading(lib)).result()
        executor.submit(reading(lib)).result()
    assert [record.key for record in sink.records[:2]] == [f"{1:032x}", f"{2:032x}"]
    assert ops(sink)[2:] == [("gap", "web"), ("read", "file:x")] * 2  # each lost hop is a gap of its own
    assert len({record.key for record in sink.records if record.site.op == "read"}) == 4


def test_baggage_takes_the_scope_to_another_library() -> None:
    web, _ = recording()
    logger, sink = recording("logger")
    with web.scope(key=KEY, purpose="assistance", principal="web", region="NO", activity="job:x",
                   claims=b"\x00claims") as context:
        context.annotations["GLASSES_INTERACTION"] = "web:ask#photo"
        text = web.baggage()
    for form in (text, text.encode()):
        with logger.resume(form, "logger:queue") as resumed, logger.read("logger:queue"):
            pass
        assert (resumed.key, resumed.purpose, resumed.principal, resumed.region, resumed.activity, resumed.claims,
                resumed.annotations) == (KEY, "assistance", "web", "NO", "job:x", b"\x00claims", context.annotations)
    assert ops(sink) == [("read", "logger:queue")] * 2
    assert text.isascii()


CHILD = """
import json, sys
from lineage.privacylib import Capture, MemorySink, PrivacyLib
sink = MemorySink()
lib = PrivacyLib("logger", [Capture(sink)])
for item in json.load(sys.stdin):
    with lib.resume(item.get("baggage"), "logger:queue"), lib.read("logger:queue"):
        pass
print(json.dumps([(record.site.op, record.key) for record in sink.records]))
"""


def test_a_queue_to_another_process_keeps_each_items_key_and_an_item_without_one_is_a_gap() -> None:
    lib, _ = recording()
    queue: list[dict[str, str]] = []
    for number in (1, 2):
        with lib.scope(key=f"{number:032x}"):
            queue.append({"item": str(number), "baggage": lib.baggage()})
    queue.append({"item": "lost"})
    done = subprocess.run([sys.executable, "-c", CHILD], input=json.dumps(queue), capture_output=True, text=True,
                          timeout=60, cwd=ROOT, check=True)
    found = json.loads(done.stdout)
    assert found[:2] == [["read", f"{1:032x}"], ["read", f"{2:032x}"]]
    assert [op for op, _ in found[2:]] == ["gap", "read"]


GOOD = {"traceparent": f"00-{KEY}-b7ad6b7169203331-01"}


@pytest.mark.parametrize("baggage", [
    None, "", b"", 7, "{", "[]", "null", "{}", json.dumps({"traceparent": "00-nonsense"}), b"\xff\xfe",
    json.dumps({**GOOD, "purpose": 3}), json.dumps({**GOOD, "claims": "***"}), json.dumps({**GOOD, "claims": 3}),
    json.dumps({**GOOD, "annotations": ["A"]}), json.dumps({**GOOD, "annotations": {"A": 1}}),
    json.dumps({**GOOD, "purpose": "\ud800"}), json.dumps({**GOOD, "purpose": "x" * MAX_BAGGAGE}),
    "[" * MAX_BAGGAGE, json.dumps({**GOOD, "more": "[" * MAX_BAGGAGE})])
def test_malformed_baggage_is_a_gap_and_a_key_of_its_own(baggage: object) -> None:
    lib, sink = recording("logger")
    with lib.resume(baggage, "logger:queue") as context:
        assert len(context.key) == 32
        assert context.key != KEY
        assert (context.activity, context.purpose, context.claims, context.annotations) == ("", "", b"", {})
    assert ops(sink) == [("gap", "logger:queue")]
    assert json.loads(sink.records[0].detail)["code"] == "PAI201"


@given(st.one_of(st.text(), st.binary(), st.dictionaries(st.text(), st.text()).map(json.dumps),
                 st.dictionaries(st.sampled_from(["purpose", "claims", "annotations", "cut", "region"]),
                                 st.one_of(st.text(), st.none(), st.booleans(), st.lists(st.text()),
                                           st.dictionaries(st.text(), st.text())))
                 .map(lambda fields: json.dumps({**GOOD, **fields}))))
def test_any_baggage_is_resumed_or_a_gap_never_an_exception(baggage: object) -> None:
    lib, sink = recording("logger")
    with lib.resume(baggage) as context:
        pass
    assert (context.key == KEY) or ops(sink) == [("gap", "logger")]
    for text in (context.activity, context.purpose, context.region, *context.annotations.values()):
        text.encode()


@pytest.mark.parametrize(("purpose", "kept"), [("assistance", "assistance"), ("p" * MAX_BAGGAGE, "")])
def test_baggage_that_does_not_fit_is_cut_and_the_other_side_is_told(purpose: str, kept: str) -> None:
    web, _ = recording()
    logger, sink = recording("logger")
    with web.scope(key=KEY, purpose=purpose) as context:
        context.annotations.update({f"ANNOTATION_{number}": "web:ask#photo" for number in range(1000)})
        text = web.baggage()
    assert len(text) <= MAX_BAGGAGE
    with logger.resume(text, "logger:queue") as resumed:
        pass
    assert (resumed.key, resumed.purpose) == (KEY, kept)
    assert ops(sink) == [("gap", "logger:queue")]


def test_baggage_outside_every_scope_is_a_gap() -> None:
    lib, sink = recording()

    async def orphan() -> str:
        return lib.baggage()

    assert asyncio.run(orphan())
    assert ops(sink) == [("gap", "web")]
