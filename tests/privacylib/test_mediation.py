"""The audit hook sees what a service does; what no operation covers is a gap with its stack, and nothing else is."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from lineage.errors import PolicyDenied
from lineage.privacylib import Capture, Extension, JsonLinesSink, MemorySink, PrivacyLib, audit, together
from lineage.privacylib.mediation import CODE, Watch
from lineage.privacylib.operation import Operation
from tests.privacylib import acting

KEY = "0af7651916cd43dd8448eb211c80319c"
ACTING = "tests.privacylib.acting"


class Refusing(Extension):
    """A guard that refuses one asset, and counts what it let pass."""

    guards = True
    passed = 0

    def before(self, op: Operation) -> None:
        if op.asset == "file:forbidden":
            raise PolicyDenied("PAI301", "no")
        self.passed += 1


class Watched(NamedTuple):
    lib: PrivacyLib
    watch: Watch
    sink: MemorySink

    @property
    def gaps(self) -> list[str]:
        """As signals say them; the watch's own account has to agree."""
        said = [json.loads(record.detail) for record in self.sink.records if record.site.op == "gap"]
        found = [detail["why"] for detail in said if detail["code"] == CODE]
        account = self.watch.account()
        assert len(found) == sum(gap["count"] for gap in account["gaps"]) == sum(account["uncovered"].values())
        return found

    def count(self, verdict: str, kind: str = "file") -> int:
        return int(self.watch.account()[verdict].get(kind, 0))


def watched(name: str = "acting", packages: tuple[str, ...] = (ACTING,), **options: Any) -> Watched:
    sink, watch = MemorySink(), Watch(packages, **options)
    lib = PrivacyLib(name, [Capture(sink), watch.over(Refusing())])
    watch.start(lib)
    return Watched(lib, watch, sink)


@pytest.fixture
def one() -> Iterator[Watched]:
    made = watched()
    yield made
    made.watch.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "old").write_text("old")
    return tmp_path


# What is done → (kind, said of it, an operation that explains it, one that does not).
DONE: dict[Callable[[Path], None], tuple[str, str, tuple[str, str], tuple[str, str]]] = {
    acting.write_file: ("file", "opened to be written", ("write", "file:made"), ("call", "rpc:logger.Append")),
    acting.write_by_descriptor: ("file", "opened to be written", ("write", "logger:x"), ("write", "response:ask")),
    acting.rename: ("file", "a file was renamed", ("write", "file:new"), ("read", "web:ask")),
    acting.remove: ("file", "a file was removed", ("write", "file:old"), ("call", "rpc:logger.Append")),
    acting.database: ("database", "a database was opened", ("read", "warehouse:core.x"), ("call", "rpc:a.B")),
    acting.statement: ("database", "a statement ran", ("write", "warehouse:core.x"), ("call", "rpc:a.B")),
    acting.connect: ("socket", "a socket was connected", ("call", "rpc:logger.Append"), ("write", "logger:x")),
    acting.bind: ("socket", "a socket was bound", ("read", "web:ask"), ("write", "file:x")),
    acting.send: ("socket", "a datagram was sent", ("read", "feature:nearby"), ("write", "checkpoint:x@1")),
    acting.look_up: ("socket", "a host was looked up", ("call", "web:ask"), ("read", "file:x")),
    acting.run: ("process", "a process was started", ("call", "job:other"), ("write", "file:x")),
}


@pytest.mark.parametrize("done", DONE, ids=lambda done: done.__name__)
def test_outside_every_operation_it_is_a_gap(done: Callable[[Path], None], one: Watched, folder: Path) -> None:
    kind, what, *_ = DONE[done]
    with one.lib.scope(key=KEY):
        done(folder)
    assert one.gaps and all(what in gap and f"{ACTING}:" in gap and f" {done.__name__}" in gap for gap in one.gaps)
    assert one.count("uncovered", kind) == len(one.gaps) and one.count("covered", kind) == 0
    record = next(record for record in one.sink.records if record.site.op == "gap")
    assert record.key == KEY and record.site.asset == "rpc:acting"  # which request's data it was


@pytest.mark.parametrize("done", DONE, ids=lambda done: done.__name__)
def test_within_an_operation_that_explains_it_it_is_covered(done: Callable[[Path], None], one: Watched,
                                                            folder: Path) -> None:
    kind, _, (op, asset), _ = DONE[done]
    with one.lib.scope(key=KEY), getattr(one.lib, op)(asset):
        done(folder)
    assert one.gaps == [] and one.count("covered", kind) >= 1


