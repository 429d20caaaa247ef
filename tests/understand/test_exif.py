"""The EXIF position of pictures: whole, corrupt, hostile."""

from __future__ import annotations

import io
import struct
import time
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from lineage.understand.exif import block_of, is_picture, position, position_in

OSLO = {1: "N", 2: (59.0, 54.0, 27.0), 3: "E", 4: (10.0, 45.0, 11.16)}
RIO = {1: "S", 2: (22.0, 57.0, 6.84), 3: "W", 4: (43.0, 12.0, 37.8)}
Make = Callable[..., bytes]


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_position_in_each_format(picture: Make, form: str) -> None:
    assert position(picture(form, gps=OSLO)) == pytest.approx((59.9075, 10.7531), abs=1e-6)
    assert position(picture(form, gps=RIO)) == pytest.approx((-22.9519, -43.2105), abs=1e-6)
    assert is_picture(picture(form))


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_a_picture_without_position(picture: Make, form: str) -> None:
    assert position(picture(form)) is None
    assert block_of(picture(form)) != b""


@pytest.mark.parametrize("gps", [
    {1: "N", 2: (59.0, 54.0, 27.0)},
    {1: "N", 2: (159.0, 0.0, 0.0), 3: "E", 4: (10.0, 0.0, 0.0)},
    {29: "2026:01:05"},
])
def test_an_incomplete_or_impossible_position_is_none(picture: Make, gps: dict[int, object]) -> None:
    assert position(picture("JPEG", gps=gps)) is None


@pytest.mark.parametrize(("denominator", "expected"), [(1, (59.0, 59.0)), (0, None)])
def test_a_position_over_zero_is_none(denominator: int, expected: tuple[float, float] | None) -> None:
    """Cameras without a fix write 0/0.  Hand-made TIFF: IFD0 at 8, GPS directory at 26, one value at 56."""
    block = b"II*\0" + struct.pack("<IHHHIII", 8, 1, 0x8825, 4, 1, 26, 0)
    block += struct.pack("<HHHIIHHIII", 2, 2, 5, 1, 56, 4, 5, 1, 56, 0)
    assert position_in(block + struct.pack("<II", 59 * denominator, denominator)) == expected


def test_a_png_with_its_exif_behind_the_pixels(picture: Make) -> None:
    block = block_of(picture("JPEG", gps=OSLO))
    plain = io.BytesIO()
    Image.new("RGB", (8, 6)).save(plain, "PNG")
    body, end = plain.getvalue()[:-12], plain.getvalue()[-12:]
    chunk = struct.pack(">I", len(block)) + b"eXIf" + block + struct.pack(">I", zlib.crc32(b"eXIf" + block))
    assert position(body + chunk + end) == pytest.approx((59.9075, 10.7531), abs=1e-6)


def test_a_decompression_bomb_costs_its_headers_only(picture: Make) -> None:
    block = block_of(picture("JPEG", gps=OSLO))

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)  # 10.8 GB of pixels
    pixels = zlib.compress(bytes(4_000_000))
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"eXIf", block)
    started = time.process_time()
    assert position(bomb) == pytest.approx((59.9075, 10.7531), abs=1e-6)
    assert time.process_time() - started < 0.5


@pytest.mark.parametrize("hostile", [
    b"\x89PNG\r\n\x1a\n" + bytes(5_000_000),
    b"RIFF\0\0\0\0WEBP" + bytes(5_000_000),
    b"\xff\xd8" + b"\xff" * 5_000_000,
    b"\xff\xd8" + b"\xff\xe1\0\0" * 1_000_000,
])
def test_many_empty_segments_end_soon(hostile: bytes) -> None:
    started = time.process_time()
    assert position(hostile) is None
    assert time.process_time() - started < 0.5


@given(st.data())
def test_a_damaged_picture_never_raises(picture: Make, data: st.DataObject) -> None:
    form = data.draw(st.sampled_from(["JPEG", "PNG", "WEBP"]))
    damaged = bytearray(picture(form, gps=OSLO))
    for at in data.draw(st.lists(st.integers(0, len(damaged) - 1), max_size=8)):
        damaged[at] = data.draw(st.integers(0, 255))
    found = position(bytes(damaged[: data.draw(st.integers(0, len(damaged)))]))
    assert found is None or (abs(found[0]) <= 90 and abs(found[1]) <= 180)


@given(st.binary(max_size=400))
def test_any_bytes_are_looked_at(data: bytes) -> None:
    for prefix in (b"", b"\xff\xd8\xff\xe1", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBP", b"II*\0", b"MM\0*"):
        position(prefix + data)
        position_in(prefix + data)
