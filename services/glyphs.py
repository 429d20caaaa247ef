"""[C] and [D] The reader of signs: what is written on a photo, from its pixels alone.

Training makes it of rendered characters, inference serves it.  A character is the mean of its samples, a grey picture
as wide as the character goes.  Reading is two searches: for a *board* (a patch of the sign's colour), and on it for
the row of characters that leaves the least of the ink unexplained (dynamic programming over columns, as in a Viterbi
decoder), so that touching letters need not be cut apart first.  What explains too little is no sign.

It knows one typeface in one size, on boards of one colour: those of the simulated world.  It is no general OCR.
"""

from __future__ import annotations

import base64
import binascii
import io
from collections import defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from lineage.errors import InputError

Grey = NDArray[np.float32]
# Pixels; of a line of characters, and of what a sign has at least.
HEIGHT = 22
_LEAST_WIDE = 16
# Of a board, its ink, and the way from the one to the other.
BOARD, INK = (20, 70, 140), (250, 250, 250)
_BOARD = np.array(BOARD, np.float32)
_AXIS = np.array(INK, np.float32) - _BOARD
# Darker than this is grain, not ink.
_GRAIN = 0.12
# What one more character costs: nothing is explained for free by many small ones.
_CHARACTER = 0.05
# Of a sign's ink, the part that may be left over.
_UNEXPLAINED = 0.25
# Columns before the first character.
_MARGIN = 16
# Heights at which a line is tried.
_TOPS = 5
_TENSORS = {"characters": np.uint8, "widths": np.uint8, "pixels": np.float32}


class Line(NamedTuple):
    """``left``: squared ink that the characters do not explain, of ``ink``."""

    text: str
    left: float
    ink: float


