"""Faults: armed through the seams of one service, triggered by operation counts, each counts its hits.

An instrumentation fault is an extension beside Capture; a transport fault alters the wire; a drift
fault is something that happens after the steps.  Nothing outlives the run that armed it.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from lineage.errors import InputError
from lineage.privacylib.extension import Extension
from lineage.privacylib.operation import Operation
from lineage.privacylib.probes import Probes
from lineage.privacylib.sampling import Sampling
from services.seams import Metadata
from sim.scenario.registry import Registry
from sim.scenario.schema import FaultSpec
from sim.stack.bypass import Ignores, any_of
from sim.stack.config import NodeConfig
from sim.stack.hiding import Reading

_COUNTS = {"after": int, "times": int}


@dataclass
class Fault:
    """Fires from the (``after`` + 1)th opportunity on, at most ``times`` times, in each service that has any."""

    given: Mapping[str, Any]
    hits: int = 0
    _seen: int = field(default=0)

    def __post_init__(self) -> None:
        """Raises InputError (PAI010) for counts that can never fire, or mean nothing."""
        for key, least in (("after", 0), ("times", 1)):
            if self.given.get(key, least) < least:
                raise InputError("PAI010", f"{key} is {self.given[key]}; at least {least}")

    def meant(self, op: Operation) -> bool:
        """An operation on the fault's asset, in its service where it names one."""
        return bool(op.asset == self.given["asset"] and self.given.get("service", op.lib.service) == op.lib.service)

    def fires(self) -> bool:
        self._seen += 1
        if self._seen <= self.given.get("after", 0) or self.hits >= self.given.get("times", 1 << 62):
            return False
        self.hits += 1
        return True


FAULTS: Registry[Callable[[Mapping[str, Any]], Any]] = Registry("fault")


@FAULTS.register("strip_context", {"method": str}, optional=_COUNTS, stage="discover",
                 doc="Calls of a method (\"Logger/Append\") leave without their traceparent.")
class StripContext(Fault):
    def outgoing(self, method: str, metadata: Metadata) -> Metadata:
        if not method.endswith(f".{self.given['method']}") or not self.fires():
            return metadata
        return tuple((key, value) for key, value in metadata if key != "traceparent")


@FAULTS.register("drop_probe", {"asset": str}, optional={**_COUNTS, "service": str}, stage="discover",
                 doc="Operations on an asset happen, and leave no signal.")
class DropProbe(Fault):
    def before(self, op: Operation) -> None:
        if self.meant(op) and self.fires():
            op.silent = True


@FAULTS.register("unlink_write", {"asset": str}, optional={**_COUNTS, "service": str}, stage="discover",
                 doc="Writes to an asset no longer say what they were made from.")
class UnlinkWrite(Fault):
    def before(self, op: Operation) -> None:
        if self.meant(op) and op.kind != "read" and (op.linked or "statement" in op.detail) \
                and self.fires():
            op.fields = op.fields or tuple(name for name, _ in op.links)
            op.links, op.linked = (), False
            op.detail.pop("statement", None)


@FAULTS.register("sample_probes", {"rate": float}, stage="discover",
                 doc="The privacy probes look at this share of the requests only.")
class SampleProbes(Fault):
    """Turns the probes' own rate; ``hits``: requests outside the sample, as the web service reads them."""

    def before(self, op: Operation) -> None:
        probes = Probes.of(op.lib)
        if probes is None:
            return
        if probes.sampling.rate != self.given["rate"]:
            probes.sampling = Sampling(self.given["rate"], probes.sampling.seed)
        if op.kind == "read" and op.asset.startswith("web:") and not probes.sampling.takes(op.context.key):
            self.hits += 1


@FAULTS.register("new_job", {"job": str}, stage="demonstrate",
                 doc="After the steps somebody runs a job (jobs/NAME.sql beside the scenario) that no config declares.")
class NewJob(Fault):
    """Started by the runner, not armed in a service."""


@FAULTS.register("worker", {"part": int, "does": Literal["dies", "repeats"]}, stage="discover",
                 doc="The worker that was to write a part of an export dies before, or its part is written twice.")
