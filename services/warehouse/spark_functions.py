"""[B] Functions of a statement that Spark has under another name, or only as a condition of its own."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import sqlglot
from sqlglot import exp

from services.warehouse.consent import CONSENTS, SEES, Visible

# datetime(x), without a modifier, and not of 'now'.
_DATETIME = "DATE_FORMAT(TRY_CAST(moment AS TIMESTAMP), 'yyyy-MM-dd HH:mm:ss')"


def translated(tree: Any, rows: Visible | None) -> Any:
    """The tree, changed in place: the warehouse's own functions where ``rows`` says what they give, ``datetime``.

    Others stay as they are: whoever runs the tree refuses what it does not know.
    """
    for call in list(tree.find_all(exp.Anonymous)):
        if call.name.lower() == SEES and rows is not None and len(call.expressions) == 3:
            table, subject, origin = call.expressions
            call.replace(sees(table.name, subject, origin, rows))
        given = call.expressions[0] if len(call.expressions) == 1 else None
        if given is None:
            continue
        if call.name.lower() == CONSENTS and rows is not None:
            call.replace(visible(given, rows.withdrawn))
        elif call.name.lower() == "datetime" and (not isinstance(given, exp.Literal) or given.name[:1].isdigit()):
            call.replace(_datetime(given))
    return tree


def visible(subject: exp.Expression, withdrawn: Collection[str]) -> exp.Expression:
    """The condition that a subject is none of ``withdrawn``; a row that is nobody's may be seen."""
    among = exp.In(this=subject.copy(), expressions=[exp.Literal.string(who) for who in sorted(withdrawn)])
    return exp.Not(this=exp.Coalesce(this=among, expressions=[exp.false()])) if withdrawn else exp.true()


def chosen(table: str, rows: Visible) -> exp.Expression:
    """The condition of a row of the table that may be seen."""
    subject, origin = rows.subjects.get(table), rows.origins.get(table)
    owner = exp.column(subject, quoted=True) if subject else exp.null()
    if origin is None:
        return visible(owner, rows.withdrawn)
    return sees(table, owner, exp.column(origin.column, quoted=True), rows)


def sees(table: str, subject: exp.Expression, origin: exp.Expression, rows: Visible) -> exp.Expression:
    """As ``Visible.sees``; what comes from nobody knows where is seen only where any row is."""
    rule = rows.origins[table]
    consents = visible(subject, rows.withdrawn) if table in rows.subjects else exp.true()
    free = exp.or_(located(origin, rule.unasked), consents) if rule.unasked else consents
    return free if rule.seen is None else exp.and_(located(origin, rule.seen), free)


def looks(table: str, rows: Visible) -> tuple[exp.Expression, exp.Expression]:
    """The conditions that a row comes from where it may be used, and that its subject is asked about then."""
    rule = rows.origins.get(table)
    if rule is None:
        return exp.true(), exp.true()
    origin = exp.column(rule.column, quoted=True)
    there = exp.true() if rule.seen is None else located(origin, rule.seen)
    return there, exp.and_(there, exp.not_(located(origin, rule.unasked))) if rule.unasked else there


def located(origin: exp.Expression, among: Collection[str]) -> exp.Expression:
    """The condition that an origin is one of these, false of one that is none."""
    if not among:
        return exp.false()
    found = exp.In(this=origin.copy(), expressions=[exp.Literal.string(one) for one in sorted(among)])
    return exp.Coalesce(this=found, expressions=[exp.false()])


def _datetime(moment: exp.Expression) -> exp.Expression:
    return sqlglot.parse_one(_DATETIME, read="spark").transform(
        lambda node: moment.copy() if node == exp.column("moment") else node)
