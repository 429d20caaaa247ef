"""Reads the tree of a scenario file into a Scenario, and refuses what does not fit, line by line.

Serves all four stages.  Every problem is an InputError (PAI010, or PAI011 for a name that no
registry has) that says what was expected and suggests the closest word.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from lineage.errors import InputError
from sim.scenario.registry import Registries, Registry
from sim.scenario.schema import STAGES, Expectation, FaultSpec, Scenario, Step, World
from sim.scenario.source import Node
from sim.scenario.words import did_you_mean, place, shown

KEYS = ("scenario", "stage", "seed", "about", "world", "steps", "faults", "expect")
NEEDED = ("scenario", "stage", "expect")
WORLD_KEYS = ("wearers", "regions", "requirements", "jobs", "answers", "memory", "endpoint")
MOST_WEARERS = 10_000
MOST_ANSWERS = 1_000_000
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,79}")
_REGION = re.compile(r"[A-Z]{2}")
_REQUIREMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./-]{0,199}")  # a name, or a file beside the scenario
_LONGEST_ABOUT = 300
_LARGEST_SEED = 2**63 - 1
_FORM = {"step": "- batch: {job: daily_sessions}", "fault": '- strip_context: {method: "Logger/Append"}',
         "expectation": '- path: {from: "web:ask#utterance", to: "response:ask"}'}


def read(root: Node, registries: Registries, path: Path | None = None) -> Scenario:
    """The scenario that a file's tree says.  Raises InputError (PAI010, PAI011)."""
    top = _mapping(root, "a scenario", KEYS)
    for key in NEEDED:
        if key not in top:
            raise _refuse(root, f"the key {key!r} is missing; a scenario has at least {', '.join(NEEDED)}")
    name = _text(top["scenario"], "scenario", _NAME, "a name of a-z, 0-9 and -, such as training-refused")
    stage = _stage(top["stage"])
    steps = [_named(node, registries.steps) for node in _list(top.get("steps"), "steps")]
    faults = [_named(node, registries.faults, bare=True) for node in _list(top.get("faults"), "faults")]
    return Scenario(
        name, stage,
        seed=_whole(top["seed"], "seed", 0, _LARGEST_SEED) if "seed" in top else 1,
        about=_sentence(top["about"]) if "about" in top else "",
        world=_world(top.get("world")),
        steps=tuple(Step(*one) for one in steps),
        faults=tuple(FaultSpec(*one) for one in faults),
        expect=_expectations(top["expect"], registries.expectations), path=path)


def reread(scenario: Scenario, registries: Registries, path: Path) -> Scenario:
    """Holds a scenario that Python built to the rules of the files; each part keeps its place."""
    where = place(path)
    data = scenario.to_dict()
    root = Node.of(data, where)
    for key, parts in (("steps", scenario.steps), ("faults", scenario.faults)):
        root.value[key] = Node([Node.of(one, part.where or where) for one, part in zip(data[key], parts, strict=True)],
                               where)
    for stage in data["expect"]:
        lines = [Node.of(one.to_dict(), one.where or where) for one in scenario.expect if one.stage == stage]
        root.value["expect"].value[stage] = Node(lines, where)
    root.value["world"] = replace(root.value["world"], where=scenario.world.where or where)
    return read(root, registries, path)


def _refuse(node: Node, what: str) -> InputError:
    return InputError("PAI010", what, where=node.where)


def _mapping(node: Node, what: str, known: tuple[str, ...]) -> dict[str, Node]:
    if not isinstance(node.value, dict):
        raise _refuse(node, f"{what} must be a mapping with the keys {', '.join(known)}, not {_said(node)}")
    for key in node.value:
        if key not in known:
            raise InputError("PAI010", f"unknown key {shown(key)}{did_you_mean(key, known)}", where=node.keys[key])
    return node.value


def _said(node: Node) -> str:
    """The value for a message; lists and mappings by their sort, since they may be long."""
    if isinstance(node.value, dict):
        return "a mapping"
    return "a list" if isinstance(node.value, list) else shown(node.value)


def _list(node: Node | None, what: str) -> list[Node]:
    if node is None or node.value is None:
        return []
    if not isinstance(node.value, list):
        raise _refuse(node, f"{what} must be a list, each line beginning with '- ', not {_said(node)}")
    return node.value


def _text(node: Node, what: str, form: re.Pattern[str], wanted: str) -> str:
    if not isinstance(node.value, str) or not form.fullmatch(node.value):
        raise _refuse(node, f"{what} must be {wanted}, not {_said(node)}")
    return node.value


