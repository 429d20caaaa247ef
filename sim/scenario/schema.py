"""What a scenario is, however it was written: World, Step, FaultSpec, Expectation, Scenario.

Serves all four stages.  YAML is read into these by reader.py; Python builds them with the
helpers ``step``, ``fault`` and ``expect``.  Names and keys are judged by the registries.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from lineage.errors import InputError
from sim.scenario.words import did_you_mean, place, shown

STAGES = ("understand", "discover", "enforce", "demonstrate")
_DEEPEST = 50

T = TypeVar("T")


def plain(value: Any, where: str = "", depth: int = 0) -> Any:
    """A copy made of None, bool, int, float, str, list and dict with text keys: what a file can say.

    Raises InputError (PAI010) for anything else, for NaN and infinity, and beyond 50 levels.
    """
    if depth > _DEEPEST:
        raise InputError("PAI010", f"nested more than {_DEEPEST} levels deep", where=where)
    if isinstance(value, Mapping) and all(type(key) is str and _is_scalar(key) for key in value):
        return {key: plain(item, where, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, where, depth + 1) for item in value]
    if _is_scalar(value):
        return value
    raise InputError("PAI010", f"{shown(value)} cannot stand in a scenario: text, finite numbers of 64 bits, true, "
                     "false, lists and mappings with text keys can", where=where)


def _is_scalar(value: Any) -> bool:
    if type(value) is str:
        return not any("\ud800" <= character <= "\udfff" for character in value)  # half a character
    if type(value) is int:
        return -(2**63) <= value < 2**63
    return value is None or type(value) is bool or (type(value) is float and math.isfinite(value))


def _sequence(value: Any, what: str, where: str) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise InputError("PAI010", f"{what} must be a list, not {shown(value)}", where=where)
    return tuple(value)


def _each(value: Any, kind: type[T], what: str, where: str) -> tuple[T, ...]:
    items = _sequence(value, what, where)
    for item in items:
        if not isinstance(item, kind):
            raise InputError("PAI010", f"{what} must hold {kind.__name__} objects, not {shown(item)}", where=where)
    return items


@dataclass(frozen=True)
class World:
    """Who is there: ``wearers`` people spread over ``regions``, under ``requirements``.

    ``jobs``: files that are deployed beside the bundled ones, and run when their schedule says.
    ``answers``: how many answers inference keeps for whoever asks the same at the same place; 0 keeps none.
    ``memory``: web looks up what is remembered of a wearer before it asks inference.
    ``endpoint``: a file beside the scenario that says which model somebody else runs for inference; empty for none.
    """

    wearers: int = 3
    regions: tuple[str, ...] = ("US",)
    requirements: tuple[str, ...] = ("glasses-interaction-purpose",)
    jobs: tuple[str, ...] = ()
    answers: int = 0
    memory: bool = False
    endpoint: str = ""
    where: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        for key in ("regions", "requirements", "jobs"):
            object.__setattr__(self, key, _sequence(getattr(self, key), f"world.{key}", self.where))

    def to_dict(self) -> dict[str, Any]:
        return {"wearers": self.wearers, "regions": list(self.regions), "requirements": list(self.requirements),
                "jobs": list(self.jobs), "answers": self.answers, "memory": self.memory,
                "endpoint": self.endpoint}


class _Named:
    """A registered name and what it is given.  ``where`` is "file:line", and no part of equality."""

    kind: str
    given: Mapping[str, Any]
    where: str

    def __post_init__(self) -> None:
        if not isinstance(self.kind, str) or not isinstance(self.given, Mapping):
            raise InputError("PAI010", f"a name and a mapping are needed, not {shown(self.kind)} and "
                             f"{shown(self.given)}", where=self.where)
        object.__setattr__(self, "given", plain(self.given, self.where))

    def to_dict(self) -> dict[str, Any]:
        return {self.kind: plain(self.given)}


@dataclass(frozen=True)
class Step(_Named):
    """Something that happens: ``Step("ask", {"wearers": "all", "question": "…"})``."""

    kind: str
    given: Mapping[str, Any] = field(default_factory=dict, hash=False)
    where: str = field(default="", compare=False)


@dataclass(frozen=True)
class FaultSpec(_Named):
    """Something that goes wrong, armed before the first step."""

    kind: str
    given: Mapping[str, Any] = field(default_factory=dict, hash=False)
    where: str = field(default="", compare=False)


@dataclass(frozen=True)
class Expectation(_Named):
    """What must be seen afterwards, in one of the four stages."""

    stage: str
    kind: str
    given: Mapping[str, Any] = field(default_factory=dict, hash=False)
    where: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.stage not in STAGES:
            raise InputError("PAI010", f"unknown stage {shown(self.stage)}{did_you_mean(str(self.stage), STAGES)}",
                             where=self.where)


@dataclass(frozen=True)
class Scenario:
    """A story and what it must show.  Expectations stand in the order of the stages.

    ``path``: the file it came from; paths in steps are relative to it.  No part of equality.
    """

    name: str
    stage: str
    seed: int = 1
    about: str = ""
    world: World = field(default_factory=World)
    steps: tuple[Step, ...] = ()
    faults: tuple[FaultSpec, ...] = ()
    expect: tuple[Expectation, ...] = ()
    path: Path | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        where = place(self.path) if self.path else ""
        if self.name == "latest":
            raise InputError("PAI010", "a scenario cannot be named latest: runs/latest is the newest run", where=where)
        if not isinstance(self.world, World):
            raise InputError("PAI010", f"world must be a World, not {shown(self.world)}", where=where)
        expect = _each(self.expect, Expectation, "expect", where)
        object.__setattr__(self, "steps", _each(self.steps, Step, "steps", where))
        object.__setattr__(self, "faults", _each(self.faults, FaultSpec, "faults", where))
        object.__setattr__(self, "expect", tuple(sorted(expect, key=lambda one: STAGES.index(one.stage))))

    def to_dict(self) -> dict[str, Any]:
        """The scenario in the shape of its file, every default written out."""
        stages: dict[str, list[Any]] = {}
        for one in self.expect:
            stages.setdefault(one.stage, []).append(one.to_dict())
        return {"scenario": self.name, "stage": self.stage, "seed": self.seed, "about": self.about,
                "world": self.world.to_dict(), "steps": [one.to_dict() for one in self.steps],
                "faults": [one.to_dict() for one in self.faults], "expect": stages}


def _caller() -> str:
    frame = sys._getframe(2)
    return place(frame.f_code.co_filename, frame.f_lineno)


def _given(keys: Mapping[str, Any]) -> dict[str, Any]:
    """Python has words of its own (``from``, ``is``): ``from_`` stands for ``from``."""
    return {key.removesuffix("_"): value for key, value in keys.items()}


def step(kind: str, /, **given: Any) -> Step:
    """``step("ask", wearers="all", question="What is that building?")``."""
    return Step(kind, _given(given), _caller())


def fault(kind: str, /, **given: Any) -> FaultSpec:
    """``fault("strip_context", method="Logger/Append")``."""
    return FaultSpec(kind, _given(given), _caller())


def expect(stage: str, kind: str, /, **given: Any) -> Expectation:
    """``expect("discover", "path", from_="web:ask#photo", to="response:ask")``."""
    return Expectation(stage, kind, _given(given), _caller())
