"""What the operator asked for, judged: jobs, schedules, exports, training runs; and their rows, where only some may be
used.

Truth.  A training run that went on is judged by what it really took.  What its manifest asked for and may not be had,
and was *left out*, is an attempt of its own; so is its *registration*, where somebody whose rows it has read took
consent back meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from sim.truth.reference import labels as monitor_labels
from sim.truth.reference.account import FLOW, LEFT_OUT, REGISTRATION, Item, Verdict
from sim.truth.reference.attempt import Attempt
from sim.truth.reference.attempts import Construction
from sim.truth.reference.claims import Claims
from sim.truth.reference.evidence import Evidence, Ran
from sim.truth.reference.judged import forbidden, judged, taken_back
from sim.truth.reference.rows import Counted, counted, withdrawn_before
from sim.truth.reference.rules import Rule

_WHEN = "when consent was taken back no journal says"
# A token that is not of the consents of now: nothing is handed out for it.
_STALE = "PAI303"


def operated(attempts: Sequence[Attempt], evidence: Evidence, rules: Sequence[Sequence[Rule]],
             given: Construction) -> Iterator[Item]:
    """``rules``: in force at each request."""
    said = [monitor_labels.columns_that_say(what, given.deploy / "tables") for what in ("subject", "origin")]
    claims = Claims(*said)
    for number, one in enumerate(attempts):
        ran = evidence.ran(one)
        outcome, code = _outcome(one, attempts, given)
        if one.kind == "scheduled" and outcome != "done":
            # Other days of the job may have run; where none was to, what ran was this one.
            others = [other for other in attempts if (other.request, other.table) == (one.request, one.table)]
            alone = all(_outcome(other, attempts, given)[0] != "done" for other in others)
            ran = Ran(False, ran.rows if alone else None)
        before = withdrawn_before(given.sent, one.sent)
        force = claims.holding(one, rules[one.sent], given.snapshots / str(one.sent), before, ran.rows is not None)
        own = one if one.used is None else one._replace(uses=one.used)
        found = [_stale(one, item, code, force or rules[one.sent], given, said) for item in _of_rows(
            own, number, ran, outcome, code, force or rules[one.sent], given, said)]
        if force is None:
            found = [replace(item, verdict="unknown", why=f"{item.why}: whom its rows stand for cannot be told")
                     if item.verdict == "rule_false_blocks" else item for item in found]
        beside = list(_beside(one, ran, outcome, code, rules[one.sent], given)) if one.used is not None else []
        yield from _registering(found, beside, one)
        yield from beside


def _of_rows(one: Attempt, number: int, ran: Ran, outcome: str, code: str, rules: Sequence[Rule],
             given: Construction, said: Sequence[Mapping[str, str]]) -> Iterator[Item]:
    """``said``: of each table the column that says whose a row is, and the one that says where it is from."""
    item = replace(judged(one, ran, outcome, code, rules, given), number=number)
    rows = counted(given.snapshots / str(one.sent), one, rules, withdrawn_before(given.sent, one.sent), *said)
    if rows is None or not rows.permitted + rows.forbidden or any(FLOW in name for name in item.forbidden):
        yield item
        return
    if rows.permitted:
        rest = one._replace(uses=tuple(use for use in one.uses if not use.asset.startswith("warehouse:")))
        item = replace(judged(rest, ran, outcome, code, rules, given), number=number)
    yield from _by_rows(one, item, rows, ran)


def _stale(one: Attempt, item: Item, code: str, rules: Sequence[Rule], given: Construction,
           said: Sequence[Mapping[str, str]]) -> Item:
    """A run that was refused its rows, since somebody's consent has changed meanwhile: blocked where rows of whoever
    took it back would have been among them; else a check that knows no better."""
    if item.verdict != "rule_false_blocks" or code != _STALE or not one.meanwhile:
        return item
    before = withdrawn_before(given.sent, one.sent)
    both = {purpose: before.get(purpose, set()) | one.meanwhile.get(purpose, frozenset())
            for purpose in {*before, *one.meanwhile}}
    then, now = (counted(given.snapshots / str(one.sent), one, rules, missing, *said) for missing in (before, both))
    if then is None or now is None:
        return replace(item, verdict="unknown", why=f"{item.why}: whose rows it would have read cannot be told")
    if now.forbidden > then.forbidden:
        return replace(item, verdict="blocked", requirements=now.requirements,
                       why=f"{item.why}: consent to {now.forbidden - then.forbidden} rows was taken back meanwhile")
    return replace(item, verdict="failed_closed", why=f"{item.why}: consent has changed meanwhile, to none of its rows")


def _by_rows(one: Attempt, item: Item, rows: Counted, ran: Ran) -> Iterator[Item]:
    """Where some rows may be used and others not, the attempt may go on, and those must be left out."""
    if item.verdict == "rule_false_blocks" and rows.permitted and rows.forbidden:
        item = replace(item, verdict="blocked", requirements=rows.requirements,
                       why=f"{item.why}: all of it, for {rows.forbidden} rows")
    if not rows.forbidden or ran.rows is None or item.verdict == "invalid":
        yield item
        return
    verdict = _leaked(one, rows, ran.rows)
    withheld = Item(one.activity, "rows", verdict, rows.requirements, (), ran.rows, one.day,
                    f"{rows.rows} rows with those that may not be used, {rows.left} without them")
    yield from (item, withheld) if rows.permitted else (withheld,)


def _leaked(one: Attempt, rows: Counted, ran: int) -> Verdict:
    """Whether rows that may not be used were among those that were: by whose they are, where the journal says it of
    each; else by how many: of more than those that may be used give, some are of the others."""
    if rows.whose & one.whose:
        return "missed"
    if one.whose and one.whose <= rows.others:
        return "blocked"
    if rows.rows == rows.left:
        return "unknown"
    if ran == rows.rows or rows.left < min(ran, rows.rows):
        return "missed"
    return "blocked" if ran == rows.left else "unknown"


def _beside(one: Attempt, ran: Ran, outcome: str, code: str, rules: Sequence[Rule],
            given: Construction) -> Iterator[Item]:
    """Of a training run that went on."""
    taken = {use.name for use in one.used or ()}
    requirements, names = forbidden(
        one._replace(uses=tuple(use for use in one.uses if use.name not in taken), gone=()), rules, given.day)
    if names:
        # A run that fails may never have come to it.
        short = outcome in ("failed", "skipped") and not one.made
        yield Item(one.activity, LEFT_OUT, "unknown" if short else "blocked", requirements, names, ran.rows,
                   why=f"{outcome} {code}".strip() if short else "it is not among what it took")
    if sometime := taken_back(one.gone_sometime, rules):
        yield Item(one.activity, REGISTRATION, "unknown", tuple(sorted({rule for rule, _ in sometime})),
                   tuple(sorted({name for _, name in sometime})), ran.rows, why=_WHEN)
    gone = taken_back(one.gone_since, rules)
    if gone:
        stopped: Verdict = "unknown" if outcome in ("failed", "skipped") else "blocked"
        yield Item(one.activity, REGISTRATION, "missed" if one.made else stopped,
                   tuple(sorted({rule for rule, _ in gone})), tuple(sorted({name for _, name in gone})), ran.rows,
                   why=f"{outcome} {code}: consent was taken back after it was read".strip())


def _registering(found: Sequence[Item], beside: Sequence[Item], one: Attempt) -> Iterator[Item]:
    """A run that is refused once it has read what it may is refused to register, and that is asked of it apart."""
    stopped = any(other.kind == REGISTRATION and other.verdict == "blocked" for other in beside)
    unsure = any(other.kind == REGISTRATION and other.why == _WHEN for other in beside) and any(
        use.name.startswith("checkpoint:") for use in one.used or ())
    for item in found:
        if item.verdict == "allowed" and unsure:
            yield replace(item, verdict="unknown", why=_WHEN)
        elif item.verdict == "rule_false_blocks" and stopped:
            yield replace(item, verdict="allowed", why="it took what it may, and registered nothing")
        elif item.verdict == "rule_false_blocks" and one.kind == "training" and not one.timed:
            yield replace(item, verdict="unknown", why=f"{item.why}: {_WHEN}")
        else:
            yield item


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
