"""All that the reference monitor says of one run: the account, what of it had no influence, and the decisions.

Truth.  Reads the folder of a run and of its twin in logging mode; changed twins, where a flow between services needs
one, are run by whoever asks (``sim.cli.enforcement``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sim.truth.influence import differing
from sim.truth.journal import Journal
from sim.truth.reference import attempts as monitor_attempts
from sim.truth.reference import monitor
from sim.truth.reference.account import FLOW, Account, Item
from sim.truth.reference.decisions import Agreement, agreement
from sim.truth.reference.evidence import Evidence
from sim.truth.reference.flows import Places
from sim.truth.reference.needless import Over, over_blocked
from sim.truth.reference.rules import Rule, in_force


@dataclass(frozen=True)
class Examination:
    account: Account
    over: tuple[Over, ...]
    decisions: tuple[Agreement, ...]
    # Places and rules, for what twins show.
    places: Places
    rules: tuple[Rule, ...]
    # Fields of messages that are not the same in two runs with nothing changed: of them twins tell nothing.
    undetermined: tuple[str, ...] = ()

    def asked_of_twins(self) -> list[tuple[str, str]]:
        """(field, sink) of the refused flows between services of which no message would have held the value."""
        found = []
        for one in self.account.items:
            source, arrow, sink = (one.forbidden[0] if one.forbidden else "").partition(FLOW)
            if one.verdict == "blocked" and one.kind == "refusal" and arrow:
                found.append((source, sink))
        return found

    def governed(self, fields: Sequence[str]) -> list[str]:
        """Those of ``fields`` that a requirement in enforcement mode governs."""
        return [field for field in fields
                if any(rule.enforced and rule.governs & self.places.source(field) for rule in self.rules)]

    def without_influence(self, source: str, sink: str) -> Examination:
        """A changed twin has shown that nothing of the one reaches the other."""
        items = [one for one in self.account.items if one.forbidden == (f"{source}{FLOW}{sink}",)]
        over = tuple(Over(one, True, one.forbidden, (), (), ("field", "reclassification"), ()) for one in items)
        return replace(self, account=replace(self.account, uninfluenced=(*self.account.uninfluenced, *items)),
                       over=(*self.over, *over))

    def with_influence(self, source: str, fields: Sequence[str]) -> Examination:
        """A changed twin under enforcement has shown that ``source`` reaches ``fields``: missed where forbidden."""
        missed = []
        for field in sorted(fields):
            if asked := self.places.forbidding(self.rules, source, field):
                name = f"{source}{FLOW}{field}"
                missed.append(Item(name, "flow", "missed", tuple(sorted(asked)), (name,),
                                   why="it differs from the twin's, in which this alone was changed"))
        return replace(self, account=replace(self.account, items=(*self.account.items, *missed)))


def examine(folder: Path, twin: Path, origins: Sequence[str] = ()) -> Examination:
    """``twin``: the same scenario and seed in logging mode; ``origins``: of the world's data.

    Raises RunError (PAI032)."""
    loaded = monitor.load(folder)
    found = monitor.account(*loaded, twin=Journal.read(twin / "journal.db"))
    given = loaded.given
    evidence = Evidence(loaded.records)
    rules = in_force(loaded.rules, given.sent, lambda at: given.done(given.sent[at]["step"]))
    by_id = {rule.id: rule for phase in rules for rule in phase}
    over = tuple(over_blocked(found, list(monitor_attempts.attempts(given, evidence)),
                              folder / "data" / "warehouse", by_id, origins))
    found = replace(found, uninfluenced=tuple(one.item for one in over if one.uninfluenced))
    return Examination(found, over, tuple(agreement(loaded.decisions, found.items, loaded.records)),
                       Places(loaded.labels, given.deploy, given.devices, given.day), tuple(rules[-1]))


def reached(folder: Path, changed: Path) -> set[str]:
    """The fields of messages that are not the same in two runs."""
    return differing(Journal.read(folder / "journal.db"), Journal.read(changed / "journal.db"))
