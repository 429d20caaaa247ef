"""The spool: in order, torn tails left out, bounded, and taken over from the dead only."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.privacylib import segments as module
from lineage.privacylib.segments import Segments
from lineage.privacylib.spool import Spool, emitters, left

LIMIT = 1 << 20


def drain(segments: Segments) -> list[bytes]:
    frames = []
    while (frame := segments.first()) is not None:
        frames.append(frame)
        segments.done()
    return frames


@given(st.lists(st.one_of(st.binary(max_size=40), st.none()), max_size=40), st.integers(1, 200))
def test_frames_come_back_in_order_whatever_is_read_between(tmp_path_factory: Any, steps: list[bytes | None],
                                                            size: int) -> None:
    folder = tmp_path_factory.mktemp("spool")
    segments = Segments(folder, LIMIT)
    module.SEGMENT_BYTES, before = size, module.SEGMENT_BYTES
    try:
        waiting: list[bytes] = []
        for step in steps:
            if step is not None:
                segments.append(step)
                waiting.append(step)
            elif waiting:
                assert segments.first() == waiting.pop(0)
                segments.done()
        again = Segments(folder, LIMIT)  # what a successor finds: nothing is missing, the last may come twice
        found = drain(again)
        assert found[len(found) - len(waiting):] == waiting
        segments.close()
    finally:
        module.SEGMENT_BYTES = before
    assert not list(folder.iterdir())


@given(st.lists(st.binary(min_size=1, max_size=20), min_size=1, max_size=8), st.integers(0, 200))
def test_a_torn_tail_is_left_out(tmp_path_factory: Any, frames: list[bytes], cut: int) -> None:
    folder = tmp_path_factory.mktemp("spool")
    segments = Segments(folder, LIMIT)
    for frame in frames:
        segments.append(frame)
    segments.close()
    (path,) = folder.iterdir()
    data = path.read_bytes()
    path.write_bytes(data[:max(0, len(data) - cut)])
    found = drain(Segments(folder, LIMIT))
    assert found == frames[:len(found)]
    assert len(found) == len(frames) or cut > 0
    kept = sum(len(frame) + 8 for frame in frames[:len(found) + 1])
    assert len(found) == len(frames) or kept > len(data) - cut


def test_a_damaged_frame_is_passed_over(tmp_path: Path) -> None:
    segments = Segments(tmp_path, LIMIT)
    for frame in (b"one", b"two", b"three"):
        segments.append(frame)
    segments.close()
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes().replace(b"two", b"tow"))
    assert drain(Segments(tmp_path, LIMIT)) == [b"one", b"three"]


def test_a_full_spool_and_a_full_disk_add_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    segments = Segments(tmp_path, 40)
    segments.append(b"x" * 20)
    with pytest.raises(OSError, match="full"):
        segments.append(b"y" * 20)
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, data: write(file, data[:5]))
    with pytest.raises(OSError) as error:
        segments.append(b"z")
    assert error.value.errno == errno.ENOSPC
    monkeypatch.undo()
    segments.append(b"z")
    assert drain(segments) == [b"x" * 20, b"z"]


def test_a_half_written_frame_that_cannot_be_taken_back_hides_nothing(tmp_path: Path,
                                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise OSError(errno.EIO, "broken")

    segments = Segments(tmp_path, LIMIT)
    segments.append(b"one")
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, data: write(file, data[:9]))
    monkeypatch.setattr(os, "ftruncate", fails)
    with pytest.raises(OSError):
        segments.append(b"two")
    monkeypatch.undo()
    segments.append(b"three")
    assert drain(Segments(tmp_path, LIMIT)) == [b"one", b"three"]


def test_only_the_dead_are_taken_over_and_only_once(tmp_path: Path) -> None:
    first, second = Spool.create(tmp_path, "web"), Spool.create(tmp_path, "web")
    other = Spool.create(tmp_path, "../app")
    first.segments.append(b"one")
    first.mark[0] = 7
    assert left(tmp_path, "web") == []
    first.release()
    (dead,) = left(tmp_path, "web")
    assert (dead.emitter, dead.incarnation, dead.mark[0]) == ("web", first.incarnation, 7)
    assert left(tmp_path, "web") == []
    assert drain(dead.segments) == [b"one"]
    dead.remove()
    assert not first.folder.exists()
    assert second.folder.exists()
    assert emitters(tmp_path) == ["../app", "web"]
    assert other.folder.parent.parent == tmp_path
    for spool in (second, other):
        spool.remove()
    assert left(tmp_path, "web") == left(tmp_path, "nobody") == []


def test_a_folder_without_a_mark_is_a_dead_one_that_said_nothing(tmp_path: Path) -> None:
    (tmp_path / "web" / "0001").mkdir(parents=True)
    (dead,) = left(tmp_path, "web")
    assert (dead.mark[0], dead.segments.first()) == (0, None)
    dead.release()