@pytest.mark.parametrize("done", DONE, ids=lambda done: done.__name__)
def test_an_operation_of_another_kind_does_not_explain_it(done: Callable[[Path], None], one: Watched,
                                                          folder: Path) -> None:
    _, _, _, (op, asset) = DONE[done]
    with one.lib.scope(key=KEY), getattr(one.lib, op)(asset):
        done(folder)
    assert one.gaps


def test_the_stack_names_neither_path_nor_payload(one: Watched, folder: Path) -> None:
    acting.apply(acting.write_file, folder)
    [gap] = one.gaps
    assert str(folder) not in gap and "made" not in gap and str(Path.cwd()) not in gap
    assert [part.split()[-1] for part in gap.split(" ← ")] == ["write_file", "apply"]


@pytest.mark.parametrize("done", [acting.in_memory, acting.load_module], ids=lambda done: done.__name__)
def test_what_is_no_io_of_the_service_is_not_counted(done: Callable[[Path], None], one: Watched, folder: Path) -> None:
    (folder / "planted_for_mediation.py").write_text("x = 1\n")
    with one.lib.scope(key=KEY):
        done(folder)
    assert one.gaps == [] and one.watch.account()["covered"] == {}


def test_nested_operations_cover_until_the_last_is_over(one: Watched, folder: Path) -> None:
    lib = one.lib
    with lib.scope(key=KEY), lib.write("file:outer"):
        with lib.read("web:ask"):
            acting.write_file(folder)
        acting.write_file(folder)
        with together([lib.read("file:a"), lib.write("file:b")]):
            acting.write_file(folder)
    assert one.gaps == [] and one.count("covered") == 3
    acting.write_file(folder)
    assert len(one.gaps) == 1


def test_an_operation_that_ended_with_an_error_covers_no_longer(one: Watched, folder: Path) -> None:
    with one.lib.scope(key=KEY):
        with contextlib.suppress(FileNotFoundError), one.lib.read("file:absent"):
            acting.read_file(folder / "absent")
        assert one.gaps == [] and one.count("covered") == 1
        with pytest.raises(FileNotFoundError, match="absent"):  # the caller's error is its own
            acting.read_file(folder / "absent")
    assert len(one.gaps) == 1


def test_a_refused_operation_covers_nothing(one: Watched, folder: Path) -> None:
    with one.lib.scope(key=KEY):
        with contextlib.suppress(PolicyDenied), one.lib.write("file:forbidden"):
            pytest.fail("it was refused")
        acting.write_file(folder)
        try:
            one.lib.write("file:forbidden").__enter__()
        except PolicyDenied:
            acting.write_file(folder)
    assert len(one.gaps) == 2


def test_the_guard_behind_the_watch_judges_as_without_it(one: Watched) -> None:
    guard = Refusing()
    lib = PrivacyLib("other", [one.watch.over(guard)])
    with lib.scope(key=KEY), lib.read("file:a"):
        assert guard.passed == 1


def test_a_thread_keeps_its_operation_only_where_its_context_goes_along(one: Watched, folder: Path) -> None:
    lib = one.lib
    with ThreadPoolExecutor(1) as pool, lib.scope(key=KEY):
        with lib.write("file:a"):
            lib.submit(pool, acting.write_file, folder).result()
            assert one.gaps == []
            pool.submit(acting.write_file, folder).result()
            assert len(one.gaps) == 1
        lib.submit(pool, acting.write_file, folder).result()
    assert len(one.gaps) == 2


def test_without_a_frame_of_a_service_it_is_of_the_current_scope(one: Watched, folder: Path) -> None:
    """A pool runs a library's function: nobody's code is on that stack."""
    path = folder / "made"
    with ThreadPoolExecutor(1) as pool, one.lib.scope(key=KEY):
        one.lib.submit(pool, path.write_bytes, b"x").result()
        assert len(one.gaps) == 1 and "a thread without a frame of the service" in one.gaps[0]
        with one.lib.write("file:made"):
            one.lib.submit(pool, path.write_bytes, b"x").result()
    assert len(one.gaps) == 1 and one.count("covered") == 1
    path.write_bytes(b"x")  # in no scope, by nobody's code
    assert len(one.gaps) == 1 and one.watch.account()["unowned"]["file"] >= 1


def test_a_task_that_outlives_the_operation_it_began_in_is_not_covered(one: Watched, folder: Path) -> None:
    async def late(over: asyncio.Event) -> None:
        acting.write_file(folder)
        await over.wait()
        acting.write_file(folder)

    async def request() -> None:
        over = asyncio.Event()
        with one.lib.scope(key=KEY), one.lib.write("file:a"):
            task = asyncio.create_task(late(over))
            await asyncio.sleep(0)
        over.set()
        await task

    asyncio.run(request())
    assert one.count("covered") == 1 and len(one.gaps) == 1


