"""A Neural-Band-style wrist band: an invented muscle signal (EMG), and the small classifier on the band itself.

Ours from end to end: neither the signal nor the gestures follow any product.  A gesture is a pattern of bursts
over CHANNELS electrodes, on a noise floor, with the strength and the timing of the wearer and of the moment.
The classifier is a handful of rules over where and when there was activity; it learns nothing.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lineage.errors import InputError
from sim.world.random import keyed

Signal = NDArray[np.int16]

CHANNELS = 8
SAMPLES = 256
# Samples of one look at the signal.
WINDOW = 16
_FRAMES = SAMPLES // WINDOW
# A frame is active above this many times the noise floor.
_ACTIVE = 3.0
_NOISE = 40.0


class Burst(NamedTuple):
    """``start`` and ``length`` in frames of WINDOW samples."""

    channels: tuple[int, ...]
    start: int
    length: int


# Pinch: thumb and finger, briefly; swipe: activity that wanders over the wrist; fist: everything, for long.
_PATTERNS: dict[str, tuple[Burst, ...]] = {
    "pinch": (Burst((2, 3), 5, 3),),
    "double_pinch": (Burst((2, 3), 2, 3), Burst((2, 3), 9, 3)),
    "swipe": tuple(Burst((channel,), 2 + channel, 3) for channel in range(CHANNELS)),
    "fist": (Burst(tuple(range(CHANNELS)), 3, 9),),
    "rest": (),
}
GESTURES = tuple(_PATTERNS)


def signal(gesture: str, seed: int, *parts: str | int) -> Signal:
    """(CHANNELS, SAMPLES) in microvolts; equal arguments give equal samples.  Raises InputError (PAI010)."""
    if gesture not in _PATTERNS:
        raise InputError("PAI010", f"{gesture!r} is no gesture; they are {', '.join(GESTURES)}", where="gesture")
    chance = keyed(seed, *parts, "emg")
    noise = np.random.Generator(np.random.PCG64(chance.getrandbits(64)))
    found = noise.normal(0.0, _NOISE, (CHANNELS, SAMPLES))
    strength, late = chance.uniform(6.0, 10.0), chance.randrange(2)
    for burst in _PATTERNS[gesture]:
        begin, end = (burst.start + late) * WINDOW, (burst.start + late + burst.length) * WINDOW
        for channel in burst.channels:
            found[channel, begin:end] += noise.normal(0.0, _NOISE * strength, end - begin)
    return np.clip(np.rint(found), -32768, 32767).astype("<i2")


def classify(samples: Signal) -> str:
    """One of GESTURES; "rest" for whatever fits none.  Raises InputError (PAI004) for another shape."""
    if samples.shape != (CHANNELS, SAMPLES):
        raise InputError("PAI004", f"the signal has the shape {samples.shape}, not {(CHANNELS, SAMPLES)}",
                         where="device:neural_band#emg")
    power = np.sqrt(np.mean(samples.astype(np.float64).reshape(CHANNELS, _FRAMES, WINDOW) ** 2, axis=2))
    active = power > _ACTIVE * max(1.0, float(np.percentile(power, 20)))
    channels = np.flatnonzero(active.sum(axis=1) >= 2)
    when = active.any(axis=0)
    bursts = int(when[0]) + int(np.count_nonzero(np.diff(when.astype(np.int8)) == 1))
    if len(channels) == CHANNELS:
        middles = [float(np.flatnonzero(active[channel]).mean()) for channel in range(CHANNELS)]
        return "swipe" if all(np.diff(middles) > 0) and middles[-1] - middles[0] > _FRAMES / 4 else "fist"
    if set(channels) == {2, 3}:
        return {1: "pinch", 2: "double_pinch"}.get(bursts, "rest")
    return "rest"