class Glyphs:
    """Made by :func:`train` or :func:`loads`; immutable.  ``pixels``: all characters side by side, HEIGHT rows."""

    def __init__(self, characters: str, widths: NDArray[np.uint8], pixels: Grey) -> None:
        if pixels.shape != (HEIGHT, int(widths.sum())) or len(characters) != len(widths) or not _sound(pixels):
            raise ValueError("characters, widths and pixels do not fit together")
        self._characters, self._widths, self._pixels = characters, widths, pixels
        self._rows = pixels.sum(1)
        starts = np.r_[0, np.cumsum(widths)[:-1]].astype(int)
        grouped: defaultdict[int, list[int]] = defaultdict(list)
        for number, width in enumerate(widths.tolist()):
            grouped[width].append(number)
        # Width → its characters, and their pixels as rows of one matrix.
        self._groups = {width: (np.array(numbers), np.stack(
            [pixels[:, starts[number]:starts[number] + width].ravel() for number in numbers]))
            for width, numbers in sorted(grouped.items())}

    def dumps(self) -> bytes:
        """safetensors; equal samples give equal bytes."""
        return bytes(save_tensors({"characters": np.frombuffer(self._characters.encode(), np.uint8),
                                   "widths": self._widths, "pixels": self._pixels}))

    def read(self, picture: Image.Image) -> str:
        """What is written on the picture's sign; empty where there is none that can be read."""
        area = np.asarray(picture.convert("RGB"), np.float32)
        found = [self._line(area[top:bottom, left:right]) for top, bottom, left, right in boards(area)]
        good = [line for line in found if line.text and line.left <= _UNEXPLAINED * line.ink]
        return min(good, key=lambda line: line.left / line.ink).text if good else ""

    def _line(self, board: Grey) -> Line:
        ink = np.clip((board - _BOARD) @ _AXIS / (_AXIS @ _AXIS), 0, 1.2).astype(np.float32)
        ink[ink < _GRAIN] = 0
        if ink.shape[0] < HEIGHT:
            ink = np.pad(ink, ((0, HEIGHT - ink.shape[0]), (0, 0)))
        # The line stands where its rows hold ink as the characters' rows do, give or take.
        rows, total = ink.sum(1), float((ink ** 2).sum())
        tops = sorted(range(ink.shape[0] - HEIGHT + 1), key=lambda top: -float(rows[top:top + HEIGHT] @ self._rows))
        return min((self._decoded(ink[top:top + HEIGHT], total) for top in tops[:_TOPS]), key=lambda line: line.left)

    def _decoded(self, strip: Grey, ink: float) -> Line:
        """The cheapest way from the left to the right through characters; what lies beside them is left over."""
        wide = strip.shape[1]
        before = np.r_[0, np.cumsum((strip ** 2).sum(0))]
        prices = {width: self._prices(strip, width) for width in self._groups if width <= wide}
        cost, back = np.full(wide + 1, np.inf), np.full((wide + 1, 2), -1)
        cost[:_MARGIN] = before[:_MARGIN]
        for column in range(wide):
            for width, (price, best) in prices.items():
                end = column + width
                if end <= wide and cost[column] + price[column] < cost[end]:
                    cost[end], back[end] = cost[column] + price[column], (column, best[column])
        total = cost + before[wide] - before
        end = int(np.argmin(total))
        left, text = float(total[end]) + ink - float(before[wide]), ""
        while back[end][0] >= 0:
            text, end = self._characters[back[end][1]] + text, int(back[end][0])
        return Line(" ".join(text.split()), left, ink)

    def _prices(self, strip: Grey, width: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """At each column, what the best character of this width leaves over, and which it is."""
        numbers, known = self._groups[width]
        seen = np.lib.stride_tricks.sliding_window_view(strip, (HEIGHT, width))[0].reshape(-1, HEIGHT * width)
        apart = (seen ** 2).sum(1)[:, None] - 2 * seen @ known.T + (known ** 2).sum(1)[None]
        best = apart.argmin(1)
        return apart[np.arange(len(best)), best] + _CHARACTER, numbers[best]


def train(samples: Iterable[tuple[str, str]]) -> Glyphs:
    """From (PNG in base64, character): grey pictures, HEIGHT high and as wide as the character goes.

    Raises InputError (PAI020) when there is none, or one is no such picture.
    """
    seen: defaultdict[str, list[Grey]] = defaultdict(list)
    for text, character in samples:
        seen[character].append(_sample(text, character))
    if not seen:
        raise InputError("PAI020", "the inputs hold no rows, so there is nothing to learn", where="training")
    for character, pictures in seen.items():
        if len({picture.shape for picture in pictures}) != 1:
            raise InputError("PAI020", f"samples of {character!r} differ in width", where="training")
    names = sorted(seen)
    means = [np.mean(seen[name], axis=0, dtype=np.float64).astype(np.float32) for name in names]
    return Glyphs("".join(names), np.array([mean.shape[1] for mean in means], np.uint8), np.concatenate(means, axis=1))


def loads(data: bytes) -> Glyphs:
    """Raises InputError (PAI004) for bytes that are no such model."""
    try:
        tensors = dict(load_tensors(data))
        if any(tensors[name].dtype != kind for name, kind in _TENSORS.items()):
            raise ValueError("a tensor has another type")
        return Glyphs(tensors["characters"].tobytes().decode(), tensors["widths"], tensors["pixels"])
    except (SafetensorError, KeyError, ValueError, IndexError) as error:
        raise InputError("PAI004", f"the weights are not a reader of signs: {error}", where="checkpoint") from None


def boards(area: Grey) -> list[tuple[int, int, int, int]]:
    """(top, bottom, left, right) of the patches of a sign's colour, at most three, the fullest first."""
    red, blue = area[..., 0], area[..., 2]
    alike = (blue - red > 60) & (red < 58) & (blue < 200)
    high, wide = alike.shape
    if high < HEIGHT or wide < _LEAST_WIDE:
        return []
    found = []
    for _ in range(3):
        sums = np.zeros((high + 1, wide + 1), np.int64)
        sums[1:, 1:] = alike.cumsum(0).cumsum(1)
        full = (sums[HEIGHT:, _LEAST_WIDE:] - sums[:-HEIGHT, _LEAST_WIDE:] - sums[HEIGHT:, :-_LEAST_WIDE]
                + sums[:-HEIGHT, :-_LEAST_WIDE]) / (HEIGHT * _LEAST_WIDE)
        top, left = (int(one) for one in np.unravel_index(np.argmax(full), full.shape))
        if full[top, left] < 0.5:
            break
        patch = _grown(sums, top, top + HEIGHT, left, left + _LEAST_WIDE)
        found.append(patch)
        alike[patch[0]:patch[1], patch[2]:patch[3]] = False
    return found


def _grown(sums: NDArray[np.int64], top: int, bottom: int, left: int, right: int) -> tuple[int, int, int, int]:
    """As far as the next four columns, or the next row, are still of that colour in good part."""
    high, wide = sums.shape[0] - 1, sums.shape[1] - 1

    def part(top: int, bottom: int, left: int, right: int) -> float:
        inside = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
        return float(inside) / ((bottom - top) * (right - left))

    going = True
    while going:
        going = False
        if right + 4 <= wide and part(top, bottom, right, right + 4) > 0.35:
            right, going = right + 1, True
        if left >= 4 and part(top, bottom, left - 4, left) > 0.35:
            left, going = left - 1, True
        if bottom < high and part(bottom, bottom + 1, left, right) > 0.5:
            bottom, going = bottom + 1, True
        if top > 0 and part(top - 1, top, left, right) > 0.5:
            top, going = top - 1, True
    return top, bottom, left, right


def _sound(pixels: Grey) -> bool:
    return bool(((pixels >= 0) & (pixels <= 1)).all())  # not so for what is no number


def _sample(text: str, character: str) -> Grey:
    try:
        if len(character) != 1:
            raise ValueError("not one character")
        with Image.open(io.BytesIO(base64.b64decode(text, validate=True)), formats=("PNG",)) as picture:
            grey: Grey = np.asarray(picture.convert("L"), np.float32) / np.float32(255)
        if grey.shape[0] != HEIGHT or not 0 < grey.shape[1] < 256:
            raise ValueError(f"{grey.shape[1]} × {grey.shape[0]} pixels")
    except (ValueError, binascii.Error, UnidentifiedImageError, OSError) as error:
        raise InputError("PAI020", f"the sample of {character[:8]!r} is no picture of one: {error}",
                         where="training") from None
    return grey
