"""The tapped key-value store: every look, hit or not, and every change is told; what is thrown out is not."""

from __future__ import annotations

from typing import Any

import pytest
from cachetools import LRUCache

from sim.stack.mapping import TappedMapping
from sim.truth import naming
from sim.truth.record import Record


class Tap:
    def __init__(self) -> None:
        self.seen: list[tuple[str, str, int]] = []

    def entry(self, op: str, store: str, found: int) -> None:
        self.seen.append((op, store, found))


def tapped(below: Any) -> tuple[TappedMapping, Tap]:
    tap = Tap()
    return TappedMapping(below, "inference/answers", tap), tap  # type: ignore[arg-type]


def test_what_moves_is_told() -> None:
    store, tap = tapped({})
    store["a"] = 1
    assert store["a"] == 1 and store.get("b") is None and list(store) == ["a"] and len(store) == 1
    del store["a"]
    with pytest.raises(KeyError):
        del store["a"]
    assert [(op, found) for op, _, found in tap.seen] == [
        ("write", 1), ("read", 1), ("read", 0), ("read", 1), ("write", 1), ("write", 0)]
    assert {name for _, name, _ in tap.seen} == {"inference/answers"}


def test_what_is_thrown_out_for_want_of_room_moves_nothing() -> None:
    store, tap = tapped(LRUCache(1))
    store["a"], store["b"] = 1, 2
    assert "a" not in store and [op for op, _, _ in tap.seen] == ["write", "write", "read"]


def test_a_refused_change_of_the_store_is_not_told() -> None:
    store, tap = tapped(LRUCache(1, getsizeof=lambda value: 2))
    with pytest.raises(ValueError, match="too large"):
        store["a"] = 1
    assert tap.seen == []


def test_the_truth_has_a_name_for_it() -> None:
    record = Record("inference", 1, "read", "entry:inference/answers", {}, 1, 0)
    assert naming.name(record) == naming.Named("inference", "read", "inference:answers", "C")
