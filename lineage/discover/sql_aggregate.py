"""[B] What a SELECT groups by, and whether it gives one row for all."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp


def terms(group: exp.Expr) -> Iterator[exp.Expr]:
    """What GROUP BY names, inside GROUPING SETS, CUBE and ROLLUP too."""
    stack = list(group.iter_expressions())
    while stack:
        node = stack.pop()
        if isinstance(node, exp.GroupingSets | exp.Cube | exp.Rollup | exp.Tuple | exp.Paren):
            stack.extend(node.iter_expressions())
        else:
            yield node


def one_row(node: exp.Select) -> bool:
    """True for an aggregate without groups: it gives one row, whatever it reads."""
    if any(node.args.get(key) for key in ("group", "having", "qualify", "limit", "offset", "connect")):
        return False
    return any(aggregates(written) for written in node.expressions)


def aggregates(node: exp.Expr) -> bool:
    """True when a projection has an aggregate of its own, not a window's or a sub-query's."""
    if isinstance(node, exp.Column) or node.find(exp.AggFunc) is None:
        return False
    stack = [node]
    while stack:
        part = stack.pop()
        if isinstance(part, exp.Window):
            inner = part.this
            while isinstance(inner, exp.Filter | exp.IgnoreNulls | exp.RespectNulls | exp.WithinGroup):
                inner = inner.this
            stack.extend(inner.iter_expressions())
        elif isinstance(part, exp.AggFunc) and not part.expressions:  # SQLite's max(a, b) is of one row
            return True
        elif not isinstance(part, exp.Query):
            stack.extend(part.iter_expressions())
    return False
