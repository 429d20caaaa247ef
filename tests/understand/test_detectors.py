"""What a field holds, as proposals."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from lineage.understand.detectors import EMAIL, GPS, NAME, PHONE, Proposal, detect
from lineage.understand.taxonomy import CATEGORIES

OSLO = {1: "N", 2: (59.0, 54.0, 27.0), 3: "E", 4: (10.0, 45.0, 11.16)}


def test_every_proposed_category_is_in_the_taxonomy() -> None:
    assert {GPS, EMAIL, PHONE, NAME} <= set(CATEGORIES)


def test_a_picture_with_a_position(picture: Callable[..., bytes]) -> None:
    assert detect("photo", picture("JPEG", gps=OSLO)) == (Proposal(GPS, "photo.exif.gps", "HIGH", "exif.gps"),)
    assert detect("photo", picture("JPEG")) == ()


def test_an_utterance_with_three_details() -> None:
    found = detect("utterance", "What is that? Text Anna at anna@example.org or +47 22 33 44 55.")
    assert [(one.category, one.path) for one in found] == [
        (EMAIL, "utterance"), (PHONE, "utterance"), (NAME, "utterance")]
    assert detect("utterance", b"mail anna@example.org") == detect("utterance", "mail anna@example.org")


def test_a_batched_field_gives_each_category_once_with_the_better_rule() -> None:
    rows = ["anna at example dot org", "anna@example.org", None, 7, "no"]
    assert detect("note", rows) == (Proposal(EMAIL, "note", "HIGH", "email.written"),)


def test_the_other_fields_of_a_request_hold_nothing() -> None:
    request = {"location": "59.9075,10.7531", "wearer": "w-0007", "region": "NO", "device": "SG-1 01234567",
               "asked_at": "2026-01-05T09:00:00Z"}
    assert [detect(field, value) for field, value in request.items()] == [()] * 5


@given(st.one_of(st.binary(max_size=200), st.text(max_size=200), st.none(), st.integers(), st.lists(st.binary())))
def test_any_value_is_looked_at(value: object) -> None:
    assert all(proposal.path.startswith("f") for proposal in detect("f", value))
