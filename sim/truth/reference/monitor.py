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
- *failed_closed*: refused as something that the scenario planted left a check open (``vouched.CLOSED``); not scored;
- *invalid*: refused because it is no job at all (its SQL cannot be prepared, its table makes itself); not scored;
- *unknown*: what the monitor cannot tell, apart; what is forbidden and failed before anybody refused it, too.

Where only some rows may be used (consent, where they are from), leaving those out is an attempt of its own, of kind
*rows* (``rows``).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

from lineage.errors import RunError
from sim.truth.journal import Journal
from sim.truth.record import Record
from sim.truth.reference import attempts as monitor_attempts
from sim.truth.reference import labels as monitor_labels
from sim.truth.reference import rules as monitor_rules
from sim.truth.reference.attempts import Attempt, Construction
from sim.truth.reference.evidence import Evidence, Ran
from sim.truth.reference.flows import Flow, Places, flows, phases
from sim.truth.reference.refusals import Refused, refused_flows
from sim.truth.reference.reviewed import digest
from sim.truth.reference.rows import Counted, counted, withdrawn
from sim.truth.reference.rules import Rule, forbidding_flow, forbidding_use, in_force
from sim.truth.reference.vouched import closed

Verdict = Literal["blocked", "missed", "allowed", "rule_false_blocks", "invalid", "failed_closed", "unknown"]
# Counted beside the six.
BESIDE = ("invalid", "failed_closed", "unknown")
_FLOW = " → "
COUNTS = ("crossings", "blocked", "missed", "rule_false_blocks", "influence_false_blocks", "allowed")


@dataclass(frozen=True)
class Item:
    """One attempt.  ``forbidden``: the pairs or fields that ``requirements`` forbid; ``rows``: that moved (of a flow
    between services, messages), None where nothing ran; ``number``: which of the operator's attempts, from 0."""

    attempt: str
    kind: str
    verdict: Verdict
    requirements: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()
    rows: int | None = None
    day: str = ""
    why: str = ""
    number: int = -1


@dataclass(frozen=True)
class Account:
    items: tuple[Item, ...] = ()
    # Blocked flows without influence: also among ``items`` as blocked.
    uninfluenced: tuple[Item, ...] = ()

    def of(self, verdict: str) -> list[Item]:
        return [one for one in self.items if one.verdict == verdict]

    def to_dict(self) -> dict[str, Any]:
        """The six counts, ``invalid`` and ``unknown`` beside them, and ``items``."""
        found = Counter[str](one.verdict for one in self.items)
        return {"crossings": found["blocked"] + found["missed"], **{key: found[key] for key in (
            "blocked", "missed", "rule_false_blocks", "allowed", *BESIDE)},
            "influence_false_blocks": len(self.uninfluenced),
            "items": [asdict(one) for one in self.items], "uninfluenced": [asdict(one) for one in self.uninfluenced]}


def account(records: Sequence[Record], requirements: Sequence[Rule], labels: monitor_labels.Labels,
            decisions: Sequence[Mapping[str, Any]], given: Construction, *,
            twin: Sequence[Record] | None = None) -> Account:
    """``twin``: the journal of the same steps in logging mode; without it, flows between services that were refused
    are not known.  ``decisions`` (of lineage.json) say what was refused, never what was attempted."""
    evidence = Evidence(records)
    attempts = list(monitor_attempts.attempts(given, evidence.answered))
    rules = in_force(requirements, given.sent, lambda at: given.done(given.sent[at]["step"]))
    items = [*_operated(attempts, evidence, rules, given), *_streamed(given, evidence, rules[-1], decisions),
             *_routes(records, given, rules[-1])]
    places = Places(labels, given.deploy, given.devices, given.day)
    between = list(_phased(records, twin, places, [rules[0], *(
        rules[at + 1] for at, sent in enumerate(given.sent) if sent["method"] == "Require")]))
    known = {one.attempt for one in items}
    for refused in refused_flows(decisions, known, places, {rule.id: rule for phase in rules for rule in phase}):
        between += _reconciled(refused, between, given.faults)
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


