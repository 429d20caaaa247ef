"""IngestScan through a real PrivacyLib: findings, proposals, and no payload value in either."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lineage.model import Label
from lineage.privacylib import PrivacyLib
from lineage.privacylib.extension import Extension
from lineage.privacylib.operation import Operation
from lineage.understand import scan
from lineage.understand.detectors import Proposal, detect_picture
from lineage.understand.scan import IngestScan

OSLO = {1: "N", 2: (59.0, 54.0, 27.0), 3: "E", 4: (10.0, 45.0, 11.16)}
LABELS = {"photo": Label("user.scene_image"), "utterance": Label("user.utterance"),
          "location": Label("user.location"), "region": Label(operational="region")}
KEY = "0af7651916cd43dd8448eb211c80319c"


class Notes(Extension):
    def __init__(self) -> None:
        self.findings: list[dict[str, Any]] = []
        self.proposals: list[tuple[str, str, str]] = []

    def after(self, op: Operation) -> None:
        if op.kind == "finding":
            self.findings.append(dict(op.detail))
        if op.kind == "proposal":
            self.proposals.append((op.asset, op.fields[0], op.detail["category"]))


def ingest(payload: dict[str, object], *, labels: dict[str, Label] = LABELS, asset: str = "web:ask",
           scan: IngestScan | None = None) -> Notes:
    notes = Notes()
    lib = PrivacyLib("web", [notes, scan or IngestScan()])
    lib.register("web:ask", labels)
    with lib.scope(key=KEY):
        with lib.read(asset, fields=tuple(payload), payload=payload):
            pass
    return notes


def test_a_position_in_the_photo_is_a_finding_and_a_part(picture: Callable[..., bytes]) -> None:
    notes = ingest({"photo": picture("JPEG", gps=OSLO)})
    assert notes.proposals == [("web:ask", "photo.exif.gps", "user.location.precise")]
    (finding,) = notes.findings
    assert (finding["code"], finding["asset"]) == ("PAI101", "web:ask#photo")
    assert "web:ask#photo.exif.gps holds user.location.precise" in finding["what"]
    assert finding["next"]


def test_no_value_is_given_away(picture: Callable[..., bytes]) -> None:
    notes = ingest({"photo": picture("JPEG", gps=OSLO), "utterance": "Text Anna, +47 22 33 44 55, a@example.org"})
    said = repr(notes.findings) + repr(notes.proposals)
    assert len(notes.findings) == len(notes.proposals) == 4
    assert not [value for value in ("Anna", "22 33", "example", "59.9", "10.75") if value in said]


def test_a_covered_category_is_proposed_without_a_finding(picture: Callable[..., bytes]) -> None:
    labels = LABELS | {"photo.exif.gps": Label("user.location")}
    notes = ingest({"photo": picture("JPEG", gps=OSLO)}, labels=labels)
    assert notes.findings == []
    assert notes.proposals == [("web:ask", "photo.exif.gps", "user.location.precise")]


def test_an_operational_or_unlabelled_field_covers_nothing() -> None:
    notes = ingest({"region": "mail a@example.org", "other": "mail a@example.org"})
    assert [finding["asset"] for finding in notes.findings] == ["web:ask#region", "web:ask#other"]
    assert "operational: region" in notes.findings[0]["what"]
    assert "its label says nothing" in notes.findings[1]["what"]


def test_only_the_named_assets_are_scanned() -> None:
    payload: dict[str, object] = {"utterance": "a@example.org"}
    assert ingest(payload, scan=IngestScan(["web:ask"])).findings
    assert not ingest(payload, scan=IngestScan(["device:glasses"])).findings


def test_a_source_probe_is_scanned() -> None:
    notes = Notes()
    lib = PrivacyLib("web", [notes, IngestScan()])
    with lib.scope(key=KEY):
        lib.source("web:ask", {"utterance": "a@example.org"})
    assert [finding["asset"] for finding in notes.findings] == ["web:ask#utterance"]


def test_only_reads_with_a_payload_are_scanned() -> None:
    notes = Notes()
    lib = PrivacyLib("web", [notes, IngestScan()])
    with lib.scope(key=KEY):
        with lib.write("web:ask", payload={"utterance": "a@example.org"}):
            pass
        with lib.read("web:ask"):
            pass
    assert not notes.findings
    assert not notes.proposals


def test_a_corrupt_picture_and_odd_values_pass() -> None:
    assert not ingest({"photo": b"\xff\xd8\xff\xe1\0\xffExif\0\0junk", "location": None, "x": 7}).findings


def test_equal_pictures_are_read_once_and_the_cache_is_bounded(
        picture: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def counted(field: str, block: bytes) -> list[Proposal]:
        calls.append(field)
        return list(detect_picture(field, block))

    monkeypatch.setattr(scan, "detect_picture", counted)
    monkeypatch.setattr(scan, "_MAX_CACHED", 2)
    ingest_scan = IngestScan()
    first = picture("JPEG", gps=OSLO)
    for _ in range(3):
        assert len(ingest({"photo": first}, scan=ingest_scan).findings) == 1
    assert calls == ["photo"]
    for minute in range(5):
        ingest({"photo": picture("JPEG", gps=OSLO | {2: (59.0, float(minute), 0.0)})}, scan=ingest_scan)
    assert len(ingest_scan._pictures) == 2
    ingest({"photo": first}, scan=ingest_scan)
    assert len(calls) == 7
