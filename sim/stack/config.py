"""What one node is told: from the launcher in one process, from the environment in many."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lineage.errors import InputError
from sim.stack.deployment import Deployment, at

# In the order in which they can start: each needs only earlier ones.
SERVICES = ("collector", "policy", "warehouse", "logger", "inference", "training", "web")
ENGINES = ("sqlite", "spark")
LOOPBACK = "127.0.0.1:0"
_NUMBERS = {"SIGHTLINE_SEED": "1", "SIGHTLINE_ANSWERS": "0", "SIGHTLINE_MEMORY": "0"}


@dataclass(frozen=True)
class NodeConfig:
    """``addresses``: service → "host:port" of those it calls.  ``listen``: gRPC; ``http``: web's own.
    ``answers``: how many answers inference keeps; 0 keeps none.  ``memory``: web looks up what it knows of a wearer.
    ``engine``: the warehouse's; ``spark``: Spark's master, "" for a small cluster of this machine's own."""

    data: Path
    seed: int = 1
    listen: str = LOOPBACK
    http: str = LOOPBACK
    addresses: Mapping[str, str] = field(default_factory=dict)
    answers: int = 0
    memory: bool = False
    engine: str = "sqlite"
    spark: str = ""

    @property
    def deployment(self) -> Deployment:
        return at(self.data / "deploy")


def from_environment(environment: Mapping[str, str] = os.environ) -> NodeConfig:
    """Reads the SIGHTLINE_ variables that docker-compose.yml sets.

    Raises InputError (PAI030) for an address that is not host:port, a seed that is no number, an unknown engine.
    """
    addresses = {}
    for service in SERVICES:
        if address := environment.get(f"SIGHTLINE_{service.upper()}"):
            addresses[service] = _address(address, f"SIGHTLINE_{service.upper()}")
    engine = environment.get("SIGHTLINE_ENGINE") or ENGINES[0]
    if engine not in ENGINES:
        raise InputError("PAI030", f"SIGHTLINE_ENGINE is {engine!r}; it is one of {', '.join(ENGINES)}")
    numbers = {name: environment.get(name, default) for name, default in _NUMBERS.items()}
    for name, text in numbers.items():
        if not text.isdecimal():
            raise InputError("PAI030", f"{name} is {text!r}; it is a whole number")
    return NodeConfig(data=Path(environment.get("SIGHTLINE_DATA", "data")), seed=int(numbers["SIGHTLINE_SEED"]),
                      answers=int(numbers["SIGHTLINE_ANSWERS"]), memory=bool(int(numbers["SIGHTLINE_MEMORY"])),
                      listen=_address(environment.get("SIGHTLINE_LISTEN", LOOPBACK), "SIGHTLINE_LISTEN"),
                      http=_address(environment.get("SIGHTLINE_HTTP", LOOPBACK), "SIGHTLINE_HTTP"),
                      addresses=addresses, engine=engine, spark=environment.get("SIGHTLINE_SPARK", ""))


def _address(text: str, variable: str) -> str:
    host, colon, port = text.rpartition(":")
    if not host or not colon or not port.isdecimal() or int(port) > 65_535:
        raise InputError("PAI030", f"{variable} is {text!r}; it is host:port")
    return text
