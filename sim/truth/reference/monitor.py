"""The reference monitor: which uses and flows a requirement forbids, and whether what was forbidden moved all the same.

Truth, naive on purpose: it walks the journal and the construction with a reading of the requirements of its own, and
never asks the PAI's rules, guard or gate.  An *attempt* is a job, a scheduled or streamed run, a training run, an
export, a read for a remembered row, or a flow of one field into another between services.  What was attempted but
refused before a byte moved is known from what the scenario submitted (``attempts``), and, for flows between
services, from a twin of the run in logging mode (``flows``), never from the PAI's own log of decisions.

- *crossings*: attempts that a requirement in enforcement mode forbids: *blocked* (refused, and by the journal nothing
  of it ran), *missed* (it ran), or *unknown* where the journal cannot say;
- *allowed*: attempts that none forbids, and that went on;
- *rule_false_blocks*: what the PAI refused and no requirement asks to be refused;
- *influence_false_blocks*: blocked flows, and among *blocked*, of which nothing would have reached the sink: the label
  asks for them and the data does not (``influence``, which fills ``uninfluenced``);
- *failed_closed*: refused as something that the scenario planted left a check open (``vouched.CLOSED``), as it can be
  read in two ways (``sql.twofold``), as somebody has tampered with a checkpoint on its way back, or as somebody's
  consent has changed since the gate, to none of its rows; not scored;
- *invalid*: refused because it is no job at all (its SQL cannot be prepared, its table makes itself); not scored;
- *unknown*: what the monitor cannot tell, apart; what is forbidden and failed before anybody refused it, too.

Where only some rows may be used (consent, where they are from), leaving those out is an attempt of its own, of kind
*rows* (``rows``).  A training run is judged by what it really took (``taken``), a checkpoint by what really went into
it (``learnt``), a review's claim by whom its rows really stand for (``claims``).

What stays unknown: when consent was taken back that the operator did not send, where a service is a process of its own
and its journal has no numbers; which making of a version answered as a teacher, there too; what a failed run would have
left out; and a run that is forbidden and fails for its way back.  Where only a count is known, other rows than as many
permitted ones are not told apart, and pass for them.

Not judged: whether a checkpoint may be loaded and for what purpose it may answer, whether its signature is genuine, and
requirements that arrive while a run learns.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from lineage.errors import RunError
from sim.truth.journal import Journal
from sim.truth.record import Record
from sim.truth.reference import attempts as monitor_attempts
from sim.truth.reference import between as services
from sim.truth.reference import labels as monitor_labels
from sim.truth.reference import rules as monitor_rules
from sim.truth.reference.account import Account, Item
from sim.truth.reference.attempt import Attempt
from sim.truth.reference.attempts import Construction
from sim.truth.reference.evidence import Evidence, Ran
from sim.truth.reference.flows import Places
from sim.truth.reference.judged import judged
from sim.truth.reference.operated import operated
from sim.truth.reference.refusals import refused_flows
from sim.truth.reference.rules import Rule, in_force


def account(records: Sequence[Record], requirements: Sequence[Rule], labels: monitor_labels.Labels,
            decisions: Sequence[Mapping[str, Any]], given: Construction, *,
            twin: Sequence[Record] | None = None) -> Account:
    """``twin``: the journal of the same steps in logging mode; without it, flows between services that were refused
    are not known.  ``decisions`` (of lineage.json) say what was refused, never what was attempted."""
    evidence = Evidence(records)
    attempts = list(monitor_attempts.attempts(given, evidence))
    rules = in_force(requirements, given.sent, lambda at: given.done(given.sent[at]["step"]))
    items = [*operated(attempts, evidence, rules, given), *_streamed(given, evidence, rules[-1], decisions),
             *_routes(records, given, rules[-1])]
    places = Places(labels, given.deploy, given.devices, given.day)
    between = list(services.between(records, twin, places, [rules[0], *(
        rules[at + 1] for at, sent in enumerate(given.sent) if sent["method"] == "Require")]))
    known = {one.attempt for one in items}
    for refused in refused_flows(decisions, known, places, {rule.id: rule for phase in rules for rule in phase}):
        between += services.reconciled(refused, between, given.faults)
    return Account((*items, *between))


class Loaded(NamedTuple):
    """What a run folder says; ``account`` of it is ``account(*loaded[:5])``."""

    records: list[Record]
    rules: list[Rule]
    labels: monitor_labels.Labels
    decisions: list[Mapping[str, Any]]
    given: Construction


def load(folder: Path) -> Loaded:
    """Raises RunError (PAI032)."""
    try:
        said = json.loads((folder / "construction.json").read_text(encoding="utf-8"))
        decisions, day = json.loads((folder / "lineage.json").read_text(encoding="utf-8"))["decisions"], said["day"]
    except (OSError, ValueError, KeyError) as error:
        raise RunError("PAI032", f"this run says nothing of its construction: {error}", where=str(folder)) from error
    given = Construction(said["steps"], said["sent"], folder / "data" / "deploy",
                         {name: frozenset(of) for name, of in said["devices"].items()}, folder / "snapshots",
                         tuple(said["faults"]), day)
    return Loaded(Journal.read(folder / "journal.db"), monitor_rules.read_all(given.deploy / "requirements"),
                  monitor_labels.deployed(given.deploy), decisions, given)


def of_run(folder: Path, twin: Path | None = None) -> Account:
    """Of run folders; ``twin``: the same scenario and seed, run in logging mode.  Raises RunError (PAI032)."""
    return account(*load(folder), twin=None if twin is None else Journal.read(twin / "journal.db"))


def _streamed(given: Construction, evidence: Evidence, rules: Sequence[Rule],
              decisions: Sequence[Mapping[str, Any]]) -> Iterator[Item]:
    """Streams: one attempt each, once rows have arrived at their table; that one was refused only the log says."""
    refused = {one["activity"] for one in decisions if one["verdict"] == "blocked"}
    arrived = {one.detail.get("schema", "") for one in evidence.requests("warehouse", "Append") if one.rows}
    for table, streams in monitor_attempts.streams(given).items():
        for one in streams if table in arrived else ():
            rows = evidence.wrote(one.table)
            outcome = "done" if rows is not None else "blocked"
            item = judged(one, Ran(rows is not None, rows), outcome, "", rules, given)
            if item.verdict == "rule_false_blocks" and one.activity not in refused:
                item = replace(item, verdict="unknown", why="nothing ran, and nothing was refused")
            yield item


def _routes(records: Sequence[Record], given: Construction, rules: Sequence[Rule]) -> Iterator[Item]:
    """Reads that a service makes of its own accord: one for each request that it serves, however often it asks."""
    open_: dict[str, tuple[Attempt, int | None]] = {}
    for record in (one for one in records if one.process == "web"):
        if record.locator == "grpc:/sightline.Warehouse/Read:request" and record.op == "sent":
            activity, table = record.detail["activity"], record.detail["table"]
            columns = [name.partition("#")[2] for name in monitor_labels.deployed(given.deploy)
                       if name.startswith(f"warehouse:{table}#")]
            open_.setdefault(activity, (monitor_attempts.route(given, activity, table, columns), None))
        elif record.locator == "grpc:/sightline.Warehouse/Read:response" and record.op == "received":
            for activity, (one, rows) in open_.items():
                if record.detail.get("schema") in (one.table, None):
                    open_[activity] = one, record.rows + (rows or 0)
        elif record.locator.startswith("http:") and record.op == "sent":
            for one, rows in open_.values():
                outcome = "done" if rows is not None else "blocked"
                yield judged(one, Ran(rows is not None, rows), outcome, "", rules, given)
            open_.clear()
