"""The processes of a run, as docker-compose.yml lists them: one list of processes, so it can't rot."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from sim.scenario.schema import FaultSpec
from sim.stack import compose
from sim.stack.deployment import ROOT
from sim.stack.processes import START_SECONDS, ProcessStack

COMPOSE = ROOT / "docker-compose.yml"
# The fault that kills a service.
KILL = "kill"
# Service → the addresses that run already → a stack of its process alone.
Apart = Mapping[str, Callable[[Mapping[str, str]], ProcessStack]]


def mortal(faults: Sequence[FaultSpec]) -> frozenset[str]:
    """The services that a fault may kill."""
    return frozenset(fault.given["service"] for fault in faults if fault.kind == KILL)


def processes(data: Path, logs: Path, seed: int, faults: Sequence[FaultSpec], answers: int = 0,
              watched: bool = False, engine: str = "sqlite", spark: str = "", memory: bool = False, *,
              only: str = "", elsewhere: Mapping[str, str] | None = None) -> ProcessStack:
    """Every process of the compose file on free loopback ports; faults, watch and engine are given by environment.

    ``answers``: how many inference keeps; ``memory``: web looks up what is remembered of a wearer.  ``only``: this one
    alone, the others being ``elsewhere`` (name → address)."""
    specs = json.dumps([{"kind": fault.kind, "given": dict(fault.given)} for fault in faults])
    environment = {"SIGHTLINE_SEED": str(seed), "SIGHTLINE_FAULTS": specs, "SIGHTLINE_ANSWERS": str(answers),
                   "SIGHTLINE_MEMORY": "1" if memory else "0", "SIGHTLINE_WATCHED": "1" if watched else ""}
    if engine == "spark":
        environment |= {"SIGHTLINE_ENGINE": engine, "SIGHTLINE_SPARK": spark, "GRPC_ENABLE_FORK_SUPPORT": "0"}
    listed = [spec for spec in compose.processes(COMPOSE) if only in ("", spec.name)]
    return ProcessStack(listed, logs=logs, data=data, environment=environment, mortal=mortal(faults),
                        elsewhere=elsewhere or {},
                        start_seconds=180.0 if engine == "spark" else START_SECONDS)


def apart(data: Path, logs: Path, seed: int, faults: Sequence[FaultSpec], answers: int = 0, watched: bool = False,
          engine: str = "sqlite", spark: str = "", memory: bool = False) -> Apart:
    """Of a run in one process, what has to be a process of its own all the same: the services that a fault kills."""
    def made(name: str) -> Callable[[Mapping[str, str]], ProcessStack]:
        return lambda elsewhere: processes(data, logs, seed, faults, answers, watched, engine, spark, memory,
                                           only=name, elsewhere=elsewhere)

    return {name: made(name) for name in mortal(faults)}
