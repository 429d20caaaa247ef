"""What the wearer wears: places on the glasses and on the wrist band, and the processing that stays there.

A place holds fields (bytes); each access goes through a *port*, which is an operation of PrivacyLib and, below
it, a record of the tap.  The device has one port, with a PrivacyLib of its own (emitter ``glasses``, no guard:
what stays on the device crosses no boundary, and lowering a label there is not reviewed yet); the companion app
has the other, whose guard judges what goes on from there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from lineage.model import Label
from lineage.privacylib import PrivacyLib
from lineage.privacylib.contract import labels_of
from protos import web_pb2
from services.seams import Tap
from sim.world import band, preprocess
from sim.world.glasses import Capture
from sim.world.memory import Memory
from sim.world.preprocess import Options

GLASSES, PREPROCESSED, OVERLAY, BAND = "glasses", "glasses.preprocess", "glasses.overlay", "neural_band"
_ASKED = labels_of(web_pb2.AskRequest.DESCRIPTOR)
_SAID = labels_of(web_pb2.ConverseMessage.DESCRIPTOR)
_CARD = labels_of(web_pb2.OverlayResponse.DESCRIPTOR)
_GESTURE = labels_of(web_pb2.OverlayRequest.DESCRIPTOR)["gesture"]
# The gesture's annotations, and one of its own: a muscle signal may say more of a person than the gesture does.
EMG = Label("user.gesture", (*_GESTURE.annotations, "NEURAL_SIGNAL"))
LABELS: dict[str, dict[str, Label]] = {
    GLASSES: {**_ASKED, "gaze": _SAID["gaze"], **{field: labels_of(web_pb2.AskResponse.DESCRIPTOR)[field]
                                                         for field in ("answer", "aside")}},
    PREPROCESSED: dict(_ASKED),
    OVERLAY: {"title": _CARD["title"], "text": _CARD["text"]},
    BAND: {"emg": EMG, "gesture": _GESTURE}}


class Port:
    """Access to places by one party, which says so to PrivacyLib and is seen by its tap."""

    def __init__(self, lib: PrivacyLib, tap: Tap) -> None:
        self.lib = lib
        self._tap = tap

    def read(self, memory: Memory, place: str, fields: Sequence[str]) -> dict[str, bytes]:
        """Those of ``fields`` that hold something."""
        self.lib.register(f"device:{place}", LABELS[place], owner="glasses")
        held = {field: value for field in fields if (value := memory.places.get(place, {}).get(field))}
        with self.lib.read(f"device:{place}", fields=tuple(held)):
            self._tap.device("read", sum(map(len, held.values())), place, held)
        return held

    def write(self, memory: Memory, place: str, held: Mapping[str, bytes],
              sources: Mapping[str, Sequence[str]]) -> None:
        self.lib.register(f"device:{place}", LABELS[place], owner="glasses")
        with self.lib.write(f"device:{place}", fields=tuple(held), sources=sources):
            self._tap.device("write", sum(map(len, held.values())), place, held)
            memory.sense(place, **held)


class OnDevice:
    """What the device does by itself, each time in a scope of the device's own."""

    def __init__(self, port: Port) -> None:
        self._port = port

    def prepare(self, memory: Memory, capture: Capture, options: Options) -> None:
        """The capture, as it leaves the camera and the microphone, into ``device:glasses.preprocess``."""
        memory.sense(GLASSES, photo=capture.photo, **{
            field: value if isinstance(value := getattr(capture, field), bytes) else value.encode()
            for field in _ASKED if field != "photo"})
        with self._port.lib.scope(traceparent=capture.traceparent, purpose="assistance", principal="glasses",
                                  region=capture.region, family="A"):
            raw = self._port.read(memory, GLASSES, tuple(_ASKED))
            made = preprocess.apply(raw, options)
            memory.places.pop(PREPROCESSED, None)
            self._port.write(memory, PREPROCESSED, made, {field: [f"device:{GLASSES}#{field}"] for field in made})

    def feel(self, memory: Memory, samples: band.Signal, traceparent: str, region: str) -> str:
        """The muscle signal becomes the name of a gesture; the signal stays in its place on the band."""
        memory.sense(BAND, emg=samples.astype("<i2").tobytes())
        with self._port.lib.scope(traceparent=traceparent, purpose="assistance", principal="glasses",
                                  region=region, family="A"):
            raw = self._port.read(memory, BAND, ("emg",))["emg"]
            gesture = band.classify(np.frombuffer(raw, "<i2").reshape(band.CHANNELS, band.SAMPLES))
            self._port.write(memory, BAND, {"gesture": gesture.encode()}, {"gesture": [f"device:{BAND}#emg"]})
        return gesture


def prepared(memory: Memory, capture: Capture) -> Capture:
    """The capture as the device has it for the app, after :meth:`OnDevice.prepare`."""
    held = memory.places[PREPROCESSED]
    texts = {field: held.get(field, b"").decode() for field in _ASKED if field not in ("photo", "faces")}
    return Capture(photo=held["photo"], faces=held.get("faces", b""), traceparent=capture.traceparent, **texts)
