"""[B] UNION, INTERSECT and EXCEPT of two relations, by position or by name."""

from __future__ import annotations

from sqlglot import exp

from lineage.discover.sql_flow import Column, Flow, Relation, merged
from lineage.discover.sql_text import SqlFault, span_of


def combine(node: exp.SetOperation, left: Relation, right: Relation) -> Relation:
    """``left`` and ``right`` under the names of the left.  Raises SqlFault when their widths differ.

    A value of UNION or INTERSECT is in either side; the right side of EXCEPT only takes rows away.
    """
    if node.args.get("by_name"):
        right = left = _aligned(left, right)
    elif len(left.columns) != len(right.columns):
        raise SqlFault(f"{node.key.upper()} of {len(left.columns)} and {len(right.columns)} columns",
                       span_of(node.expression))
    rows = left.rows.joined(right.rows)
    if node.args.get("distinct") or not isinstance(node, exp.Union):
        # Whole rows are compared.
        rows = rows.joined(merged(c.flow for c in (*left.columns, *right.columns)).repeating())
    if isinstance(node, exp.Except):
        rows = rows.joined(merged(c.flow for c in right.columns).deciding())
        columns = left.columns
    else:
        columns = tuple(Column(ours.name, ours.flow.joined(theirs.flow))
                        for ours, theirs in zip(left.columns, right.columns, strict=True))
    return Relation(columns, tables=left.tables | right.tables).decided_by(rows)


def _aligned(left: Relation, right: Relation) -> Relation:
    """The columns of both, each name once; where a side lacks one, it gives NULL."""
    flows: dict[str, tuple[str, Flow]] = {}
    for column in (*left.columns, *right.columns):
        name, flow = flows.get(column.name.lower(), (column.name, Flow()))
        flows[column.name.lower()] = name, flow.joined(column.flow)
    return Relation(tuple(Column(*entry) for entry in flows.values()), left.rows.joined(right.rows),
                    left.tables | right.tables)
