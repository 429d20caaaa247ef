"""[B] MERGE: what each WHEN lets flow into the written table.

ON decides every written column.  The condition of a WHEN decides what that WHEN and those after it for the same rows
(matched; not matched; not matched by the source) write.  A DELETE sets no column, but decides every one.
"""

from __future__ import annotations

from collections import defaultdict

from sqlglot import exp

from lineage.discover.sql_change import Changes, Changing, decided, everything, written
from lineage.discover.sql_flow import Flow
from lineage.discover.sql_from import refuse
from lineage.discover.sql_query import Queries
from lineage.discover.sql_scope import Scope, Source
from lineage.discover.sql_text import SqlFault, span_of

_MERGE = frozenset({"with_", "this", "using", "on", "whens", "returning"})
_WHEN = frozenset({"matched", "source", "condition", "then"})


class Merging:
    """Gives the written table and what flows into each written column."""

    def __init__(self, queries: Queries, changing: Changing) -> None:
        self._queries = queries
        self._changing = changing

    def merge(self, node: exp.Merge, scope: Scope) -> tuple[str, Changes]:
        refuse(node, _MERGE)
        key, target = self._changing.target(node.this, scope)
        self._queries.sources.add(node.args["using"], scope)
        self._changing.decide(node, ("on",), scope)
        changes: Changes = {}
        conditions: defaultdict[tuple[bool, bool], Flow] = defaultdict(Flow)
        for when in node.args["whens"].expressions:
            refuse(when, _WHEN)
            which = bool(when.args.get("matched")), bool(when.args.get("source"))
            if when.args.get("condition") is not None:
                flow = self._queries.expressions.flow(when.args["condition"], scope)
                conditions[which] = conditions[which].joined(flow.deciding())
            made = self._then(when.args["then"], target, scope)
            for name, flow in decided(made, conditions[which]).items():
                changes[name] = changes.get(name, Flow()).joined(flow)
        self._changing.returning(node, target, scope)
        return key, decided(changes, scope.deciding())

    def _then(self, node: exp.Expr, target: Source, scope: Scope) -> Changes:
        if isinstance(node, exp.Update):
            if len(node.expressions) == 1 and isinstance(node.expressions[0], exp.Star):
                return self._by_name(target, scope)
            return self._changing.assigned(node.expressions, target, scope)
        if isinstance(node, exp.Insert):
            if isinstance(node.this, exp.Star):
                return self._by_name(target, scope)
            if isinstance(node.this, exp.Var):
                return self._by_position(node, target, scope)
            columns = node.this.expressions if isinstance(node.this, exp.Tuple) else None
            names = [written(c, target) for c in columns] if columns else list(everything(target))
            return dict(zip(names, self._changing.row(node.expression, len(names), scope), strict=True))
        if isinstance(node, exp.Var) and node.name.upper() in ("DELETE", "DO NOTHING"):
            return everything(target) if node.name.upper() == "DELETE" else {}
        raise SqlFault("this action of MERGE is not followed", span_of(node))

    def _by_name(self, target: Source, scope: Scope) -> Changes:
        """UPDATE SET * and INSERT *: each column from the source's of the same name."""
        others = [s for s in scope.sources if s is not target]
        return {column.name: scope.take(source, source.columns[name]) for source in others
                for name, column in target.columns.items() if name in source.columns}

    def _by_position(self, node: exp.Expr, target: Source, scope: Scope) -> Changes:
        """BigQuery's INSERT ROW."""
        given = [(s, c) for s in scope.sources if s is not target for c in s.columns.values()]
        if len(given) != len(target.columns):
            raise SqlFault(f"a row of {len(given)} values for {len(target.columns)} columns", span_of(node))
        return {name: scope.take(*one) for name, one in zip(everything(target), given, strict=True)}
