"""[B] What an expression is made of, and what decides its value.

Everything is value flow (*direct*) except: conditions of CASE and IIF, EXISTS, window partition and order,
ORDER BY inside an aggregate, FILTER.  A node that is not known here passes on all that lies below it.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from lineage.discover.sql_flow import Flow, Relation
from lineage.discover.sql_scope import Scope
from lineage.discover.sql_text import SqlFault, span_of

# Runs a sub-query, or reads a table, within a scope.
Query = Callable[[exp.Expr, Scope], Relation]


class Expressions:
    """Walks expressions without recursion, so a chain of ten thousand terms is no deeper than one."""

    def __init__(self, query: Query) -> None:
        self._query = query

    def flow(self, node: exp.Expr | None, scope: Scope) -> Flow:
        """Raises SqlFault for a column, window or table that cannot be resolved."""
        direct: set[str] = set()
        indirect: set[str] = set()
        stack: list[tuple[exp.Expr, bool]] = [] if node is None else [(node, False)]
        while stack:
            part, deciding = stack.pop()
            found = self._leaf(part, scope)
            if found is not None:
                (indirect if deciding else direct).update(found.direct)
                indirect.update(found.indirect)
                continue
            if _counts_rows(part):
                (indirect if deciding else direct).update(scope.count_rows())
            stack.extend((child, deciding or decides) for child, decides in self._parts(part, scope))
        return Flow(frozenset(direct), frozenset(indirect))

    def _leaf(self, node: exp.Expr, scope: Scope) -> Flow | None:
        """The flow of a column or a sub-query; None for what has parts to look into."""
        if isinstance(node, exp.Column):
            return self._star(node, scope) if isinstance(node.this, exp.Star) else scope.resolve(node)[1]
        if isinstance(node, exp.Query | exp.Values):
            return _value_of(self._query(node, scope.inner()))
        if isinstance(node, exp.Exists):
            relation = self._query(node.this, scope.inner())
            return Flow(indirect=relation.rows or relation.tables)
        if isinstance(node, exp.Star) and not isinstance(node.parent, exp.Count):
            raise SqlFault("* cannot stand here", span_of(node))
        return None

    def _star(self, node: exp.Column, scope: Scope) -> Flow:
        sources = [s for s in scope.sources if s.answers(node.table.lower(), node.db.lower())]
        if not sources:
            raise SqlFault(f"no table or alias {node.table!r} is in reach here", span_of(node))
        flow = Flow()
        for source in sources:
            for column in source.columns.values():
                flow = flow.joined(scope.take(source, column))
        return flow

    def _parts(self, node: exp.Expr, scope: Scope) -> list[tuple[exp.Expr, bool]]:
        """What to look into below ``node``, and whether it only decides."""
        if isinstance(node, exp.DataType):
            return []
        if isinstance(node, exp.Case | exp.If | exp.Order | exp.Filter | exp.Window):
            deciders = _deciders(node)
            children: list[exp.Expr] = [c for c in node.iter_expressions() if not isinstance(c, exp.Identifier)]
            parts = [(child, any(child is d for d in deciders)) for child in children]
            if isinstance(node, exp.Window) and node.alias:
                parts.extend((child, True) for child in self._named_window(node, scope))
            return parts
        if isinstance(node, exp.In) and isinstance(node.args.get("field"), exp.Column):
            # x IN core.banned: a table, in the place of a query.
            field = node.args["field"].copy()
            table = exp.Table(this=field.this, db=field.args.get("table"))
            return [(node.this, False), (exp.Select(expressions=[exp.Star()], from_=exp.From(this=table)), False)]
        return [(child, False) for child in node.iter_expressions()]

    def _named_window(self, node: exp.Window, scope: Scope) -> list[exp.Expr]:
        seen: set[str] = set()
        parts: list[exp.Expr] = []
        # A window may be built on another: WINDOW w AS (v ORDER BY day).
        while node.alias and node.alias.lower() not in seen:
            name = node.alias.lower()
            if name not in scope.windows:
                raise SqlFault(f"there is no window {name!r}", span_of(node.args["alias"]))
            seen.add(name)
            node = scope.windows[name]
            parts.extend(_deciders(node))
        return parts


def _value_of(relation: Relation) -> Flow:
    """A sub-query as a value: all its columns, and what decides its rows."""
    flow = Flow(indirect=relation.rows)
    for column in relation.columns:
        flow = flow.joined(column.flow)
    return flow if flow.all else Flow(indirect=relation.tables)


def _counts_rows(node: exp.Expr) -> bool:
    """``count(*)``, ``count()``, ``sum(1)``: an aggregate whose value comes from the rows alone."""
    if not isinstance(node, exp.AggFunc) or not (isinstance(node, exp.Count) or node.args.get("this")):
        return False
    return node.find(exp.Column, exp.Query) is None


def _deciders(node: exp.Expr) -> list[exp.Expr]:
    args = node.args
    if isinstance(node, exp.Case | exp.If):
        return [node.this] if args.get("this") is not None else []
    if isinstance(node, exp.Order):
        return list(args["expressions"])
    if isinstance(node, exp.Filter):
        return [args["expression"]]
    order, spec = args.get("order"), args.get("spec")
    return [*(args.get("partition_by") or []), *([order] if order else []), *([spec] if spec else [])]
