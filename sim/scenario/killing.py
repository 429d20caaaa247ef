"""The fault that kills a service: SIGKILL in the middle of a write, and nothing of the process has time to clean up.

Enforce.  Only a process can be killed.  So a service that a scenario kills is a process of its own in either topology
(``sim.stack.topology``), and that one is killed; nowhere else is this armed.  What it recorded before is told first, so
that a run is the same each time: what a kill costs in signals is not seen here (``sightline load --kill`` measures it).
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from lineage.errors import InputError
from sim.scenario.faults import _COUNTS, FAULTS, Fault
from sim.scenario.words import did_you_mean
from sim.stack.config import SERVICES
from sim.stack.topology import KILL


@FAULTS.register(KILL, {"service": str, "writing": str}, optional=_COUNTS, stage="enforce",
                 doc="A service is killed (SIGKILL) when half of a file of the data folder "
                     "(\"checkpoints/*/weights.safetensors\") is written; the step `restart` starts it again.")
class Kill(Fault):
    """``hits``: over all lives of the process."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        super().__init__(given)
        if given["service"] not in SERVICES:
            raise InputError("PAI010", f"no service {given['service']!r}{did_you_mean(given['service'], SERVICES)}")

    def kills(self, service: str, path: str) -> bool:
        return bool(service == self.given["service"]) and fnmatchcase(path, self.given["writing"]) and self.fires()