def test_another_request_s_operation_does_not_cover(one: Watched, folder: Path) -> None:
    async def writing(begun: asyncio.Event, done: asyncio.Event) -> None:
        with one.lib.scope(key=KEY), one.lib.write("file:a"):
            begun.set()
            await done.wait()

    async def beside(begun: asyncio.Event, done: asyncio.Event) -> None:
        await begun.wait()
        with one.lib.scope(key="1" * 32):
            acting.write_file(folder)
        done.set()

    async def both() -> None:
        begun, done = asyncio.Event(), asyncio.Event()
        await asyncio.gather(writing(begun, done), beside(begun, done))

    asyncio.run(both())
    assert len(one.gaps) == 1


def test_many_threads_are_counted_exactly(one: Watched, folder: Path) -> None:
    def work(number: int) -> None:
        for _ in range(25):
            with one.lib.scope(key=KEY):
                with one.lib.read("file:old"):
                    acting.read_file(folder / "old")
                acting.read_file(folder / "old")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert one.count("covered") == 200 and len(one.gaps) == 200


def test_its_own_code_and_config_may_be_read_and_not_written(folder: Path) -> None:
    (folder / "deploy").mkdir()
    (folder / "deploy" / "config").write_text("x")
    made = watched(own=[folder / "deploy"])
    try:
        acting.read_file(folder / "deploy" / "config")
        acting.read_file(Path(contextlib.__file__))  # the interpreter's own
        assert made.gaps == [] and made.count("own") == 2
        acting.read_file(folder / "deploy" / ".." / "old")
        acting.write_file(folder / "deploy")
        assert len(made.gaps) == 2
    finally:
        made.watch.close()


def test_what_stands_beside_the_service_is_nobody_s(folder: Path) -> None:
    """As the journal of the simulator, which is called from below the service."""
    made = watched(packages=("tests.privacylib.test_mediation",), beside=[ACTING])
    try:
        acting.write_file(folder)
        assert made.gaps == [] and made.count("uncovered") == 0
        (folder / "made").read_bytes()
        assert len(made.gaps) == 1
    finally:
        made.watch.close()


def test_two_services_of_one_process_are_told_apart(folder: Path) -> None:
    first, second = watched("first"), watched("second", ("tests.privacylib.test_mediation",))
    try:
        with first.lib.scope(key=KEY), first.lib.write("file:a"):
            acting.write_file(folder)  # called from the second's code: the innermost counts
            with second.lib.scope(key=KEY):
                (folder / "made").read_bytes()
        assert first.gaps == [] and first.count("covered") == 1
        assert second.count("uncovered") == 1 == len(second.gaps)  # the first's operation is not its own
    finally:
        first.watch.close()
        second.watch.close()


def test_the_delivery_of_signals_is_not_the_service_s(one: Watched, folder: Path) -> None:
    acting.apply(JsonLinesSink, folder / "signals").close()
    assert one.gaps == [] and one.watch.account()["covered"] == {}


def test_it_is_armed_only_where_the_hook_was_seen_to_work(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not Watch([ACTING]).account()["armed"]
    made = watched()
    assert made.watch.account()["armed"]
    made.watch.close()
    monkeypatch.setattr(audit, "listen", lambda listener: None)
    deaf = watched()
    try:
        assert not deaf.watch.account()["armed"]
    finally:
        deaf.watch.close()


def test_closed_it_sees_nothing_and_can_be_opened_again(folder: Path) -> None:
    made = watched()
    made.watch.close()
    acting.write_file(folder)
    assert made.gaps == []
    again = watched()
    acting.write_file(folder)
    again.watch.close()
    assert made.gaps == [] and len(again.gaps) == 1


def test_the_hook_is_installed_once(one: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "addaudithook", lambda hook: pytest.fail("a second hook"))
    another = watched("another", ("tests.nobody",))
    another.watch.close()


def test_what_the_hook_fails_of_neither_reaches_the_service_nor_is_silent(folder: Path) -> None:
    class Failing(Extension):
        def after(self, op: Operation) -> None:
            if op.kind == "gap":
                (folder / "again").write_bytes(b"x")  # what happens inside the hook is not asked about
                raise KeyError("gap")

    watch = Watch([ACTING])
    lib = PrivacyLib("acting", [Failing(), watch.over(Refusing())])
    watch.start(lib)
    try:
        acting.write_file(folder)
        assert (folder / "made").exists() and (folder / "again").exists()
        account = watch.account()
        assert account["failures"] == {"KeyError": 1} or lib_counts(lib)
        assert account["uncovered"] == {"file": 1}
    finally:
        watch.close()


def lib_counts(lib: PrivacyLib) -> int:
    """Where the library itself keeps account of the extensions that failed, the hook has nothing to."""
    return sum(getattr(lib, "failures", {}).values())
