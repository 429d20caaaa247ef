"""The queue: durable when acknowledged, one sync for many, whole after whatever a crash has left."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage.errors import RunError
from services.logger import frames
from services.logger.queue import Queue, Record
from tests.services.fakes import FakeStore


def records(*numbers: int, events: int = 1) -> list[Record]:
    return [Record(events, f"event {number}".encode(), f"k{number}") for number in numbers]


def key_of(payload: bytes) -> str:
    return "k" + payload.decode().partition(" ")[2]


def reopened(folder: Path, **options: int) -> tuple[Queue, tuple[list[str], int, list[tuple[int, int]]]]:
    queue = Queue(FakeStore(folder), "c", **options)
    found = queue.recover(key_of)
    return queue, ([one.payload.decode() for one in found.records], found.torn, found.lost)


async def filled(folder: Path, count: int, **options: int) -> Queue:
    queue = Queue(FakeStore(folder), "c", **options)
    for number in range(count):
        await queue.append(records(number))
    return queue


async def test_it_takes_up_where_it_stopped(tmp_path: Path) -> None:
    queue = await filled(tmp_path, 4)
    assert [one.payload for one in queue.next(2)] == [b"event 0", b"event 1"]
    await queue.deliver(2)
    again, (left, torn, lost) = reopened(tmp_path)
    assert (left, torn, lost, again.pending, again.head) == (["event 2", "event 3"], 0, [], 2, "k2")
    await again.append(records(4))
    assert [one.payload for one in again.next(9)] == [b"event 2", b"event 3"], "up to the end of a segment"
    await again.deliver(2)
    assert [one.payload for one in again.next(9)] == [b"event 4"]


async def test_appends_that_wait_for_each_other_share_a_sync(tmp_path: Path) -> None:
    store, groups = FakeStore(tmp_path), []
    plain = store.append
    store.append = lambda path, *pieces: (groups.append(len(pieces)), plain(path, *pieces))[1]  # type: ignore
    queue = Queue(store, "c")
    await asyncio.gather(*(queue.append(records(number)) for number in range(50)))
    assert sum(groups) == 50 and len(groups) < 10
    assert sorted(one.payload for one in queue.next(99)) == sorted(f"event {n}".encode() for n in range(50))
    assert reopened(tmp_path)[1] == ([f"event {n}" for n in range(50)], 0, [])


async def test_segments_end_and_go_when_they_are_delivered(tmp_path: Path) -> None:
    queue = await filled(tmp_path, 10, segment=80)
    folder = tmp_path / "queue/c"
    before = len(list(folder.iterdir()))
    assert before >= 4
    while queue.pending:
        await queue.deliver(len(queue.next(2)))
    assert len(list(folder.iterdir())) == 1 and reopened(tmp_path)[1] == ([], 0, [])
    again, _ = reopened(tmp_path)
    assert again.acknowledged == again.delivered == 10


async def test_what_a_crash_cut_off_is_passed_over_and_told(tmp_path: Path) -> None:
    await filled(tmp_path, 2)
    path = tmp_path / "queue/c/00000001.log"
    whole = path.read_bytes()
    for cut in range(1, len(whole) // 2):
        path.write_bytes(whole[:-cut])
        queue, (left, torn, lost) = reopened(tmp_path)
        assert left == ["event 0"] and torn == len(whole) // 2 - cut and lost == []
        await queue.append(records(2))
        assert reopened(tmp_path)[1][0] == ["event 0", "event 2"]
        (tmp_path / "queue/c/00000002.log").unlink()


async def test_a_damaged_place_is_a_loss_with_its_numbers(tmp_path: Path) -> None:
    await filled(tmp_path, 5)
    path = tmp_path / "queue/c/00000001.log"
    data = bytearray(path.read_bytes())
    size = len(data) // 5
    data[2 * size + 30] ^= 0xFF
    path.write_bytes(data)
    queue, (left, _, lost) = reopened(tmp_path)
    assert left == ["event 0", "event 1", "event 3", "event 4"] and lost == [(2, 2)] and queue.pending == 4
    await queue.deliver(3)
    assert reopened(tmp_path)[1] == (["event 4"], 0, [])


async def test_damage_while_it_runs_is_told_and_nothing_is_delivered(tmp_path: Path) -> None:
    queue = await filled(tmp_path, 2)
    path = tmp_path / "queue/c/00000001.log"
    path.write_bytes(b"x" + path.read_bytes()[1:])
    with pytest.raises(RunError) as caught:
        queue.next(9)
    assert caught.value.code == "PAI211" and queue.pending == 2


async def test_a_full_queue_takes_nothing_and_loses_nothing(tmp_path: Path) -> None:
    queue = await filled(tmp_path, 3, capacity=4)
    with pytest.raises(RunError) as caught:
        await queue.append(records(3, 4))
    assert caught.value.code == "PAI040" and queue.pending == 3
    await queue.append(records(3))
    small = Queue(FakeStore(tmp_path / "small"), "c", capacity_bytes=60)
    await small.append(records(1))
    with pytest.raises(RunError, match="do not fit"):
        await small.append(records(2))
    await small.deliver(1)
    await small.append(records(2))


async def test_many_at_once_do_not_overrun_the_capacity(tmp_path: Path) -> None:
    queue = Queue(FakeStore(tmp_path), "c", capacity=10)
    outcomes = await asyncio.gather(*(queue.append(records(number)) for number in range(30)), return_exceptions=True)
    assert sum(one is None for one in outcomes) == queue.pending == 10 == len(reopened(tmp_path)[1][0])


async def test_a_write_that_fails_acknowledges_nothing(tmp_path: Path) -> None:
    store = FakeStore(tmp_path)
    queue = Queue(store, "c")
    await queue.append(records(0))
    plain = store.append

    def full(path: str, *pieces: bytes) -> None:
        plain(path, b"half of it")
        raise RunError("PAI033", "no space left")

    store.append = full  # type: ignore[method-assign]
    outcomes = await asyncio.gather(*(queue.append(records(number)) for number in (1, 2)), return_exceptions=True)
    assert all(isinstance(one, RunError) for one in outcomes) and queue.pending == 1
    store.append = plain  # type: ignore[method-assign]
    await queue.append(records(3))
    assert reopened(tmp_path)[1][0] == ["event 0", "event 3"]


async def test_a_cancelled_append_is_told_what_happened_first(tmp_path: Path) -> None:
    queue = Queue(FakeStore(tmp_path), "c")
    seen: list[str] = []

    async def handler() -> None:
        try:
            await queue.append(records(0))
            seen.append("written")
            await asyncio.sleep(0)
            seen.append("went on")
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    task = asyncio.create_task(handler())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert seen == ["written", "cancelled"] and queue.pending == 1


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([frames.EVENTS, frames.MARK]), st.integers(0, 2**64 - 1),
                          st.integers(0, 2**32 - 1), st.binary(max_size=40)), max_size=6), st.binary(max_size=30))
def test_frames_are_read_as_they_were_written(given_: list[tuple[int, int, int, bytes]], tail: bytes) -> None:
    data = b"".join(frames.frame(*one) for one in given_)
    found, outside = frames.scan(data + tail)
    assert [(one.kind, one.first, one.events, one.payload) for one in found] == given_ and outside == len(tail)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300), st.integers(0, 299), st.integers(1, 255))
def test_no_byte_can_change_unnoticed(payload: bytes, place: int, change: int) -> None:
    data = bytearray(frames.frame(frames.EVENTS, 1, 1, payload))
    data[place % len(data)] ^= change
    found, outside = frames.scan(bytes(data))
    assert found == [] and outside == len(data)
