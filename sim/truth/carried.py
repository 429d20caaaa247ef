"""Is what a device holds inside what the app sends?  Bytes are searched for bytes, whatever anybody calls them.

Truth: the second witness of "the raw signal did not leave"; the first is lineage, or a refusal.  Values are kept
as fingerprints for the run, in memory only.  A stretch of 32 bytes in a row is found: as it is, with its 16-bit
words turned round, in hexadecimal, in Base64, and as a list of numbers.  Anything cleverer (compressed,
encrypted) is not; nor is more than the first MAX_PIECES stretches, evenly spread, of a long value.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from lineage.errors import InputError
from lineage.names import parse
from sim.truth.pieces import Pieces
from sim.truth.record import Record

PIECE = 16
MAX_PIECES = 256
# A value that is shorter is found by accident.
SHORTEST = 4
# Files of a kind begin alike.
_HEAD, _LONG = 1024, 4096


class Carried(NamedTuple):
    """``armed``: the value was seen on the device, and something was sent there; without both, 0 says nothing."""

    messages: int
    armed: bool


class Search:
    """Shared by the taps of one run; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pieces = Pieces()

    def hold(self, name: str, value: bytes) -> None:
        """``name``: "neural_band#emg"."""
        found = [piece for part in cut(value) for piece in written(part)]
        with self._lock:
            self._pieces.add(name, found)

    def found(self, body: bytes) -> list[str]:
        """The names of values of which a piece stands in ``body``, sorted."""
        lower = body.lower()  # for hexadecimal in capitals
        with self._lock:
            return sorted(self._pieces.within(body) | self._pieces.within(lower))


def carried(records: Sequence[Record], what: str, to: str) -> Carried:
    """``what``: "device:neural_band#emg"; ``to``: "web:overlay".  Raises InputError (PAI001) for other kinds."""
    held, sink = parse(what), parse(to)
    if held.kind != "device" or not held.field or sink.kind != "web":
        raise InputError("PAI001", f"a device's field is carried to web, not {what} to {to}")
    sent = [record for record in records if record.op == "sent" and record.locator == f"http:/v1/{sink.name}:request"]
    seen = any(record.locator == f"device:{held.name}" and held.field in record.detail.get("fields", ())
               for record in records)
    name = f"{held.name}#{held.field}"
    return Carried(sum(name in record.detail.get("carries", ()) for record in sent), seen and bool(sent))


def cut(value: bytes) -> Iterator[bytes]:
    """The whole of a short value; of a longer one pieces at even offsets."""
    if len(value) < SHORTEST:
        return
    if len(value) < 2 * PIECE:
        yield value
        return
    body = value[_HEAD:] if len(value) > _LONG and value[:2] == b"\xff\xd8" else value
    count = len(body) // PIECE
    step = max(1, -(-count // MAX_PIECES))
    for number in range(0, count, step):
        piece = body[number * PIECE:(number + 1) * PIECE]
        if len(set(piece)) > 2:  # a stretch of silence is everywhere
            yield piece


def written(piece: bytes) -> Iterator[bytes]:
    """The same bytes in the forms in which they may travel."""
    yield piece
    yield piece.hex().encode()
    for shift in range(3):  # Base64 of the middle, wherever in a group of three it begins
        text = base64.b64encode(b"\0" * shift + piece)[4 if shift else 0:(shift + len(piece)) // 3 * 4]
        if len(text) >= 2 * SHORTEST:
            yield text
    if len(piece) % 2 or len(piece) != PIECE:
        return
    swapped = bytes(byte for pair in zip(piece[1::2], piece[::2], strict=True) for byte in pair)
    yield swapped
    for words in (piece, swapped):
        numbers = [int.from_bytes(words[at:at + 2], "little", signed=True) for at in range(0, PIECE, 2)]
        for form, between in (("{}", ","), ("{}", ", "), ("{}", " "), ("{}", "\n"), ("{}.0", ", ")):
            yield between.join(form.format(number) for number in numbers).encode()
