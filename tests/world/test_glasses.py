"""Captures: what they hold, how often they give something away, and that nothing depends on order."""

from __future__ import annotations

import re

import pytest

from lineage.errors import InputError
from lineage.understand.detectors import NAME, detect
from lineage.understand.exif import position
from sim.world.clock import SimClock
from sim.world.glasses import Capture, Glasses, validate_question
from sim.world.places import nearest
from sim.world.wearers import make_wearers

QUESTION = "What is that building?"
WEARERS = make_wearers(7, 10, ["US", "NO"])


def captures(count: int = 20) -> list[Capture]:
    return [Glasses(wearer, 7).capture(QUESTION, ordinal) for wearer in WEARERS for ordinal in range(count)]


def test_a_capture_is_complete_and_repeatable() -> None:
    wearer = WEARERS[0]
    glasses = Glasses(wearer, 7)
    one = glasses.capture(f"  {QUESTION}\n", 3)
    glasses.capture(QUESTION, 4)
    late = SimClock()
    late.advance(3600)
    assert Glasses(wearer, 7, late).capture(QUESTION, 3) == one
    assert (one.wearer, one.region, one.asked_at) == ("w-0001", "US", "2026-01-05T09:03:00Z")
    assert one.utterance.startswith(QUESTION)
    assert re.fullmatch(r"SG-1 [0-9a-f]{8}", one.device)
    assert Glasses(wearer, 8).capture(QUESTION, 3) != one


def test_every_question_has_its_own_correlation_key() -> None:
    keys = [capture.traceparent for capture in captures()]
    assert len(set(keys)) == len(keys) == 200
    assert all(re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", key) for key in keys)
    assert not any(key.split("-")[1] == "0" * 32 for key in keys)


def test_photos_and_utterances_give_something_away_now_and_then() -> None:
    taken = captures()
    with_position = sum(position(capture.photo) is not None for capture in taken)
    with_location = sum(bool(capture.location) for capture in taken)
    told = [capture.utterance for capture in taken if capture.utterance != QUESTION]
    assert 70 <= with_position <= 130
    assert 140 <= with_location <= 180
    assert 25 <= len(told) <= 75
    for utterance in told:
        assert NAME in {proposal.category for proposal in detect("utterance", utterance)}, utterance


def test_photo_and_location_agree_and_are_near_a_landmark() -> None:
    both = [(position(capture.photo), capture.location) for capture in captures() if capture.location]
    both = [(found, said) for found, said in both if found]
    assert both
    for found, said in both:
        latitude, longitude = map(float, said.split(","))
        assert found == pytest.approx((latitude, longitude), abs=1e-4)
        assert nearest(latitude, longitude, within_km=1) is not None


def test_a_location_is_not_sent_where_the_wearer_does_not_share_it() -> None:
    shared = [Glasses(wearer, 7).capture(QUESTION, 1) for wearer in WEARERS]
    kept = [Glasses(wearer, 7).capture(QUESTION, 1, share_location=False) for wearer in WEARERS]
    assert any(capture.location for capture in shared)
    assert not any(capture.location for capture in kept)
    assert [capture.photo for capture in kept] == [capture.photo for capture in shared]


def test_the_users_own_photo_and_question_are_left_alone() -> None:
    for wearer in WEARERS:
        own = Glasses(wearer, 7).capture(QUESTION, 1, b"own photo")
        assert (own.photo, own.utterance, own.location) == (b"own photo", QUESTION, "")
        assert Glasses(wearer, 7).capture(QUESTION, 1, verbatim=True).utterance == QUESTION


@pytest.mark.parametrize(("text", "why"), [("", "empty"), (" \n\t", "empty"), ("x" * 2_001, "2001 characters")])
def test_a_question_that_cannot_be_asked(text: str, why: str) -> None:
    with pytest.raises(InputError, match=why) as caught:
        Glasses(WEARERS[0], 7).capture(text, 1)
    assert caught.value.code == "PAI003"
    assert caught.value.next


def test_the_longest_question_stays_within_the_limit() -> None:
    assert validate_question(f" {'x' * 2_000} ") == "x" * 2_000
    for wearer in WEARERS:
        assert len(Glasses(wearer, 7).capture("x" * 1_990, 1).utterance) <= 2_000
