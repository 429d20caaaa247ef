"""The processes topology, as docker-compose.yml lists it: one list of processes, so it can't rot."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from sim.scenario.schema import FaultSpec
from sim.stack import compose
from sim.stack.deployment import ROOT
from sim.stack.processes import START_SECONDS, ProcessStack

COMPOSE = ROOT / "docker-compose.yml"


def processes(data: Path, logs: Path, seed: int, faults: Sequence[FaultSpec], answers: int = 0,
              watched: bool = False, engine: str = "sqlite", spark: str = "", memory: bool = False) -> ProcessStack:
    """Every process of the compose file on free loopback ports; faults, watch and engine are given by environment.

    ``answers``: how many inference keeps; ``memory``: web looks up what is remembered of a wearer."""
    specs = json.dumps([{"kind": fault.kind, "given": dict(fault.given)} for fault in faults])
    environment = {"SIGHTLINE_SEED": str(seed), "SIGHTLINE_FAULTS": specs, "SIGHTLINE_ANSWERS": str(answers),
                   "SIGHTLINE_MEMORY": "1" if memory else "0", "SIGHTLINE_WATCHED": "1" if watched else ""}
    if engine == "spark":
        environment |= {"SIGHTLINE_ENGINE": engine, "SIGHTLINE_SPARK": spark, "GRPC_ENABLE_FORK_SUPPORT": "0"}
    return ProcessStack(compose.processes(COMPOSE), logs=logs, data=data, environment=environment,
                        start_seconds=180.0 if engine == "spark" else START_SECONDS)
