"""The wrist band: a real signal, and a classifier that knows the gestures and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from lineage.errors import InputError
from sim.world import band


@pytest.mark.parametrize("gesture", band.GESTURES)
def test_every_gesture_is_told_from_its_signal(gesture: str) -> None:
    for seed in range(60):
        for wearer in ("w-0001", "w-0002"):
            assert band.classify(band.signal(gesture, seed, wearer, seed % 5)) == gesture


def test_a_signal_is_real_and_its_own() -> None:
    one, same, other = (band.signal("pinch", 7, wearer, 1) for wearer in ("w-0001", "w-0001", "w-0002"))
    assert one.shape == (band.CHANNELS, band.SAMPLES) and one.dtype == np.dtype("<i2")
    assert (one == same).all() and (one != other).any()
    assert len(np.unique(one)) > 200 and int(np.abs(one).max()) < 32767


@given(arrays.arrays(np.int16, (band.CHANNELS, band.SAMPLES)))
def test_anything_is_classified(samples: band.Signal) -> None:
    assert band.classify(samples) in band.GESTURES


@given(st.integers(0, 10_000), st.floats(0.3, 3.0))
def test_the_strength_of_the_whole_signal_does_not_matter(seed: int, gain: float) -> None:
    found = band.signal("swipe", seed, "w")
    assert band.classify(np.clip(found * gain, -32768, 32767).astype(np.int16)) == "swipe"


def test_noise_alone_is_rest() -> None:
    noise = np.random.default_rng(1).normal(0, 500, (band.CHANNELS, band.SAMPLES))
    assert band.classify(noise.astype(np.int16)) == "rest"
    assert band.classify(np.zeros((band.CHANNELS, band.SAMPLES), np.int16)) == "rest"


def test_the_wrong_shape_and_an_unknown_gesture_are_refused() -> None:
    with pytest.raises(InputError) as caught:
        band.classify(np.zeros((2, 4), np.int16))
    assert (caught.value.code, caught.value.where) == ("PAI004", "device:neural_band#emg")
    with pytest.raises(InputError) as caught:
        band.signal("wave", 1)
    assert caught.value.code == "PAI010" and "pinch" in caught.value.what