def _whole(node: Node, what: str, low: int, high: int) -> int:
    if not isinstance(node.value, int) or isinstance(node.value, bool) or not low <= node.value <= high:
        raise _refuse(node, f"{what} must be a whole number from {low:,} to {high:,}, not {_said(node)}")
    return node.value


def _truth(node: Node, what: str) -> bool:
    if not isinstance(node.value, bool):
        raise _refuse(node, f"{what} must be true or false, not {_said(node)}")
    return node.value


def _stage(node: Node) -> str:
    if isinstance(node.value, str) and node.value in STAGES:
        return node.value
    hint = did_you_mean(node.value, STAGES) if isinstance(node.value, str) else ""
    raise _refuse(node, f"stage must be one of {', '.join(STAGES)}, not {_said(node)}{hint}")


def _sentence(node: Node) -> str:
    if node.value is None:
        return ""
    if not isinstance(node.value, str) or len(node.value) > _LONGEST_ABOUT:
        raise _refuse(node, f"about must be one sentence of at most {_LONGEST_ABOUT} characters, not {_said(node)}")
    return " ".join(node.value.split())


def _world(node: Node | None) -> World:
    if node is None or node.value is None:
        return World(where=node.where if node else "")
    given = _mapping(node, "world", WORLD_KEYS)
    parts: dict[str, Any] = {"where": node.where}
    if "wearers" in given:
        parts["wearers"] = _whole(given["wearers"], "world.wearers", 1, MOST_WEARERS)
    if "answers" in given:
        parts["answers"] = _whole(given["answers"], "world.answers", 0, MOST_ANSWERS)
    if "memory" in given:
        parts["memory"] = _truth(given["memory"], "world.memory")
    if "endpoint" in given and given["endpoint"].value != "":
        parts["endpoint"] = _text(given["endpoint"], "an endpoint", _REQUIREMENT, "a file, such as llm.yaml")
    if "regions" in given:
        parts["regions"] = tuple(_text(one, "a region", _REGION, "two capital letters, such as SE")
                                 for one in _list(given["regions"], "world.regions"))
        if not parts["regions"]:
            raise _refuse(given["regions"], "world.regions must name at least one region")
    if "requirements" in given:
        wanted = "a requirement's name, such as glasses-interaction-purpose"
        parts["requirements"] = tuple(_text(one, "a requirement", _REQUIREMENT, wanted)
                                      for one in _list(given["requirements"], "world.requirements"))
    if "jobs" in given:
        parts["jobs"] = tuple(_text(one, "a job", _REQUIREMENT, "a job file, such as jobs/asked_by_hour.sql")
                              for one in _list(given["jobs"], "world.jobs"))
    return World(**parts)


def _named(node: Node, registry: Registry[Any], *, bare: bool = False) -> tuple[str, dict[str, Any], str]:
    """A line such as ``- ask: {…}``, judged by its registry: name, what it is given, file:line."""
    sort = registry.sort
    if bare and isinstance(node.value, str):
        registry.validate(node.value, {}, node.where)
        return node.value, {}, node.where
    if not isinstance(node.value, dict):
        raise _refuse(node, f"{'an' if sort[0] in 'aeiou' else 'a'} {sort} must be one name with its keys "
                      f"({_FORM.get(sort, '- name: {key: value}')}), not {_said(node)}")
    if len(node.value) != 1:
        found = ", ".join(map(shown, list(node.value)[:5])) or "none"
        raise _refuse(node, f"one name is wanted after '- '; found {found}. Indent the keys below the name, "
                      f"or begin a new '- ' for each {sort}")
    [(name, given)] = node.value.items()
    where = node.keys[name]
    registry.lookup(name, where)
    if given.value is None:
        given = Node({}, given.where)
    if not isinstance(given.value, dict):
        raise _refuse(given, f"{name} takes a mapping of keys, such as {{key: value}}, not {_said(given)}")
    plain = given.plain()
    registry.validate(name, plain, where, given.keys)
    return name, plain, where


def _expectations(node: Node, registry: Registry[Any]) -> tuple[Expectation, ...]:
    stages = {} if node.value is None else _mapping(node, "expect", STAGES)
    found = [Expectation(stage, *_named(one, registry))
             for stage, below in stages.items() for one in _list(below, f"expect.{stage}")]
    if not found:
        raise _refuse(node, "a scenario without expectations proves nothing; give at least one under "
                      f"{', '.join(STAGES)}")
    return tuple(found)