def _operated(attempts: Sequence[Attempt], evidence: Evidence, rules: Sequence[Sequence[Rule]],
              given: Construction) -> Iterator[Item]:
    """What the operator asked for."""
    said = [monitor_labels.columns_that_say(what, given.deploy / "tables") for what in ("subject", "origin")]
    for number, one in enumerate(attempts):
        outcome, code = _outcome(one, attempts, given)
        ran = evidence.ran(one)
        if one.kind == "scheduled" and outcome != "done":
            # Other days of the job may have run; where none was to, what ran was this one.
            others = [other for other in attempts if (other.request, other.table) == (one.request, one.table)]
            alone = all(_outcome(other, attempts, given)[0] != "done" for other in others)
            ran = Ran(False, ran.rows if alone else None)
        item = replace(_judged(one, ran, outcome, code, rules[one.sent], given), number=number)
        rows = counted(given.snapshots / str(one.sent), one, rules[one.sent], withdrawn(given.sent, one.sent), *said)
        if rows is None or not rows.permitted + rows.forbidden or any(_FLOW in name for name in item.forbidden):
            yield item
        else:
            if rows.permitted:
                rest = one._replace(uses=())
                item = replace(_judged(rest, ran, outcome, code, rules[one.sent], given), number=number)
            yield from _by_rows(one, item, rows, ran)


def _by_rows(one: Attempt, item: Item, rows: Counted, ran: Ran) -> Iterator[Item]:
    """Where some rows may be used and others not, the attempt may go on, and those must be left out."""
    if item.verdict == "rule_false_blocks" and rows.permitted and rows.forbidden:
        item = replace(item, verdict="blocked", requirements=rows.requirements,
                       why=f"{item.why}: all of it, for {rows.forbidden} rows")
    if not rows.forbidden or ran.rows is None or item.verdict == "invalid":
        yield item
        return
    verdict: Verdict = ("unknown" if rows.rows == rows.left else "blocked" if ran.rows == rows.left
                        else "missed" if ran.rows == rows.rows else "unknown")
    withheld = Item(one.activity, "rows", verdict, rows.requirements, (), ran.rows, one.day,
                    f"{rows.rows} rows with those that may not be used, {rows.left} without them")
    yield from (item, withheld) if rows.permitted else (withheld,)


def _outcome(one: Attempt, attempts: Sequence[Attempt], given: Construction) -> tuple[str, str]:
    """How the step that asked for it ended, and by which code; an earlier request of a step went through."""
    if not 0 <= one.step < len(given.steps):
        return "done", ""
    told = given.steps[one.step]
    if one.kind == "scheduled":
        names = one.activity, one.activity.partition(":")[2]
        for other in told["said"].get("not done", ()):
            if other["job"] in names and other["ds"] == one.day:
                return str(other["outcome"]), str(other["code"])
        if told["outcome"] == "done":
            return "done", ""
    last = max(other.request[2] for other in attempts if other.step == one.step)
    return ("done", "") if one.request[2] < last else (str(told["outcome"]), str(told["said"].get("code", "")))


def _judged(one: Attempt, ran: Ran, outcome: str, code: str, rules: Sequence[Rule], given: Construction) -> Item:
    requirements, forbidden = _forbidden(one, rules, given.day)

    def item(verdict: Verdict, why: str = "") -> Item:
        return Item(one.activity, one.kind, verdict, requirements, forbidden, ran.rows, one.day, why)

    said = f"{outcome} {code}".strip()
    if one.unread:
        return item("unknown" if ran.rows is not None else "invalid", one.unread)
    if requirements:
        if ran.rows is not None:
            return item("missed", said)
        if ran.answered or outcome in ("failed", "skipped"):  # nobody refused it; would anybody have?
            return item("unknown", "answered, and nothing ran" if ran.answered else said)
        return item("blocked", said)
    if ran.answered or outcome == "done":
        return item("allowed")
    if closed(given.faults, code):
        return item("failed_closed", said)
    if outcome in ("failed", "skipped"):
        return item("invalid", said)
    if any(use.annotations is None for use in one.uses) and any(rule.enforced for rule in rules):
        return item("unknown", f"{said}: it uses what nothing labels")
    if code == "PAI316":
        return item("unknown", f"{said}: whom its rows stand for is not counted here")
    return item("rule_false_blocks", said)


