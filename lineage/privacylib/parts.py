"""Distributed output: several workers write parts of one output, under one correlation key.

Threads of a pool keep their scope by ``submit``, processes by ``baggage`` and ``resume``; so every part is
written under the key of the request or job that asked for the output.  Each says which part of how many it
is: the output is one asset, with one edge from each source, and lineage knows whether it is whole.  A part
that is written again (a worker was slow, another took over) is the same part.

>>> from concurrent.futures import ThreadPoolExecutor
>>> from lineage.privacylib import Capture, MemorySink, PrivacyLib
>>> sink = MemorySink()
>>> lib = PrivacyLib("warehouse", [Capture(sink)])
>>> def write(number):
...     with lib.write_part("file:exports/answers", number, 4, sources={"answer": ["warehouse:core.a#answer"]}):
...         pass  # the I/O: part-00000.jsonl and so on
>>> with ThreadPoolExecutor(4) as workers, lib.scope(key="1" * 32):
...     for done in [lib.submit(workers, write, number) for number in range(4)]:
...         done.result()
>>> sorted(record.detail for record in sink.records)[0], {record.key[:2] for record in sink.records}
('{"part": [0, 4]}', {'11'})
>>> write_part(lib, "file:exports/answers", 4, 4)
Traceback (most recent call last):
ValueError: part 4 of 4: parts are numbered from 0
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lineage.model import MAX_PARTS

if TYPE_CHECKING:
    from lineage.privacylib.library import PrivacyLib
    from lineage.privacylib.operation import Operation, Sources


def write_part(lib: PrivacyLib, asset: str, number: int, of: int, *, fields: Sequence[str] = (),
               sources: Sources | None = None, rows: int = 1, via: str = "") -> Operation:
    """The write of part ``number`` (from 0) of the ``of`` parts of ``asset``.  Raises ValueError for no such part."""
    return lib.write(asset, fields=fields, sources=sources, rows=rows, via=via, detail=_part(number, of))


def read_part(lib: PrivacyLib, asset: str, number: int, of: int, *, fields: Sequence[str] = (), rows: int = 1,
              via: str = "") -> Operation:
    """The read of one part; who reads all of them has read the whole.  Raises ValueError for no such part."""
    return lib.read(asset, fields=fields, rows=rows, via=via, detail=_part(number, of))


def _part(number: int, of: int) -> dict[str, list[int]]:
    if not 0 <= number < of <= MAX_PARTS:
        raise ValueError(f"part {number} of {of}: parts are numbered from 0" + ", to 100,000" * (of > MAX_PARTS))
    return {"part": [number, of]}
