"""Is a device's value inside a message?  Found in the forms in which it may travel, and nowhere else."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.errors import InputError
from sim.truth.carried import Search, carried
from sim.truth.journal import Journal
from sim.world import band

EMG = band.signal("pinch", 3, "w-0001", 1)
RAW = EMG.tobytes()
# Each is a way in which an app may send a signal, or a part of one, on purpose or not.
FORMS: dict[str, Callable[[bytes], bytes]] = {
    "raw": lambda data: data,
    "turned round": lambda data: np.frombuffer(data, "<i2").astype(">i2").tobytes(),
    "hex": lambda data: data.hex().encode(),
    "HEX": lambda data: data.hex().upper().encode(),
    "base64": base64.b64encode,
    "JSON": lambda data: json.dumps(np.frombuffer(data, "<i2").tolist()).encode(),
    "CSV": lambda data: ",".join(map(str, np.frombuffer(data, "<i2").tolist())).encode(),
    "floats": lambda data: json.dumps(np.frombuffer(data, "<i2").astype(float).tolist()).encode()}


def holding(*values: tuple[str, bytes]) -> Search:
    search = Search()
    for name, value in values:
        search.hold(name, value)
    return search


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("before", range(4))
@pytest.mark.parametrize("part", [slice(None), slice(64, 96), slice(1000, 1100), slice(46, 78)])
def test_a_stretch_is_found_in_any_form(form: str, before: int, part: slice) -> None:
    """32 bytes from any place; 46 is no multiple of the piece's length."""
    body = b'{"gesture": "pinch", "x": "' + bytes(range(65, 65 + before)) + FORMS[form](RAW[part]) + b'"}'
    assert holding(("neural_band#emg", RAW)).found(body) == ["neural_band#emg"]


@pytest.mark.parametrize("form", FORMS)
def test_another_signal_is_not(form: str) -> None:
    other = band.signal("pinch", 4, "w-0001", 1).tobytes()
    assert holding(("neural_band#emg", RAW)).found(FORMS[form](other)) == []


@given(st.binary(max_size=3000))
def test_what_has_nothing_of_it_is_not(body: bytes) -> None:
    assert holding(("neural_band#emg", RAW), ("neural_band#gesture", b"double_pinch")).found(body) == []


@given(st.binary(min_size=4, max_size=400), st.binary(max_size=50), st.binary(max_size=50))
def test_a_short_value_is_found_whole(value: bytes, before: bytes, after: bytes) -> None:
    found = holding(("glasses#x", value)).found(before + value + after)
    # A value of nothing but silence is not looked for.
    assert found == ["glasses#x"] or len(set(value)) <= 17


def test_what_is_too_short_or_silent_is_not_looked_for() -> None:
    assert holding(("a#x", b"US"), ("a#y", bytes(500)), ("a#z", b"")).found(b"US" + bytes(5000)) == []


def test_of_a_long_value_pieces_all_over_are_looked_for() -> None:
    long = Random(1).randbytes(200_000)
    search = holding(("glasses#photo", long))
    assert search.found(long[100_000:110_000]) == ["glasses#photo"]


def test_by_the_journal(tmp_path: Path) -> None:
    search = Search()
    app, glasses = Journal(tmp_path, "app", search), Journal(tmp_path, "glasses", search)
    glasses.device("read", len(RAW), "neural_band", {"emg": RAW})
    glasses.device("write", 5, "neural_band", {"gesture": b"pinch"})
    for body in (b'{"gesture": "pinch"}', b'{"gesture": "pinch", "raw": "%s"}' % RAW.hex().encode(), b"{}"):
        app.http("sent", "request", "/v1/overlay", len(body), body)
    app.flush()
    glasses.flush()
    records = [record for journal in (app, glasses) for record in Journal.read(journal.path)]
    assert carried(records, "device:neural_band#gesture", "web:overlay") == (2, True)
    assert carried(records, "device:neural_band#emg", "web:overlay") == (1, True)
    # Nothing was sent there; nothing was held there.
    assert not carried(records, "device:neural_band#emg", "web:ask").armed
    assert not carried(records, "device:neural_band#gaze", "web:overlay").armed
    for journal in (app, glasses):
        written = journal.path.read_bytes()
        assert RAW[64:80] not in written and RAW[64:80].hex().encode() not in written
        journal.close()


@pytest.mark.parametrize(("what", "to"), [
    ("device:neural_band", "web:overlay"), ("app:ask#photo", "web:ask"), ("device:glasses#photo", "training:x")])
def test_other_kinds_are_refused(what: str, to: str) -> None:
    with pytest.raises(InputError) as caught:
        carried([], what, to)
    assert caught.value.code == "PAI001"