class Worker(Fault):
    def fate(self, task: Mapping[str, Any]) -> str:
        return str(self.given["does"]) if task["part"] == self.given["part"] and self.fires() else ""


@FAULTS.register("bypass_guard", {"service": str}, optional=_COUNTS, stage="enforce",
                 doc="A service's guard lets through what it would refuse, and the policy service is ignored.")
class BypassGuard(Fault):
    """``hits``: refusals that came to nothing."""

    def ignores(self, service: str) -> Ignores | None:
        return self.fires if service == self.given["service"] else None


class _Hooks(Extension):
    def __init__(self, faults: Sequence[Any]) -> None:
        self._faults = faults

    def before(self, op: Operation) -> None:
        for fault in self._faults:
            fault.before(op)


class Armed:
    """The faults of a scenario as armed in one service: its extensions, its wire, its hits."""

    def __init__(self, specs: Sequence[FaultSpec]) -> None:
        self.faults = [FAULTS.lookup(spec.kind, spec.where).make(spec.given) for spec in specs]
        hooked = [fault for fault in self.faults if hasattr(fault, "before")]
        self._wired = [fault for fault in self.faults if hasattr(fault, "outgoing")]
        self._workers = [fault for fault in self.faults if hasattr(fault, "fate")]
        self._bypassing = [fault for fault in self.faults if hasattr(fault, "ignores")]
        self._hiding = [fault for fault in self.faults if hasattr(fault, "reading")]
        self._meanwhile = [fault for fault in self.faults if hasattr(fault, "happen")]
        self._breaking = [fault for fault in self.faults if hasattr(fault, "breaks")]
        self._killing = [fault for fault in self.faults if hasattr(fault, "kills")]
        self.extensions: list[Extension] = [_Hooks(hooked)] if hooked else []

    def outgoing(self, method: str, metadata: Metadata) -> Metadata:
        for fault in self._wired:
            metadata = fault.outgoing(method, metadata)
        return metadata

    def now(self, service: str) -> Callable[[], float]:
        """The wall clock of a service's machine, seconds since 1970."""
        clocks = [fault.now(service) for fault in self.faults if hasattr(fault, "now")]
        return next((clock for clock in clocks if clock is not None), time.time)

    def fate(self, task: Mapping[str, Any]) -> str:
        """What happens to the worker of this task: the first fault's word counts, "" is nothing."""
        return next(filter(None, (fault.fate(task) for fault in self._workers)), "")

    @property
    def reading(self) -> Reading | None:
        """What files have more that a service reads; None where none has."""
        if not self._hiding:
            return None
        return lambda path, data: b"".join(fault.reading(path, data) for fault in self._hiding)

    def meanwhile(self, service: str) -> Callable[[str, NodeConfig], Awaitable[None]] | None:
        """What happens just before calls of this service leave; None where nothing does."""
        found = [fault for fault in self._meanwhile if fault.happens_in(service)]

        async def happen(method: str, config: NodeConfig) -> None:
            for fault in found:
                await fault.happen(method, config)

        return happen if found else None

    def breaks(self, path: str) -> bool:
        """A file of the data folder cannot be written."""
        return any(fault.breaks(path) for fault in self._breaking)

    def bypasses(self, service: str) -> Ignores | None:
        """Whether what this service's guard refuses goes on all the same; None where it is left as it is."""
        return any_of([one for fault in self._bypassing if (one := fault.ignores(service)) is not None])

    def kills(self, service: str, path: str) -> bool:
        """A service's process is to end here and now: half of this file is written."""
        return any(fault.kills(service, path) for fault in self._killing)

    def hits(self) -> list[int]:
        """Per fault of the scenario, in its order."""
        return [fault.hits for fault in self.faults]

    def seen(self) -> list[tuple[int, int]]:
        """Per fault, its hits and its opportunities: what the next life of a killed process goes on from."""
        return [(fault.hits, fault._seen) for fault in self.faults]

    def resume(self, seen: Sequence[tuple[int, int]]) -> None:
        for fault, (hits, opportunities) in zip(self.faults, seen, strict=True):
            fault.hits, fault._seen = hits, opportunities
