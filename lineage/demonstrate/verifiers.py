"""Verifiers watch the edges: what moved data that nobody declared, who is silent, what is missing.

Each takes the derived lineage and gives findings; none looks at what the simulator knows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lineage.discover.lineage import Lineage
from lineage.model import Finding

Verifier = Callable[[Lineage], Iterator[Finding]]


def undeclared(lineage: Lineage) -> Iterator[Finding]:
    """PAI402: an activity that used data, and that no job file or manifest declares."""
    seen = {edge.target for edge in lineage.edges if edge.state == "observed"} | {
        via for edge in lineage.edges if edge.state == "observed" for via in edge.via}
    for activity in sorted(set(lineage.activities) & seen - set(lineage.declared)):
        used = sum(edge.state == "observed" and edge.target == activity for edge in lineage.edges)
        yield Finding("PAI402", activity, f"{activity} used {used} fields, and no config declares it",
                      f"sightline why {activity}")


def silent(lineage: Lineage) -> Iterator[Finding]:
    """PAI202: one side of an RPC reported more often than the other."""
    calls = {asset: count for (op, asset), count in lineage.reported.items() if op == "call"}
    reads = {asset.removesuffix(".request"): count for (op, asset), count in lineage.reported.items()
             if op == "read" and asset.startswith("rpc:")}
    for asset in sorted({*calls, *reads}):
        if not asset.startswith("rpc:"):
            continue
        called, received = calls.get(asset, 0), reads.get(asset, 0)
        if called > received:
            yield Finding("PAI202", asset, f"{called} calls were made and {received} received: the server's side of "
                          f"{asset} is silent", f"sightline involved {asset} warehouse", called - received)
        elif received > called and asset not in _STEERED:
            yield Finding("PAI202", asset, f"{received} calls were received and {called} made: the caller's side of "
                          f"{asset} is silent", f"sightline involved {asset} warehouse", received - called)


def holes(lineage: Lineage) -> Iterator[Finding]:
    """PAI203: numbers that an emitter gave and the collector never got."""
    for emitter, first, last in lineage.holes:
        yield Finding("PAI203", f"rpc:{emitter}", f"signals {first} to {last} of {emitter} were never delivered", "",
                      last - first + 1)


VERIFIERS: tuple[Verifier, ...] = (undeclared, silent, holes)
# Called by the operator (the scenario's steps), who is not an instrumented service.
_STEERED = frozenset({"rpc:logger.Flush", "rpc:warehouse.RunJob", "rpc:training.Train"})


def verify(lineage: Lineage) -> list[Finding]:
    """Every verifier's findings, in order."""
    return [finding for verifier in VERIFIERS for finding in verifier(lineage)]
