"""Synthetic scenes, and the checks on the user's own photo."""

from __future__ import annotations

import io
import struct
import zlib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PIL import Image

from lineage.errors import InputError
from lineage.understand.exif import block_of, position
from sim.world.photo import MAX_BYTES, draw, load_photo, media_type
from sim.world.places import BY_NAME, PLACES, Place

TAKEN = datetime(2026, 1, 5, 9, 7, tzinfo=UTC)


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
def test_a_scene_is_a_small_jpeg_with_the_position_that_was_asked_for(place: Place) -> None:
    photo = draw(place, 7, "w-0001", 1, taken=TAKEN, position=(place.latitude, place.longitude))
    with Image.open(io.BytesIO(photo)) as image:
        assert (image.format, image.size) == ("JPEG", (320, 240))
        assert image.getexif()[0x0110] == "SG-1"
        assert image.getexif()[0x0132] == "2026:01:05 09:07:00"
    assert position(photo) == pytest.approx((place.latitude, place.longitude), abs=1e-5)
    assert 10_000 < len(photo) < 20_000


def test_equal_arguments_give_equal_bytes() -> None:
    place = BY_NAME["Taj Mahal"]
    assert draw(place, 7, "a", sign="Agra") == draw(place, 7, "a", sign="Agra")
    assert len({draw(place, 7, "a"), draw(place, 8, "a"), draw(place, 7, "b"), draw(place, 7, "a", sign="Agra")}) == 4


def test_no_exif_unless_asked_and_no_position_unless_asked() -> None:
    place = BY_NAME["Taj Mahal"]
    assert block_of(draw(place, 7)) == b""
    assert position(draw(place, 7, taken=TAKEN)) is None


@pytest.mark.parametrize(("latitude", "longitude"),
                         [(-0.5, -0.25), (89.99999, -179.99999), (0.0, 0.0), (59.9, 10.99999)])
def test_positions_survive_the_way_into_exif_and_back(latitude: float, longitude: float) -> None:
    photo = draw(PLACES[0], 7, position=(latitude, longitude))
    assert position(photo) == pytest.approx((latitude, longitude), abs=1e-5)


def write(path: Path, form: str, size: tuple[int, int] = (20, 10)) -> Path:
    Image.new("RGB", size, (1, 2, 3)).save(path, form)
    return path


@pytest.mark.parametrize(("form", "kind"), [("JPEG", "image/jpeg"), ("PNG", "image/png"), ("WEBP", "image/webp")])
def test_a_photo_is_taken_as_it_is(tmp_path: Path, form: str, kind: str) -> None:
    path = write(tmp_path / "photo", form)
    assert load_photo(path) == path.read_bytes()
    assert media_type(load_photo(str(path)))[1] == kind


def test_a_phone_photo_with_a_second_picture_is_a_jpeg(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    first, second = Image.new("RGB", (20, 10)), Image.new("RGB", (10, 5))
    first.save(path, "MPO", save_all=True, append_images=[second])
    assert load_photo(path) == path.read_bytes()


def bomb(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    pixels = zlib.compress(bytes(1_000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@pytest.mark.parametrize(("data", "why"), [
    (None, "no such file"),
    (b"", "not a JPEG"),
    (b"GIF89a" + bytes(50), "not a JPEG"),
    (b"\xff\xd8\xff\xe0 no picture", "not a JPEG"),
    (bytes(MAX_BYTES + 1), "larger than 10 MB"),
    (bomb(8_000, 7_000), "8000 x 7000 pixels"),
    (bomb(10_000, 10_000), "10000 x 10000 pixels"),
    (bomb(60_000, 60_000), "50 megapixels"),
], ids=["missing", "empty", "gif", "text", "large", "56-megapixels", "100-megapixels", "bomb"])
def test_a_photo_that_cannot_be_used_says_why_and_what_next(tmp_path: Path, data: bytes | None, why: str) -> None:
    path = tmp_path / "photo.jpg"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(InputError, match=why) as caught:
        load_photo(path)
    assert caught.value.code == "PAI002"
    assert caught.value.where == str(path)
    assert caught.value.next.startswith("sightline demo")


def test_a_photo_cut_off_and_a_folder_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(draw(PLACES[0], 7)[:5_000])
    with pytest.raises(InputError, match="begins as a JPEG but does not decode"):
        load_photo(path)
    with pytest.raises(InputError, match="no such file"):
        load_photo(tmp_path)
    with pytest.raises(InputError):
        load_photo("a\0b")