def _forbidden(one: Attempt, rules: Sequence[Rule], day: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The requirements that forbid it, and what of it."""
    found: dict[str, set[str]] = {}
    for use in one.uses:
        for purpose in one.purposes:
            for requirement in forbidding_use(rules, use.annotations or (), purpose, one.region):
                found.setdefault(requirement, set()).add(use.name)
    text = {one.activity.replace("job:", "sql:", 1): digest(one.text)}
    for source, sink in one.flows:
        for requirement in forbidding_flow(rules, source.annotations or (), sink.annotations,
                                           (source.name, sink.name), day, text):
            found.setdefault(requirement, set()).add(f"{source.name} → {sink.name}")
    return tuple(sorted(found)), tuple(sorted(set[str]().union(*found.values())))


def _streamed(given: Construction, evidence: Evidence, rules: Sequence[Rule],
              decisions: Sequence[Mapping[str, Any]]) -> Iterator[Item]:
    """Streams: one attempt each, once rows have arrived at their table; that one was refused only the log says."""
    refused = {one["activity"] for one in decisions if one["verdict"] == "blocked"}
    arrived = {one.detail.get("schema", "") for one in evidence.requests("warehouse", "Append") if one.rows}
    for table, streams in monitor_attempts.streams(given).items():
        for one in streams if table in arrived else ():
            rows = evidence.wrote(one.table)
            outcome = "done" if rows is not None else "blocked"
            item = _judged(one, Ran(rows is not None, rows), outcome, "", rules, given)
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
                yield _judged(one, Ran(rows is not None, rows), outcome, "", rules, given)
            open_.clear()


def _phased(records: Sequence[Record], twin: Sequence[Record] | None, places: Places,
            rules: Sequence[Sequence[Rule]]) -> Iterator[Item]:
    """Flows between services under the requirements of their time: ``rules`` of each phase."""
    moved = phases(records)
    attempted = phases(twin) if twin is not None else [None] * len(moved)
    for own, other, force in zip(moved, attempted, rules, strict=False):
        yield from _between(flows(own), None if other is None else flows(other), places, force)


def _between(moved: Mapping[Flow, int], attempted: Mapping[Flow, int] | None, places: Places,
             rules: Sequence[Rule]) -> Iterator[Item]:
    for source, sink in sorted({*moved, *(attempted or {})}):
        requirements = sorted(places.forbidding(rules, source, sink))
        count, tried = moved.get((source, sink), 0), (attempted or {}).get((source, sink), 0)
        name = f"{source} → {sink}"
        if requirements:
            yield Item(name, "flow", "missed" if count else "blocked", tuple(requirements), (name,), count or None,
                       why=f"{tried} messages in logging mode")
        elif count:
            yield Item(name, "flow", "allowed", rows=count)


def _reconciled(refused: Refused, between: Sequence[Item], faults: Sequence[str]) -> Iterator[Item]:
    """A refusal that no attempt explains yet; one that a blocked flow explains is that flow.

    Where a label asks for it and no message would have held the very value, what was made of the value may have."""
    if refused.requirements and any(one.verdict == "blocked" and set(one.requirements) & set(refused.requirements)
                                    for one in between):
        return
    verdict: Verdict = ("unknown" if refused.unread else "blocked" if refused.requirements
                        else "failed_closed" if closed(faults, refused.code) else "rule_false_blocks")
    yield Item(refused.what, "refusal", verdict, refused.requirements, refused.forbidden, None,
               why=refused.unread or refused.code)
