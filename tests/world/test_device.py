"""The places on what the wearer wears: each access is one operation and one record, under the right party."""

from __future__ import annotations

from pathlib import Path

from lineage.privacylib import PrivacyLib
from sim.truth.journal import Journal
from sim.truth.score import operations
from sim.world import band
from sim.world.device import BAND, LABELS, OnDevice, Port, prepared
from sim.world.glasses import Glasses
from sim.world.preprocess import Options
from sim.world.wearers import make_wearers
from tests.services.fakes import Recorder

GLASSES = Glasses(make_wearers(1, 1, ["NO"])[0], 1)


def bench(folder: Path) -> tuple[OnDevice, Recorder, Journal]:
    seen, journal = Recorder(), Journal(folder, "glasses")
    return OnDevice(Port(PrivacyLib("glasses", [seen], family="A"), journal)), seen, journal


def complete(seen: Recorder, journal: Journal) -> bool:
    journal.flush()
    score = operations(Journal.read(journal.path), [("glasses", op.kind, op.asset) for op in seen.seen])
    return not score.missed and not score.invented and sum(score.truth.values()) > 0


def test_a_signal_becomes_a_gesture_and_stays(tmp_path: Path) -> None:
    device, seen, journal = bench(tmp_path)
    memory, view = GLASSES.memory, GLASSES.view(1)
    assert device.feel(memory, band.signal("swipe", 1, "w"), view.traceparent, view.region) == "swipe"
    assert memory.places[BAND]["gesture"] == b"swipe" and len(memory.places[BAND]["emg"]) == 2 * 8 * 256
    (read,), (write,) = seen.of("read"), seen.of("write")
    assert (read.asset, read.fields) == ("device:neural_band", ("emg",))
    assert dict(write.links) == {"gesture": ("device:neural_band#emg",)}
    assert read.context.key == view.traceparent.split("-")[1] and read.context.principal == "glasses"
    assert complete(seen, journal) and not seen.of("gap")
    # What says most of a person carries an annotation that no field beyond the device has.
    assert "NEURAL_SIGNAL" in LABELS[BAND]["emg"].annotations
    assert "NEURAL_SIGNAL" not in LABELS[BAND]["gesture"].annotations


def test_a_capture_is_prepared_field_by_field(tmp_path: Path) -> None:
    device, seen, journal = bench(tmp_path)
    capture = GLASSES.capture("What is that   building?", 3, geotag=True, verbatim=True)
    device.prepare(GLASSES.memory, capture, Options(downscale=100, exif="strip", trim=12))
    made = prepared(GLASSES.memory, capture)
    assert (made.utterance, made.wearer, made.traceparent) == ("What is that", capture.wearer, capture.traceparent)
    assert made.photo != capture.photo
    (read,), (write,) = seen.of("read"), seen.of("write")
    assert set(read.fields) == set(write.fields)
    assert dict(write.links) == {field: (f"device:glasses#{field}",) for field in write.fields}
    assert complete(seen, journal)


def test_nothing_of_an_earlier_capture_is_left(tmp_path: Path) -> None:
    device, _, _ = bench(tmp_path)
    located = next(one for ordinal in range(20) if (one := GLASSES.capture("Where?", ordinal)).location)
    hidden = GLASSES.capture("Where?", 50, share_location=False)
    for capture in (located, hidden):
        device.prepare(GLASSES.memory, capture, Options())
        assert prepared(GLASSES.memory, capture).location == capture.location
