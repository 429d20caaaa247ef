"""[B] Functions of a statement that Spark has under another name, or only as a condition of its own."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import sqlglot
from sqlglot import exp

from services.warehouse.consent import CONSENTS

# datetime(x), without a modifier, and not of 'now'.
_DATETIME = "DATE_FORMAT(TRY_CAST(moment AS TIMESTAMP), 'yyyy-MM-dd HH:mm:ss')"


def translated(tree: Any, withdrawn: Collection[str] | None) -> Any:
    """The tree, changed in place: ``sightline_consents(subject)`` where ``withdrawn`` says who does not, ``datetime``.

    Others stay as they are: whoever runs the tree refuses what it does not know.
    """
    for call in list(tree.find_all(exp.Anonymous)):
        given = call.expressions[0] if len(call.expressions) == 1 else None
        if given is None:
            continue
        if call.name.lower() == CONSENTS and withdrawn is not None:
            call.replace(visible(given, withdrawn))
        elif call.name.lower() == "datetime" and (not isinstance(given, exp.Literal) or given.name[:1].isdigit()):
            call.replace(_datetime(given))
    return tree


def visible(subject: exp.Expression, withdrawn: Collection[str]) -> exp.Expression:
    """The condition that a subject is none of ``withdrawn``; a row that is nobody's may be seen."""
    among = exp.In(this=subject.copy(), expressions=[exp.Literal.string(who) for who in sorted(withdrawn)])
    return exp.Not(this=exp.Coalesce(this=among, expressions=[exp.false()])) if withdrawn else exp.true()


def _datetime(moment: exp.Expression) -> exp.Expression:
    return sqlglot.parse_one(_DATETIME, read="spark").transform(
        lambda node: moment.copy() if node == exp.column("moment") else node)
