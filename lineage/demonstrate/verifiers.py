"""Verifiers watch the edges: what moved data that nobody declared, who is silent, what is missing.

Each takes the derived lineage and gives findings; none looks at what the simulator knows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lineage.demonstrate.job_drift import job_drift
from lineage.demonstrate.logger_drift import logger_drift
from lineage.demonstrate.manifest_drift import manifest_drift
from lineage.discover.lineage import Lineage
from lineage.discover.manifests import REMEDY
from lineage.model import Finding
from lineage.names import ACTIVITY_KINDS, asset_of, field_of, join, kind_of

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
                          f"{asset} is silent", f"sightline involved {asset}.request warehouse", called - received)
        elif received > called and asset not in _STEERED:
            yield Finding("PAI202", asset, f"{received} calls were received and {called} made: the caller's side of "
                          f"{asset} is silent", f"sightline involved {asset}.request warehouse", received - called)


def holes(lineage: Lineage) -> Iterator[Finding]:
    """PAI203: numbers that an emitter gave and the collector never got."""
    for emitter, first, last in lineage.holes:
        yield Finding("PAI203", f"rpc:{emitter}", f"signals {first} to {last} of {emitter} were never delivered", "",
                      last - first + 1)


def unwritten(lineage: Lineage) -> Iterator[Finding]:
    """PAI206: an output that several workers were to write, and of which a part is missing."""
    for asset, numbers, of, makings in lineage.missing:
        some = ", ".join(map(str, numbers[:10])) + (", …" if len(numbers) > 10 else "")
        yield Finding("PAI206", asset, f"{of - len(numbers)} of {of} parts were written; part {some} is missing",
                      f"sightline graph --from {asset} --depth 1", makings * len(numbers))


def drift(lineage: Lineage) -> Iterator[Finding]:
    """PAI403: an asset-level flow that a config or the code declares, whose source had its data or whose
    activity ran, and of which no signal shows anything.  One of two tables of which a remedy chooses is not missed."""
    steps: dict[str, set[str]] = {}
    for edge in lineage.edges:
        if edge.state == "observed":
            steps.setdefault(_bare(edge.source), set()).add(_bare(edge.target))
    touched = {_data(end) for edge in lineage.edges if edge.state == "observed" for end in (edge.source, edge.target)}
    touched |= {*steps, *(target for targets in steps.values() for target in targets)}
    ran, seen = set(lineage.activities), set()
    for edge in lineage.edges:
        source, target = _bare(edge.source), _bare(edge.target)
        if edge.state != "declared" or REMEDY in edge.evidence or (source, target) in seen:
            continue
        seen.add((source, target))
        acts = {name for name in (target, *edge.via) if kind_of(name) in ACTIVITY_KINDS}
        if (acts & ran if acts else _data(edge.source) in touched) and not _arrives(steps, source, target):
            yield Finding("PAI403", target, f"{source} → {target} is declared by {', '.join(sorted(edge.evidence))}, "
                          "and was not observed", f"sightline why {target} --from {source}")


def _bare(name: str) -> str:
    """The asset; without its version, which no config can know."""
    return asset_of(name).partition("@")[0]


def _data(name: str) -> str:
    """The asset; of a message that carries rows, with their schema: what it carried of another is not theirs."""
    schema = field_of(name).rpartition(".")[0] if kind_of(name) == "rpc" else ""
    return join(_bare(name), schema) if schema else _bare(name)


def _arrives(steps: dict[str, set[str]], source: str, target: str) -> bool:
    """Observed directly, over the messages of a call, or over what inference holds of an answer until it leaves."""
    queue, been = [source], {source}
    for name in queue:
        for following in steps.get(name, ()):
            if following == target:
                return True
            if following.startswith(("rpc:", "inference:")) and following not in been:
                been.add(following)
                queue.append(following)
    return False


VERIFIERS: tuple[Verifier, ...] = (undeclared, silent, holes, unwritten, drift, job_drift, manifest_drift,
                                   logger_drift)
# Called by the operator (the scenario's steps), who is not an instrumented service.
_STEERED = frozenset({"rpc:inference.Embed", "rpc:inference.RollBack", "rpc:inference.RollOut",
                      "rpc:logger.DeadLetters", "rpc:logger.Flush", "rpc:logger.Replay", "rpc:policy.Consent",
                      "rpc:policy.Judge", "rpc:rulebook.Require", "rpc:training.Train", "rpc:warehouse.Describe",
                      "rpc:warehouse.Export",
                      "rpc:warehouse.RunJob", "rpc:warehouse.RunSchedule"})


def verify(lineage: Lineage) -> list[Finding]:
    """Every verifier's findings, in order."""
    return [finding for verifier in VERIFIERS for finding in verifier(lineage)]
