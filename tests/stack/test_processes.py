"""The launcher, against small fake nodes that do what a real one does at its edges."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lineage.errors import InputError, RunError
from sim.stack.compose import ProcessSpec
from sim.stack.processes import ProcessStack

ROOT = Path(__file__).resolve().parents[2]

FAKE_NODE = Path(__file__).with_name("fake_node.py")


def _spec(name: str, *depends_on: str, **environment: str) -> ProcessSpec:
    return ProcessSpec(name, ("sightline", "node", name),
                       {"SIGHTLINE_LISTEN": f"0.0.0.0:700{len(name)}", "SIGHTLINE_DATA": "/data", **environment},
                       depends_on)


THREE = [
    _spec("a"),
    _spec("bb", "a", SIGHTLINE_A="a:7001"),
    _spec("ccc", "a", "bb", SIGHTLINE_A="a:7001", SIGHTLINE_BB="bb:7002", SIGHTLINE_HTTP="0.0.0.0:8080",
          SIGHTLINE_SEED="7", OTHER="elsewhere:7001"),
]


class Fakes:
    """Makes stacks of fake nodes below one folder, and reads what the nodes noted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def stack(self, specs: list[ProcessSpec], *, start: float = 20, stop: float = 5, **extra: str) -> ProcessStack:
        return ProcessStack(specs, logs=self.folder / "logs", data=self.folder / "data", environment=extra,
                            program=(sys.executable, str(FAKE_NODE)), start_seconds=start, stop_seconds=stop)

    def events(self) -> list[str]:
        path = self.folder / "data" / "events"
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []

    def log(self, name: str) -> str:
        return (self.folder / "logs" / f"{name}.log").read_text(encoding="utf-8")

    def given(self, name: str) -> dict[str, str]:
        env: dict[str, str] = json.loads((self.folder / "data" / f"{name}.json").read_text(encoding="utf-8"))["env"]
        return env

    def pids(self) -> list[int]:
        return [json.loads(path.read_text(encoding="utf-8"))["pid"]
                for path in sorted((self.folder / "data").glob("*.json"))]


