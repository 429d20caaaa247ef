"""Which checkpoint answers: shares of the requests, growing, taken back, kept, and read back."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.errors import InputError
from services.inference import traffic
from services.inference.traffic import Traffic, position

KEYS = [f"{number:032x}" for number in range(1, 2001)]
SHARES = st.floats(0.001, 0.999)


@given(SHARES, SHARES, st.sampled_from(KEYS))
def test_who_is_in_a_small_share_is_in_a_larger_one(one: float, other: float, key: str) -> None:
    small, large = (Traffic("a@1").roll_out("a@2", share) for share in sorted((one, other)))
    if small.of(key) == "a@2":
        assert large.of(key) == "a@2"


@pytest.mark.parametrize("share", [0.05, 0.25, 0.5, 0.9])
def test_a_share_is_that_share_of_the_requests(share: float) -> None:
    rolled = Traffic("a@1").roll_out("a@2", share)
    got = sum(rolled.of(key) == "a@2" for key in KEYS) / len(KEYS)
    assert abs(got - share) < 4 * math.sqrt(share * (1 - share) / len(KEYS)), "of four standard deviations"
    assert len({position(key) for key in KEYS}) == len(KEYS)


@given(st.lists(st.tuples(st.sampled_from(["serve", "out", "all", "back"]), st.integers(1, 5), SHARES), max_size=12))
def test_whatever_is_done_what_is_served_is_one_of_those_that_were(doings: list[tuple[str, int, float]]) -> None:
    now, known = Traffic("a@1"), {"a@1"}
    for what, version, share in doings:
        checkpoint, before = f"a@{version}", now
        try:
            match what:
                case "serve":
                    now = before.serve(checkpoint)
                case "back":
                    now = before.roll_back()
                case _:
                    now = before.roll_out(checkpoint, 1 if what == "all" else share)
        except InputError as error:
            assert error.code == "PAI036" and now == before
            continue
        known.add(checkpoint)
        assert set(now.checkpoints) <= known and {now.of(key) for key in KEYS[:50]} <= {now.serving, now.candidate}
        assert traffic.loads(now.dumps(), "f", "a") == now
        if what != "back" and (now.candidate or now.serving != before.serving):
            assert now.roll_back().serving == before.serving, "one can always go back"


@pytest.mark.parametrize("share", [0.0, -1.0, 1.01, math.nan, math.inf])
def test_what_is_no_share_is_refused(share: float) -> None:
    with pytest.raises(InputError, match="above 0, and at most 1"):
        Traffic("a@1").roll_out("a@2", share)


@given(st.binary(max_size=80) | st.text(max_size=80).map(str.encode))
def test_any_file_is_traffic_or_an_input_error(data: bytes) -> None:
    try:
        traffic.loads(data, "serving/a.json", "a")
    except InputError as error:
        assert error.code == "PAI004" and error.where == "serving/a.json"


@pytest.mark.parametrize("change", [
    (b'"share": 0.0', b'"share": 7'), (b'"a@1"', b'""'), (b'"format": 1', b'"format": 2'),
    (b'"before": []', b'"before": 1'), (b'"share"', b'"part"'), (b'"a@1"', b'"b@1"'),
    (b'"a@1"', b'"../a@1"'), (b'"candidate": ""', b'"candidate": "b@2"'), (b'"before": []', b'"before": ["b@1"]'),
    (b'"share": 0.0', b'"share": ' + b"[" * 100_000)])
def test_a_changed_file_is_refused(change: tuple[bytes, bytes]) -> None:
    data = Traffic("a@1").dumps()
    assert change[0] in data
    with pytest.raises(InputError):
        traffic.loads(data.replace(*change), "f", "a")


def test_what_is_fallen_back_to_was_served_before_and_is_older() -> None:
    now = Traffic("a@1").serve("a@4").serve("a@2").serve("a@3").roll_out("a@5", 0.5)
    assert [one.serving for one in now.older] == ["a@2", "a@1"], "4 is newer than 3, and 5 is a candidate"
    assert [one.before for one in now.older] == [("a@1", "a@4"), ()]
