"""Where what was planted still lies when a run is over: every file, every table, every checkpoint is searched.

Truth: the second witness of "her words reached no training set"; the first is a decision.  Values are known by
construction (the steps planted them), and places by where they physically lie, whatever anybody calls them.  A
stretch of 16 bytes is found as ``carried`` finds it, and in lower case, in UTF-16, as JSON and as a URL write it;
within a ZIP or gzip file too.  Not found: what is otherwise compressed or encrypted, a picture that was encoded
anew, pages that SQLite has freed, Spark's Parquet, what is in memory only.  Not searched: the configs, and the
journal, which keeps no payload.
"""

from __future__ import annotations

import gzip
import io
import json
import sqlite3
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from sim.truth import naming
from sim.truth.carried import PIECE, cut, written
from sim.truth.pieces import Pieces

_PASSED_OVER = ("deploy", "journal")
_ASIDE = ("-wal", "-shm")
# Bytes of a character of UTF-8 without its last, at either end of a stretch.
MAX_CUT_OFF = 2 * 3


class Remains(NamedTuple):
    """``found``: value ("device:glasses#utterance") → the assets that hold it; ``searched``: all of them."""

    found: Mapping[str, frozenset[str]]
    searched: frozenset[str]


def remains(data: Path, planted: Sequence[tuple[str, bytes]], beside: Iterable[Path] = ()) -> Remains:
    """``data``: the run's data folder; ``beside``: other files and folders to search, as ``file:<their name>/…``."""
    sought = Pieces()
    for name, value in planted:
        sought.add(name, _forms(value))
    found: dict[str, set[str]] = {name: set() for name, _ in planted}
    searched: set[str] = set()
    for place, body in (*_places(data, ""), *(one for path in beside for one in _places(path, path.name))):
        searched.add(place)
        for name in sought.within(body) | sought.within(body.lower()):
            found[name].add(place)
    return Remains({name: frozenset(places) for name, places in found.items()}, frozenset(searched))


def _forms(value: bytes) -> Iterator[bytes]:
    for piece in cut(value):
        yield from written(piece)
        yield piece.lower()
        text = piece.decode("utf-8", "ignore")
        # A stretch may begin and end within a character; of bytes that are no text, letters are left by accident.
        if text.isprintable() and len(text.encode()) >= len(piece) - (MAX_CUT_OFF if len(piece) == PIECE else 0):
            yield text.encode("utf-16-le")
            yield quote(text).encode()
            yield json.dumps(text)[1:-1].encode()


def _places(root: Path, prefix: str) -> Iterator[tuple[str, bytes]]:
    """(asset, bytes): of a table once for each cell, of a packed file once for each part."""
    for path in sorted(root.rglob("*")) if root.is_dir() else [root]:
        inside = path.relative_to(root).as_posix() if root.is_dir() else ""
        if not path.is_file() or (not prefix and inside.split("/")[0] in _PASSED_OVER) or path.name.endswith(_ASIDE):
            continue
        if path.suffix == ".db":
            yield from _cells(path, "warehouse" if path.parent.name == "warehouse" else f"file:{path.name}")
            continue
        body = path.read_bytes()
        name = "/".join(filter(None, (prefix, inside)))
        asset = f"file:{name}" if prefix else naming.asset_of_file(name)
        yield asset, body
        for part in _unpacked(body):
            yield asset, part


def _cells(path: Path, kind: str) -> Iterator[tuple[str, bytes]]:
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as database:
        for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            asset = f"{kind}:{path.stem}.{table}" if kind == "warehouse" else kind
            yield asset, b""
            for row in database.execute(f'SELECT * FROM "{table}"'):
                for cell in row:
                    if isinstance(cell, str | bytes):
                        yield asset, cell.encode() if isinstance(cell, str) else cell


def _unpacked(body: bytes) -> Iterator[bytes]:
    try:
        if body[:2] == b"\x1f\x8b":
            yield gzip.decompress(body)
        elif body[:2] == b"PK":
            with zipfile.ZipFile(io.BytesIO(body)) as archive:
                for name in archive.namelist():
                    yield archive.read(name)
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile):
        return