def _running(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


async def _until(true: Callable[[], bool]) -> None:
    for _ in range(1000):
        if true():
            return
        await asyncio.sleep(0.01)
    pytest.fail("what the test waits for did not happen within 10 s")


@pytest.fixture
def fakes(tmp_path: Path) -> Iterator[Fakes]:
    made = Fakes(tmp_path)
    yield made
    left = [pid for pid in made.pids() if _running(pid)]
    assert not left, f"orphans: {left}"


async def test_starts_after_what_it_depends_on_and_stops_in_reverse(fakes: Fakes) -> None:
    async with fakes.stack(THREE) as stack:
        assert fakes.events() == ["start a", "ready a", "start bb", "ready bb", "start ccc", "ready ccc"]
        assert stack.addresses == {
            "a": {"grpc": "127.0.0.1:4001", "http": None},
            "bb": {"grpc": "127.0.0.1:4002", "http": None},
            "ccc": {"grpc": "127.0.0.1:4003", "http": "127.0.0.1:4004"},
        }
        assert [stack.pid(name) for name in ("a", "bb", "ccc")] == fakes.pids()
        await stack.check()
    assert fakes.events()[6:] == ["stop ccc", "stop bb", "stop a"]
    assert not any(event.startswith("eof") for event in fakes.events())


async def test_those_that_wait_for_nothing_start_together(fakes: Fakes) -> None:
    """Each waits for the two others to have begun: one after another, none would ever listen."""
    together = {f"FAKE_{name}": "together" for name in ("A", "BB", "CCC")}
    async with fakes.stack([_spec("a"), _spec("bb"), _spec("ccc")], **together):
        assert sorted(fakes.events()[:3]) == ["start a", "start bb", "start ccc"]


async def test_a_process_is_told_where_the_others_really_listen(fakes: Fakes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGHTLINE_STRAY", "of another run")
    async with fakes.stack(THREE, SIGHTLINE_SEED="9", DEPLOYMENT="/there"):
        given = fakes.given("ccc")
    assert given["SIGHTLINE_A"] == "127.0.0.1:4001"
    assert given["SIGHTLINE_BB"] == "127.0.0.1:4002"
    assert given["SIGHTLINE_LISTEN"] == given["SIGHTLINE_HTTP"] == "127.0.0.1:0"
    assert given["SIGHTLINE_DATA"] == str(fakes.folder / "data")
    assert given["SIGHTLINE_SEED"] == "9"
    assert given["DEPLOYMENT"] == "/there"
    assert given["OTHER"] == "elsewhere:7001"
    assert "SIGHTLINE_STRAY" not in given


async def test_all_other_output_is_in_the_log(fakes: Fakes) -> None:
    async with fakes.stack([_spec("a")]):
        pass
    log = fakes.log("a")
    assert log.startswith("a warning on stderr\n") or "\na warning on stderr\n" in log
    assert "x" * 200_000 in log
    assert log.count("more on stderr ") == 50
    assert "someone else" in log
    assert "flushed the last signals" in log
    assert '"service": "a"' not in log


async def test_one_that_dies_at_start_is_named_with_its_code_and_log(fakes: Fakes) -> None:
    with pytest.raises(RunError) as failed:
        async with fakes.stack(THREE, FAKE_BB="dies"):
            pytest.fail("entered a stack of which one process is dead")
    error = failed.value
    assert error.code == "PAI031"
    assert "'bb'" in error.what and "exit code 3" in error.what and "\n    cannot bind" in error.what
    assert len(error.what) < 2_000, "a long line of the log is cut"
    assert error.where == str(fakes.folder / "logs" / "bb.log")
    assert "start ccc" not in fakes.events()
    assert fakes.events()[-1] == "stop a"


@pytest.mark.parametrize(("mode", "says"), [("slow", "did not listen within 0.5 s"), ("mute", "closed its output")])
async def test_one_that_never_listens_is_named(fakes: Fakes, mode: str, says: str) -> None:
    start = 0.5 if mode == "slow" else 10
    with pytest.raises(RunError) as failed:
        async with fakes.stack([_spec("bb")], start=start, stop=0.2, FAKE_BB=mode):
            pytest.fail("entered a stack of which one process does not listen")
    assert failed.value.code == "PAI031" and "'bb'" in failed.value.what and says in failed.value.what


async def test_a_program_that_does_not_exist_is_named(fakes: Fakes) -> None:
    with pytest.raises(RunError) as failed:
        async with fakes.stack([ProcessSpec("web", ("no-such-program-here",), {"SIGHTLINE_DATA": "/data"})]):
            pytest.fail("entered a stack of which one process is not there")
    assert failed.value.code == "PAI031" and "'web'" in failed.value.what and "no-such-program" in failed.value.what


async def test_one_that_dies_later_is_reported(fakes: Fakes) -> None:
    async with fakes.stack(THREE, FAKE_BB="dies later") as stack:
        (fakes.folder / "data" / "die").touch()
        await _until(lambda: not _running(stack.pid("bb")))
        with pytest.raises(RunError) as failed:
            await _until_raised(stack)
        assert failed.value.code == "PAI031"
        assert "'bb'" in failed.value.what and "SIGABRT" in failed.value.what and "out of memory" in failed.value.what


async def test_one_killed_on_purpose_is_not_reported(fakes: Fakes) -> None:
    async with fakes.stack(THREE) as stack:
        stack.kill("a")
        await _until(lambda: not _running(stack.pid("a")))
        await asyncio.sleep(0.05)
        await stack.check()
        os.kill(stack.pid("bb"), 9)
        with pytest.raises(RunError, match=r"(?s)'bb'.*SIGKILL"):
            await _until_raised(stack)


async def test_one_that_may_be_killed_is_not_reported_and_runs_again(fakes: Fakes) -> None:
    specs = [_spec("a"), _spec("bb")]
    stack = ProcessStack(specs, logs=fakes.folder / "logs", data=fakes.folder / "data", mortal=("bb",),
                         program=(sys.executable, str(FAKE_NODE)))
    async with stack:
        killed, address = stack.pid("bb"), stack.addresses["bb"]
        os.kill(killed, signal.SIGKILL)
        await _until(lambda: not _running(killed))
        await asyncio.sleep(0.05)
        await stack.check()
        await stack.restart("bb")
        assert stack.pid("bb") != killed and stack.addresses["bb"] == address
        os.kill(stack.pid("bb"), signal.SIGABRT)
        with pytest.raises(RunError, match="SIGABRT"):
            await _until_raised(stack)


async def test_one_alone_is_told_of_those_that_run_elsewhere(fakes: Fakes) -> None:
    stack = ProcessStack([_spec("bb", "a", SIGHTLINE_A="a:7001")], logs=fakes.folder / "logs",
                         data=fakes.folder / "data", elsewhere={"a": "127.0.0.1:4999"},
                         program=(sys.executable, str(FAKE_NODE)))
    async with stack:
        assert fakes.given("bb")["SIGHTLINE_A"] == "127.0.0.1:4999"


async def _until_raised(stack: ProcessStack) -> None:
    for _ in range(500):
        await stack.check()
        await asyncio.sleep(0.02)


async def test_one_that_will_not_stop_is_killed(fakes: Fakes) -> None:
    async with fakes.stack([_spec("a")], stop=0.3, FAKE_A="stubborn"):
        began = time.monotonic()
    assert 0.25 < time.monotonic() - began < 5
    assert "stop a" not in fakes.events()


async def test_an_error_in_the_body_stops_them_too(fakes: Fakes) -> None:
    with pytest.raises(ZeroDivisionError):
        async with fakes.stack(THREE):
            _ = 1 / 0
    assert fakes.events()[-1] == "stop a"


async def test_a_cancelled_start_leaves_nothing(fakes: Fakes) -> None:
    async def enter() -> None:
        async with fakes.stack(THREE, stop=0.2, FAKE_CCC="slow"):
            pytest.fail("entered a stack that cannot be ready yet")

    task = asyncio.create_task(enter())
    await _until(lambda: "start ccc" in fakes.events())
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize(("spec", "says"), [
    (_spec("bb", "a", SIGHTLINE_A="a:7999"), "'a' does not listen on 7999"),
    (_spec("bb", SIGHTLINE_A="a:7001"), "does not depend on it"),
])
async def test_an_address_that_cannot_be_right_is_refused(fakes: Fakes, spec: ProcessSpec, says: str) -> None:
    with pytest.raises(InputError) as refused:
        async with fakes.stack([_spec("a"), spec]):
            pytest.fail("entered a stack with a wrong address")
    assert says in refused.value.what


async def test_an_http_address_that_was_not_reported_is_refused(fakes: Fakes) -> None:
    specs = [_spec("a", SIGHTLINE_HTTP="0.0.0.0:8080"), _spec("bb", "a", WEB="a:8080")]
    async with fakes.stack(specs):
        assert fakes.given("bb")["WEB"] == "127.0.0.1:4002"
    with pytest.raises(RunError, match="no such address"):
        async with fakes.stack(specs, FAKE_A="nohttp"):
            pytest.fail("entered a stack without an address that it needs")


PARENT = """
import asyncio, sys
from pathlib import Path
from sim.stack.compose import ProcessSpec
from sim.stack.processes import ProcessStack

async def main(folder):
    specs = [ProcessSpec(name, ("sightline", "node", name), {"SIGHTLINE_DATA": "/data"}) for name in ("a", "bb")]
    async with ProcessStack(specs, logs=folder / "logs", data=folder / "data",
                            program=(sys.executable, sys.argv[2])):
        print("ready", flush=True)
        await asyncio.sleep(60)

asyncio.run(main(Path(sys.argv[1])))
"""


def test_no_orphan_stays_when_the_parent_is_killed(fakes: Fakes) -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT, str(fakes.folder), str(FAKE_NODE)],
                          stdout=subprocess.PIPE, cwd=ROOT) as parent:
        assert parent.stdout is not None and parent.stdout.readline() == b"ready\n"
        assert all(_running(pid) for pid in fakes.pids()) and len(fakes.pids()) == 2
        parent.kill()
    until = time.monotonic() + 20
    while any(_running(pid) for pid in fakes.pids()) and time.monotonic() < until:
        time.sleep(0.02)
    assert sorted(fakes.events())[:2] == ["eof a", "eof bb"]
