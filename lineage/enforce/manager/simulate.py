"""Simulate: the recorded traffic of a run, judged as if a requirement were in enforcement mode (S2, logging mode).

What would have been refused, by whom and where; which requests and how many operations would not have happened; what
would still pass.  It asks signals only: the run need not be repeated, and nothing of it is changed.  The judgement is
the guard's and the gate's own (``replay``).

Limits: an enforced run can take a way that the recorded one did not take (a handler that does something else when it is
refused, and asks again); consent is as it was recorded: in logging mode nobody's rows are withheld,
and whose a row is and where it comes from are not read; a reclassification is taken to hold.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from lineage.discover.contracts import Contracts
from lineage.enforce.manager.replay import Outcome, Replay
from lineage.enforce.manager.traffic import traffic
from lineage.enforce.requirement import Requirement
from lineage.enforce.rules import Rules
from lineage.model import Decision, Signal
from lineage.names import sides

# What a refusal is, whatever version of the requirement and whoever asked.
Refusal = tuple[str, str, str, str, tuple[str, ...]]


@dataclass(frozen=True)
class Simulation:
    requirements: tuple[Requirement, ...]
    outcome: Outcome
    # Already refused in the recording: what came after them nobody knows.
    blocked_before: int

    @property
    def refusals(self) -> set[Refusal]:
        """(activity, purpose, code, where, inputs) of each."""
        return {refusal(decision) for decision, _, _ in (*self.outcome.refused, *self.outcome.drops)}

    @property
    def operations(self) -> int:
        """Those that would not have happened: refused, or behind a refusal."""
        return sum(_moves(signal) for _, _, signal in (*self.outcome.refused, *self.outcome.lost))

    @property
    def requests(self) -> set[str]:
        """Distinct correlation keys of requests and jobs that would have been refused, or answered without."""
        return {key for _, key, _ in (*self.outcome.refused, *self.outcome.lost)} - {""}

    def to_dict(self) -> dict[str, Any]:
        passed = {key for key, _ in self.outcome.passed} - self.requests - {""}
        return {
            "requirements": [requirement.id for requirement in self.requirements],
            "operations": {"blocked": self.operations, "pass": len(self.outcome.passed)},
            "requests": {"blocked": len(self.requests), "pass": len(passed)},
            "refusals": self._refusals(), "by_activity": self._by_activity(), "by_edge": self._by_edge(),
            "passes": self._passes(), "dropped": sorted(self.outcome.dropped),
            "unknown": [{"activity": activity, "reason": reason}
                        for activity, reason in sorted(set(self.outcome.unknown))],
            "blocked_before": self.blocked_before}

    def _refusals(self) -> list[dict[str, Any]]:
        keys: dict[Refusal, set[str]] = {}
        example: dict[Refusal, Decision] = {}
        for decision, key, _ in (*self.outcome.refused, *self.outcome.drops, *self.outcome.lost):
            keys.setdefault(refusal(decision), set()).add(key)
            example.setdefault(refusal(decision), decision)
        lost = Counter(refusal(decision) for decision, _, _ in self.outcome.lost)
        return [{"activity": one[0], "purpose": one[1], "code": one[2], "where": one[3], "inputs": list(one[4]),
                 "reason": example[one].reason, "requests": len(keys[one] - {""}), "operations_behind": lost[one]}
                for one in sorted(keys)]

    def _by_activity(self) -> list[dict[str, Any]]:
        found: dict[str, tuple[set[str], set[str], int]] = {}
        for decision, key, signal in (*self.outcome.refused, *self.outcome.lost):
            keys, rows, count = found.get(decision.activity, (set(), set(), 0))
            found[decision.activity] = keys | {key}, rows | set(signal.keys), count + _moves(signal)
        return [{"activity": name, "requests": len(keys - {""}), "data_of_requests": len(rows - keys - {""}),
                 "operations": count} for name, (keys, rows, count) in sorted(found.items())]

    def _by_edge(self) -> list[dict[str, Any]]:
        """Each input of a refusal, to the activity, or to what a service was about to write or call."""
        found: dict[tuple[str, str], set[str]] = {}
        for decision, key, signal in self.outcome.refused:
            for name in decision.inputs:
                found.setdefault((name, _sink(decision, signal)), set()).add(key)
        return [{"from": source, "to": sink, "requests": len(keys - {""})}
                for (source, sink), keys in sorted(found.items())]

    def _passes(self) -> list[dict[str, Any]]:
        keys: dict[tuple[str, str], set[str]] = {}
        counts: Counter[tuple[str, str]] = Counter()
        for key, signal in self.outcome.passed:
            who = signal.activity, signal.purpose
            keys.setdefault(who, set()).add(key)
            counts[who] += 1
        return [{"activity": who[0], "purpose": who[1], "requests": len(keys[who] - {""}), "operations": counts[who]}
                for who in sorted(counts)]


def simulate(signals: Iterable[Signal], requirements: Iterable[Requirement]) -> Simulation:
    """``signals``: of a run, as ``Store.signals`` gives them.  ``requirements``: judged as enforced."""
    every = list(signals)
    enforced = tuple(replace(requirement, mode="enforcement") for requirement in requirements)
    labels = Contracts().take(every)
    outcome = Replay(traffic(every), Rules(enforced), labels).run()
    before = sum(signal.op == "decision" and signal.detail["verdict"] == "blocked" for signal in every)
    return Simulation(enforced, outcome, before)


def refusal(decision: Decision) -> Refusal:
    return decision.activity, decision.purpose, decision.code, decision.where, decision.inputs


def _moves(signal: Signal) -> bool:
    return signal.op in ("read", "write", "call")


def _sink(decision: Decision, signal: Signal) -> str:
    if signal.op in ("write", "call") and decision.code == "PAI302":
        return sides(signal.asset)[0] if signal.op == "call" else signal.asset
    return decision.activity or signal.asset
