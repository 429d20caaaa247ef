"""The processes topology, as docker-compose.yml lists it: one list of processes, so it can't rot."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from sim.scenario.schema import FaultSpec
from sim.stack import compose
from sim.stack.deployment import ROOT
from sim.stack.processes import ProcessStack

COMPOSE = ROOT / "docker-compose.yml"


def processes(data: Path, logs: Path, seed: int, faults: Sequence[FaultSpec], answers: int = 0,
              watched: bool = False) -> ProcessStack:
    """Every process of the compose file on free loopback ports; faults and the watch are armed by environment.

    ``answers``: how many inference keeps."""
    specs = json.dumps([{"kind": fault.kind, "given": dict(fault.given)} for fault in faults])
    return ProcessStack(compose.processes(COMPOSE), logs=logs, data=data,
                        environment={"SIGHTLINE_SEED": str(seed), "SIGHTLINE_FAULTS": specs,
                                     "SIGHTLINE_ANSWERS": str(answers),
                                     "SIGHTLINE_WATCHED": "1" if watched else ""})
