"""One run under a paradigm, weighed against the run without a guard: what was missed, and what was refused for nothing.

The naive reference monitor (``sim.truth.monitor``) says it, of attempts and of values; ``swayed`` adds a gaze, which is
too short for the monitor.  A refusal for nothing is counted apart: *rule*, which no requirement asks for, and
*influence*, where the label asks for it, and without a guard nothing of the data would have come there.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from lineage.names import asset_of
from sim.load import swayed
from sim.truth import monitor, monitor_labels, monitor_rules
from sim.truth.journal import Journal
from sim.truth.monitor import Account, Item
from sim.truth.monitor_attempts import Construction
from sim.truth.monitor_flows import Places
from sim.truth.monitor_rules import Rule
from sim.truth.record import Record

COUNTS = ("missed", "rule", "influence", "blocked", "allowed", "unknown")


class Seen(NamedTuple):
    """``gaze``: assets to which the gaze may not flow and did."""

    records: Sequence[Record]
    account: Account
    gaze: frozenset[str]


class Found(NamedTuple):
    """``items``: what was missed or refused for nothing."""

    counts: Counter[str]
    items: list[dict[str, Any]]


def looked(folder: Path, control: Seen | None, other: Path | None) -> Seen:
    """As ``monitor.of_run``, but that a refusal is held against what was really required, whatever the paradigm calls
    its policy.  ``control``: None for the control itself; ``other``: the same run with another gaze."""
    said = json.loads((folder / "construction.json").read_text(encoding="utf-8"))
    given = Construction(said["steps"], said["sent"], folder / "data" / "deploy",
                         {name: frozenset(of) for name, of in said["devices"].items()})
    rules = monitor_rules.read_all(given.deploy / "requirements")
    phases = monitor_rules.in_force(rules, given.sent, lambda at: given.done(given.sent[at]["step"]))
    every: dict[str, Rule] = {rule.id: rule for phase in phases for rule in phase}
    decisions = [{**one, "requirements": sorted(every)}
                 for one in json.loads((folder / "lineage.json").read_text(encoding="utf-8"))["decisions"]]
    records, labels = Journal.read(folder / "journal.db"), monitor_labels.deployed(given.deploy)
    told = monitor.account(records, rules, labels, decisions, given, twin=control.records if control else records)
    gaze: set[str] = set()
    if other is not None:
        gaze = swayed.forbidden(swayed.swayed(records, Journal.read(other / "journal.db")),
                                Places(labels, given.deploy, given.devices), [*every.values()])
    return Seen(records, told, frozenset(gaze))


def judged(seen: Seen, control: Seen, decisions: int) -> Found:
    """``control``: the run without a guard.  A gaze that came there and not here was stopped, once for each place."""
    stopped = control.gaze - seen.gaze
    refusals = {one: _pairs(one) for one in seen.account.of("blocked") if one.kind == "refusal"}
    # A refusal that nothing explains: neither a gaze that it stopped, nor a value that came there in the control.
    idle = [one for one, pairs in refusals.items()
            if not pairs & _crossed(control.account) and not (stopped and all(source == swayed.GAZE
                                                                              for source, _ in pairs))]
    explained = sum(1 for one in refusals if one not in idle)
    missed = [*seen.account.of("missed"), *(Item(f"{swayed.GAZE} → {asset}", "swayed", "missed")
                                            for asset in sorted(seen.gaze))]
    rule = seen.account.of("rule_false_blocks")
    influence = [*idle, *seen.account.uninfluenced]
    counts = Counter({
        "missed": len(missed), "rule": len(rule), "influence": len(influence), "decisions": decisions,
        "blocked": len(seen.account.of("blocked")) - len(refusals) + max(explained, len(stopped)),
        "allowed": len(seen.account.of("allowed")), "unknown": len(seen.account.of("unknown"))})
    return Found(counts, [*_told("missed", missed), *_told("rule", rule), *_told("influence", influence)])


def _crossed(control: Account) -> set[tuple[str, str]]:
    """The flows between services that went where no label permits it."""
    return {pair for one in control.of("missed") for pair in _pairs(one)}


def _pairs(one: Item) -> set[tuple[str, str]]:
    flows = (flow.partition(" → ") for flow in one.forbidden)
    return {(source, asset_of(sink)) for source, arrow, sink in flows if arrow}


def _told(verdict: str, items: Iterable[Item]) -> list[dict[str, Any]]:
    return [{**asdict(one), "verdict": verdict} for one in items]
