"""One attempt, judged: what the requirements forbid of it, and whether it happened all the same.  Truth."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sim.truth.reference.account import Item, Verdict
from sim.truth.reference.attempt import Attempt, Gone
from sim.truth.reference.attempts import Construction
from sim.truth.reference.evidence import Ran
from sim.truth.reference.reviewed import digest
from sim.truth.reference.rules import Rule, forbidding_flow, forbidding_use
from sim.truth.reference.sql import twofold
from sim.truth.reference.vouched import closed

# A manifest that is not genuine, weights that are not its own, a way back that cannot be followed.
CHAIN = ("PAI330", "PAI331", "PAI337")


def judged(one: Attempt, ran: Ran, outcome: str, code: str, rules: Sequence[Rule], given: Construction) -> Item:
    """``outcome`` and ``code``: how the step that asked for it ended."""
    requirements, names = forbidden(one, rules, given.day)

    def item(verdict: Verdict, why: str = "") -> Item:
        return Item(one.activity, one.kind, verdict, requirements, names, ran.rows, one.day, why)

    said = f"{outcome} {code}".strip()
    if one.unread:
        return item("unknown" if ran.rows is not None or one.kind == "training" else "invalid", one.unread)
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
    if one.kind == "training" and code in CHAIN:
        return item("failed_closed" if one.tampered else "rule_false_blocks",
                    f"{said}: {'somebody' if one.tampered else 'nobody'} had tampered with what it goes back to")
    if outcome in ("failed", "skipped"):
        return item("invalid", said)
    if any(use.annotations is None for use in one.uses) and any(rule.enforced for rule in rules):
        return item("unknown", f"{said}: it uses what nothing labels")
    if code == "PAI306" and (found := twofold(one.schema, one.text)):
        return item("failed_closed", f"{said}: {', '.join(found)} can be read in two ways")
    return item("rule_false_blocks", said)


def forbidden(one: Attempt, rules: Sequence[Rule], day: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The requirements that forbid it, and what of it."""
    found: dict[str, set[str]] = {}
    for use in one.uses:
        for purpose in one.purposes_of(use.asset):
            for requirement in forbidding_use(rules, use.annotations or (), purpose, one.region):
                found.setdefault(requirement, set()).add(use.name)
    text = {one.activity.replace("job:", "sql:", 1): digest(one.text)}
    for source, sink in one.flows:
        for requirement in forbidding_flow(rules, source.annotations or (), sink.annotations,
                                           (source.name, sink.name), day, text):
            found.setdefault(requirement, set()).add(f"{source.name} → {sink.name}")
    for requirement, name in taken_back(one.gone, rules):
        found.setdefault(requirement, set()).add(name)
    return tuple(sorted(found)), tuple(sorted(set[str]().union(*found.values())))


def taken_back(gone: Iterable[Gone], rules: Sequence[Rule]) -> list[tuple[str, str]]:
    """(requirement, what) of the rows to whose use it needs a consent that was taken back: where some of them are from
    there where it is asked."""
    return [(rule.id, one.name) for one in gone for rule in rules
            if rule.enforced and any(
                rule.needs_consent(one.annotations, one.purpose, origin) for origin in one.origins)]
