"""The questions that are asked under load: those of a scenario, over and over, each under a key of its own.

They are drawn before anything is timed; a photo takes longer to draw than a question to answer.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

from lineage.errors import InputError
from sim.scenario.schema import Scenario, Step
from sim.scenario.stage import find_file
from sim.world.glasses import Capture, Glasses
from sim.world.photo import load_photo
from sim.world.random import key_id
from sim.world.wearers import make_wearers

# Different captures; after them the same ones come again under new keys.
DISTINCT = 24


class Traffic:
    """Raises InputError (PAI010) when the scenario asks nothing."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        asks = [step for step in scenario.steps if step.kind == "ask"]
        if not asks:
            raise InputError("PAI010", f"the scenario {scenario.name!r} has no ask step: nothing to load with",
                             where=str(scenario.path or ""), next="sightline load scenarios/01_ask_a_landmark.yaml")
        self._seed = seed
        wearers = make_wearers(seed, scenario.world.wearers, list(scenario.world.regions))
        pairs = itertools.cycle(itertools.product(asks, [Glasses(wearer, seed) for wearer in wearers]))
        self._captures = [_capture(step, glasses, ordinal, scenario)
                          for ordinal, (step, glasses) in enumerate(itertools.islice(pairs, DISTINCT), 1)]
        self._asked = itertools.count(1)

    def __iter__(self) -> Iterator[Capture]:
        return self

    def __next__(self) -> Capture:
        number = next(self._asked)
        trace, span = key_id(self._seed, "load", number), key_id(self._seed, "load-span", number, size=8)
        return replace(self._captures[number % len(self._captures)], traceparent=f"00-{trace}-{span}-01")


def _capture(step: Step, glasses: Glasses, ordinal: int, scenario: Scenario) -> Capture:
    given = step.given
    photo = load_photo(find_file(scenario, given["photo"], step.where)) if "photo" in given else None
    return glasses.capture(given["question"], ordinal, photo, share_location=given.get("location", True),
                           verbatim=given.get("verbatim", False))
