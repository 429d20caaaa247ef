"""One run under a paradigm, weighed against the run without a guard: what was missed, and what was refused for nothing.

The reference monitor (``sim.truth.reference``) says it, of attempts and of values; ``swayed`` adds a gaze, which
is too short for the monitor.  A refusal for nothing is counted apart: *rule*, which no requirement asks for, and
*influence*, where the label asks for it, and without a guard nothing of the data would have come there; who lets such
a thing through has missed nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NamedTuple

from lineage.names import asset_of
from sim.load import swayed
from sim.truth.journal import Journal
from sim.truth.record import Record
from sim.truth.reference import attempts as monitor_attempts
from sim.truth.reference import monitor
from sim.truth.reference import rules as monitor_rules
from sim.truth.reference.account import Account, Item
from sim.truth.reference.attempts import Construction
from sim.truth.reference.evidence import Evidence
from sim.truth.reference.flows import Places
from sim.truth.reference.needless import over_blocked
from sim.truth.reference.rules import Rule

COUNTS = ("missed", "rule", "influence", "blocked", "allowed", "unknown")


class Seen(NamedTuple):
    """``gaze``: assets to which the gaze may not flow and did; ``idle``: jobs of which nothing reaches their sinks."""

    records: Sequence[Record]
    account: Account
    gaze: frozenset[str] = frozenset()
    idle: frozenset[str] = frozenset()


class Found(NamedTuple):
    """``items``: what was missed or refused for nothing."""

    counts: Counter[str]
    items: list[dict[str, Any]]


def looked(folder: Path, control: Seen | None, other: Path | None) -> Seen:
    """As ``monitor.of_run``, but that a refusal is held against what was really required, whatever the paradigm calls
    its policy.  ``control``: None for the control itself; ``other``: the same run with another gaze.

    Raises RunError (PAI032)."""
    loaded = monitor.load(folder)
    given, records = loaded.given, loaded.records
    phases = monitor_rules.in_force(loaded.rules, given.sent, lambda at: given.done(given.sent[at]["step"]))
    every: dict[str, Rule] = {rule.id: rule for phase in phases for rule in phase}
    loaded = loaded._replace(decisions=[{**one, "requirements": sorted(every)} for one in loaded.decisions])
    told = monitor.account(*loaded, twin=control.records if control else records)
    gaze: set[str] = set()
    if other is not None:
        gaze = swayed.forbidden(swayed.swayed(records, Journal.read(other / "journal.db")),
                                Places(loaded.labels, given.deploy, given.devices, given.day), [*every.values()])
    idle = control.idle if control else _idle(told, given, records, folder / "data" / "warehouse", every)
    return Seen(records, told, frozenset(gaze), idle)


def _idle(told: Account, given: Construction, records: Sequence[Record], warehouse: Path,
          rules: Mapping[str, Rule]) -> frozenset[str]:
    """Of the control: jobs that only a label forbids; twins of their statements put nothing else into their sinks."""
    asked = replace(told, items=tuple(replace(one, verdict="blocked") if one.verdict == "missed" else one
                                      for one in told.items))
    tried = list(monitor_attempts.attempts(given, Evidence(records)))
    return frozenset(one.item.attempt for one in over_blocked(asked, tried, warehouse, rules) if one.uninfluenced)


def judged(seen: Seen, control: Seen, decisions: int) -> Found:
    """``control``: the run without a guard.  A gaze that came there and not here was stopped, once for each place."""
    stopped = control.gaze - seen.gaze
    refusals = {one: _pairs(one) for one in seen.account.of("blocked") if one.kind == "refusal"}
    # A refusal that nothing explains: neither a gaze that it stopped, nor a value that came there in the control.
    idle = [one for one, pairs in refusals.items()
            if not pairs & _crossed(control.account) and not (stopped and all(source == swayed.GAZE
                                                                              for source, _ in pairs))]
    explained = sum(1 for one in refusals if one not in idle)
    by_label = [one for one in seen.account.of("blocked") if one.attempt in control.idle]
    missed = [*(one for one in seen.account.of("missed") if one.attempt not in control.idle),
              *(Item(f"{swayed.GAZE} → {asset}", "swayed", "missed") for asset in sorted(seen.gaze))]
    rule = seen.account.of("rule_false_blocks")
    influence = [*idle, *by_label]
    counts = Counter({
        "missed": len(missed), "rule": len(rule), "influence": len(influence), "decisions": decisions,
        "blocked": len(seen.account.of("blocked")) - len(by_label) - len(refusals) + max(explained, len(stopped)),
        "allowed": sum(one.attempt in control.idle for one in seen.account.of("missed")) + len(
            seen.account.of("allowed")), "unknown": len(seen.account.of("unknown"))})
    return Found(counts, [*_told("missed", missed), *_told("rule", rule), *_told("influence", influence)])


def _crossed(control: Account) -> set[tuple[str, str]]:
    """The flows between services that went where no label permits it."""
    return {pair for one in control.of("missed") for pair in _pairs(one)}


def _pairs(one: Item) -> set[tuple[str, str]]:
    flows = (flow.partition(" → ") for flow in one.forbidden)
    return {(source, asset_of(sink)) for source, arrow, sink in flows if arrow}


def _told(verdict: str, items: Iterable[Item]) -> list[dict[str, Any]]:
    return [{**asdict(one), "verdict": verdict} for one in items]
