"""Key-value stores and caches: what is read under a key comes from whoever wrote under it.

Wraps any ``MutableMapping`` (a ``cachetools`` cache in memory, a ``shelve`` on disk).  Beside each value
lie the correlation key of the request that wrote it, the number of that writing and the label that its
scope had, as a logger keeps a key per row.  A read that finds something says whose it was, so lineage
links the reader to that writer alone and not to all that was ever kept; one that finds nothing is a read
of no rows, and no flow.  What the store throws out by itself (age, room) moves no data and is no operation.

>>> from lineage.privacylib import Capture, MemorySink, PrivacyLib
>>> sink = MemorySink()
>>> lib = PrivacyLib("inference", [Capture(sink)])
>>> answers = lib.mapping({}, "inference:answers", ("answer",))
>>> with lib.scope(key="1" * 32):
...     answers.put("who built it?", "Shreve", sources={"answer": ["web:ask#utterance"]})
>>> with lib.scope(key="2" * 32):
...     answers["who built it?"], answers.get("how tall is it?")
('Shreve', None)
>>> import json
>>> [(record.site.op, record.rows, record.key[:2], json.loads(record.detail).get("keys", [""])[0][:2])
...  for record in sink.records]
[('write', 1, '11', ''), ('read', 1, '22', '11'), ('read', 0, '22', '')]
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from lineage.privacylib.posture import Brought

if TYPE_CHECKING:
    from lineage.privacylib.library import PrivacyLib
    from lineage.privacylib.operation import Sources

# Names each writing within its scope, whichever wrapper it goes through.
_WRITINGS = itertools.count(1)


class Kept(NamedTuple):
    """What lies in the store: ``label`` maps an annotation to the names that brought it into the writer's scope."""

    value: Any
    key: str
    entry: str
    label: Brought


class KeyValue(MutableMapping[Any, Any]):
    """``fields``: what an entry of ``asset`` holds, as its contract names them.

    The store has to hold Python objects or pickle them: over one of bytes (``dbm``) lay a ``shelve.Shelf``.
    Whatever the store raises passes through.  Asking whether a key is there reads its entry.
    """

    def __init__(self, lib: PrivacyLib, mapping: MutableMapping[Any, Any], asset: str,
                 fields: Sequence[str] = ()) -> None:
        self._lib = lib
        self._mapping = mapping
        self._asset = asset
        self._fields = tuple(fields)

    def __getitem__(self, key: Any) -> Any:
        """Raises KeyError where nothing is kept, PolicyDenied where it may not be read."""
        with self._lib.read(self._asset, fields=self._fields, detail={"entry": ""}) as op:
            try:
                kept = self._mapping[key]
            except KeyError:
                kept, op.rows = None, 0
            if isinstance(kept, Kept):
                op.keys = (kept.key,)
                op.detail["entry"] = kept.entry
                op.context.join(kept.label)  # it can only raise the reader's
            elif op.rows:
                op.detail["entry"] = "*"
        if not op.rows:
            raise KeyError(key)
        if isinstance(kept, Kept):
            return kept.value
        self._lib.gap(self._asset, "an entry was read that nobody wrote through PrivacyLib")
        return kept

    def put(self, key: Any, value: Any, *, sources: Sources | None = None, via: str = "") -> None:
        """Keeps ``value``; ``sources``: entry field → what it was made from, as in ``PrivacyLib.write``."""
        context = self._lib.context
        entry = f"{context.scope}/{next(_WRITINGS)}"
        with self._lib.write(self._asset, fields=self._fields, sources=sources, via=via, detail={"entry": entry}):
            self._mapping[key] = Kept(value, context.key, entry, context.posture.annotations)

    def __setitem__(self, key: Any, value: Any) -> None:
        """Made from whatever the scope has read; ``put`` can say it better."""
        self.put(key, value)

    def __delitem__(self, key: Any) -> None:
        """A write that brings nothing in.  Raises KeyError."""
        with self._lib.write(self._asset, sources={}, detail={"entry": ""}):
            del self._mapping[key]

    def __iter__(self) -> Iterator[Any]:
        """The keys that are there; they are data too, so this is a read of them all."""
        with self._lib.read(self._asset, fields=self._fields, detail={"entry": "*"}) as op:
            keys = list(self._mapping)
            op.rows = len(keys)
        return iter(keys)

    def __len__(self) -> int:
        return len(self._mapping)
