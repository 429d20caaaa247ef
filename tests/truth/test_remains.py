"""What was planted is found in every kind of place and form, and nowhere else."""

from __future__ import annotations

import base64
import gzip
import io
import json
import sqlite3
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.truth.remains import remains

SAID = "Is Ludmila Quastenberg at home? Ask the neighbours for me, please."
WHAT = "device:glasses#utterance"


def zipped(body: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("one", body)
    return made.getvalue()


FORMS: dict[str, Callable[[str], bytes]] = {
    "as it is": str.encode, "within": lambda text: b"{" + text.encode() + b"}",
    "lower": lambda text: text.lower().encode(),
    "utf-16": lambda text: text.encode("utf-16-le"), "url": lambda text: quote(text).encode(),
    "json": lambda text: json.dumps({"a": text}).encode(), "hex": lambda text: text.encode().hex().encode(),
    "base64": lambda text: base64.b64encode(b"x" + text.encode()), "gzip": lambda text: gzip.compress(text.encode()),
    "zip": lambda text: zipped(text.encode()), "cut": lambda text: text.encode()[5:60],
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_found_where_it_lies(tmp_path: Path, form: str) -> None:
    (tmp_path / "debug").mkdir()
    (tmp_path / "debug/web.traces").write_bytes(FORMS[form](SAID))
    (tmp_path / "debug/web.places").write_bytes(FORMS[form]("nothing of the kind, just as long as the other text"))
    found, searched = remains(tmp_path, [(WHAT, SAID.encode())])
    assert found == {WHAT: {"file:debug/web.traces"}}
    assert searched == {"file:debug/web.traces", "file:debug/web.places"}


def test_tables_are_searched_cell_by_cell_and_named(tmp_path: Path) -> None:
    (tmp_path / "warehouse").mkdir()
    with closing(sqlite3.connect(tmp_path / "warehouse/core.db")) as database:
        database.executescript("CREATE TABLE a (said TEXT, n INTEGER); CREATE TABLE b (said BLOB); CREATE TABLE c (x)")
        database.execute("INSERT INTO a VALUES ('nothing', 1)")
        database.execute("INSERT INTO b VALUES (?)", (SAID.encode(),))
        database.commit()
    found, searched = remains(tmp_path, [(WHAT, SAID.encode())])
    assert found == {WHAT: {"warehouse:core.b"}}
    assert searched == {"warehouse:core.a", "warehouse:core.b", "warehouse:core.c"}


def test_what_others_call_these_places(tmp_path: Path) -> None:
    for path in ("app/ask", "checkpoints/assistant@1/weights.safetensors", "queue/glasses_session/000001.log",
                 "deploy/jobs/one.sql", "journal/web.db", "exports/all/part-00001.jsonl"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(SAID)
    (tmp_path.parent / "logs").mkdir(exist_ok=True)
    (tmp_path.parent / "logs/web.log").write_text(SAID)
    found, searched = remains(tmp_path, [(WHAT, SAID.encode())], [tmp_path.parent / "logs"])
    assert found[WHAT] == searched == {"app:ask", "checkpoint:assistant@1", "logger:glasses_session",
                                       "file:exports/all", "file:logs/web.log"}


@given(st.binary(max_size=200))
def test_what_is_no_archive_is_searched_as_it_is(tmp_path_factory: pytest.TempPathFactory, body: bytes) -> None:
    folder = tmp_path_factory.mktemp("any")
    (folder / "one").write_bytes(b"PK" + body)
    (folder / "two").write_bytes(b"\x1f\x8b" + body)
    assert remains(folder, [(WHAT, SAID.encode())]).found[WHAT] == set()


@given(st.lists(st.integers(0x80, 0xFF), min_size=64, max_size=400).map(bytes))
def test_of_bytes_that_are_no_text_no_letter_is_taken_for_a_trace(tmp_path_factory: pytest.TempPathFactory,
                                                                  value: bytes) -> None:
    """Every single letter lies somewhere."""
    data = tmp_path_factory.mktemp("data")
    (data / "letters.txt").write_text(" ".join(map(chr, range(32, 127))))
    if not value.isascii():
        assert remains(data, [("device:glasses#faces", value)]).found["device:glasses#faces"] == frozenset()
