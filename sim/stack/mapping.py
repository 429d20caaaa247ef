"""A key-value store below PrivacyLib: any mapping, every operation on it told to the tap."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any

from services.seams import Tap


class TappedMapping(MutableMapping[Any, Any]):
    """``store``: where it lies, as the tap is told: "inference/answers".  A look that finds nothing is told too."""

    def __init__(self, mapping: MutableMapping[Any, Any], store: str, tap: Tap) -> None:
        self._mapping = mapping
        self._store = store
        self._tap = tap

    def __getitem__(self, key: Any) -> Any:
        found = 0
        try:
            value = self._mapping[key]
            found = 1
        finally:
            self._tap.entry("read", self._store, found)
        return value

    def __setitem__(self, key: Any, value: Any) -> None:
        self._mapping[key] = value
        self._tap.entry("write", self._store, 1)

    def __delitem__(self, key: Any) -> None:
        removed = 0
        try:
            del self._mapping[key]
            removed = 1
        finally:
            self._tap.entry("write", self._store, removed)

    def __iter__(self) -> Iterator[Any]:
        keys = list(self._mapping)
        self._tap.entry("read", self._store, len(keys))
        return iter(keys)

    def __len__(self) -> int:
        return len(self._mapping)
