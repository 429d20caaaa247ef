"""[B] ``*`` and ``t.*`` in a projection, with EXCEPT / EXCLUDE, REPLACE and RENAME."""

from __future__ import annotations

from sqlglot import exp

from lineage.discover.sql_expression import Expressions
from lineage.discover.sql_flow import Column, Flow
from lineage.discover.sql_from import refuse
from lineage.discover.sql_scope import Scope
from lineage.discover.sql_text import SqlFault, span_of

_CHANGES = frozenset({"except_", "replace", "rename"})


def is_star(node: exp.Expr) -> bool:
    return isinstance(node, exp.Star) or (isinstance(node, exp.Column) and isinstance(node.this, exp.Star))


def star(node: exp.Expr, scope: Scope, expressions: Expressions) -> list[Column]:
    """The columns in the order of FROM, a column of USING once.  Raises SqlFault for a name that is none of them."""
    inner = node.this if isinstance(node, exp.Column) else node
    refuse(inner, _CHANGES)
    table = node.table.lower() if isinstance(node, exp.Column) else ""
    database = node.db.lower() if isinstance(node, exp.Column) else ""
    sources = [s for s in scope.sources if s.answers(table, database)]
    if not sources:
        what = f"no table or alias {table!r} is in reach here" if table else "* needs a FROM"
        raise SqlFault(what, span_of(node))
    left_out = {entry.name.lower(): entry for entry in inner.args.get("except_") or ()}
    for name, entry in left_out.items():
        if not any(name in source.columns for source in sources):
            raise SqlFault(f"* has no column {entry.name!r} here", span_of(entry))
    columns = []
    for source in sources:
        for name, column in source.columns.items():
            if name in left_out or (not table and name in source.hidden):
                continue
            flow = scope.take(source, column)
            columns.append(Column(column.name, flow if table else scope.merged.get(name, flow)))
    return _changed(inner, columns, scope, expressions)


def _changed(node: exp.Expr, columns: list[Column], scope: Scope, expressions: Expressions) -> list[Column]:
    known = {column.name.lower() for column in columns}
    replaced: dict[str, Flow] = {}
    renamed: dict[str, str] = {}
    for entry in node.args.get("replace") or ():
        replaced[entry.alias.lower()] = expressions.flow(entry.unalias(), scope)
    for entry in node.args.get("rename") or ():
        renamed[entry.this.name.lower()] = entry.alias
    for name in (*replaced, *renamed):
        if name not in known:
            raise SqlFault(f"* has no column {name!r} here", span_of(node))
    return [Column(renamed.get(c.name.lower(), c.name), replaced.get(c.name.lower(), c.flow)) for c in columns]
