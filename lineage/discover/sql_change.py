"""[B] Statements that change rows in place: UPDATE (… FROM), DELETE, MERGE, and an INSERT's ON CONFLICT.

A change's WHERE, join and match conditions decide every column that it sets; a DELETE sets none, but decides
whether the values of any column are still there.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from lineage.discover.sql_flow import NONE, Column, Flow, Names, Relation
from lineage.discover.sql_from import refuse
from lineage.discover.sql_query import Queries
from lineage.discover.sql_scope import Scope, Source
from lineage.discover.sql_text import SqlFault, span_of

_UPDATE = frozenset({"with_", "this", "expressions", "from_", "where", "returning", "order", "limit", "hint"})
_DELETE = frozenset({"with_", "this", "using", "where", "returning", "order", "limit", "hint"})
_MERGE = frozenset({"with_", "this", "using", "on", "whens", "returning"})
_CONFLICT = frozenset({"expressions", "action", "conflict_keys", "index_predicate", "constraint", "where"})
# Written column, as the schema spells it → its flow.
Changes = dict[str, Flow]


class Changing:
    """Gives the written table and what flows into each written column."""

    def __init__(self, queries: Queries) -> None:
        self._queries = queries
        self._expressions = queries.expressions

    def update(self, node: exp.Update, scope: Scope) -> tuple[str, Changes]:
        refuse(node, _UPDATE)
        key, target = self._target(node.this, scope, joins=True)
        self._queries.sources.join(node.this.args.get("joins") or (), scope)
        if node.args.get("from_") is not None:
            # Its rows meet those of the others: that reads them, whether or not a column is named.
            scope.reads.setdefault(key, set())
            self._queries.sources.add(node.args["from_"].this, scope)
        changes = self.assigned(node.expressions, target, scope)
        self._decide(node, ("where", "order", "limit"), scope)
        self.returning(node, target, scope)
        return key, _decided(changes, scope.deciding())

    def delete(self, node: exp.Delete, scope: Scope) -> tuple[str, Changes]:
        refuse(node, _DELETE)
        key, target = self._target(node.this, scope)
        for other in node.args.get("using") or ():
            self._queries.sources.add(other, scope)
        self._decide(node, ("where", "order", "limit"), scope)
        self.returning(node, target, scope)
        return key, _decided(_all(target), scope.deciding())

    def merge(self, node: exp.Merge, scope: Scope) -> tuple[str, Changes]:
        refuse(node, _MERGE)
        key, target = self._target(node.this, scope)
        self._queries.sources.add(node.args["using"], scope)
        self._decide(node, ("on",), scope)
        changes: Changes = {}
        for when in node.args["whens"].expressions:
            self._decide(when, ("condition",), scope)
            for name, flow in self._then(when.args["then"], target, scope).items():
                changes[name] = changes.get(name, Flow()).joined(flow)
        self.returning(node, target, scope)
        return key, _decided(changes, scope.deciding())

    def conflict(self, node: exp.OnConflict, inserted: Changes, rows: Names, target: Source, scope: Scope) -> Changes:
        """What ON CONFLICT makes of ``inserted``, whose rows ``rows`` decided.  ``excluded`` is the refused row."""
        refuse(node, _CONFLICT)
        columns = tuple(Column(c.name, inserted.get(c.name, Flow())) for c in target.columns.values())
        excluded = Source.of("excluded", Relation(columns))
        excluded.qualified_only = excluded.used = True
        scope.sources = [target, excluded]
        keys: set[str] = set(rows)
        for key in node.args.get("conflict_keys") or ():
            keys |= self._expressions.flow(key, scope).all
            for column in key.find_all(exp.Column):
                keys |= inserted.get(written(column, target), Flow()).all
        self._decide(node, ("index_predicate",), scope)
        changes = _decided(inserted, keys | scope.rows)
        updates = self.assigned(node.expressions, target, scope)
        self._decide(node, ("where",), scope)
        for name, flow in _decided(updates, keys | scope.rows).items():
            changes[name] = changes.get(name, Flow()).joined(flow)
        return changes

    def assigned(self, nodes: Sequence[exp.Expr], target: Source, scope: Scope) -> Changes:
        """``SET a = …, (b, c) = (SELECT …)``."""
        changes: Changes = {}
        for node in nodes:
            if not isinstance(node, exp.EQ):
                raise SqlFault("an assignment column = value was expected here", span_of(node))
            left, right = node.this, node.expression
            if isinstance(left, exp.Column):
                pairs = [(left, self._expressions.flow(right, scope))]
            else:
                columns = left.expressions if isinstance(left, exp.Tuple) else [left.unnest()]
                pairs = list(zip(columns, self._row(right, len(columns), scope), strict=True))
            for column, flow in pairs:
                name = written(column, target)
                changes[name] = changes.get(name, Flow()).joined(flow)
        return changes

    def returning(self, node: exp.Expr, target: Source, scope: Scope) -> None:
        """Counts what RETURNING reads; ``*`` there is the written table alone."""
        returning = node.args.get("returning")
        if returning is not None:
            refuse(returning, ("expressions",))
            around = scope.inner()
            around.sources = [target]
            self._queries.projections(returning.expressions, around)

    def _target(self, node: exp.Expr, scope: Scope, joins: bool = False) -> tuple[str, Source]:
        key, target = self._queries.sources.target(node, joins)
        # Its rows are where the change lands; they flow nowhere by themselves.
        target.used = True
        scope.sources.append(target)
        return key, target

    def _decide(self, node: exp.Expr, clauses: Sequence[str], scope: Scope) -> None:
        for clause in clauses:
            scope.rows |= self._expressions.flow(node.args.get(clause), scope).all

    def _then(self, node: exp.Expr, target: Source, scope: Scope) -> Changes:
        if isinstance(node, exp.Update):
            return self.assigned(node.expressions, target, scope)
        if isinstance(node, exp.Insert):
            columns = node.this.expressions if isinstance(node.this, exp.Tuple) else None
            names = [written(c, target) for c in columns] if columns else list(_all(target))
            return dict(zip(names, self._row(node.expression, len(names), scope), strict=True))
        if isinstance(node, exp.Var) and node.name.upper() in ("DELETE", "DO NOTHING"):
            return _all(target) if node.name.upper() == "DELETE" else {}
        raise SqlFault("this action of MERGE is not followed", span_of(node))

    def _row(self, node: exp.Expr, width: int, scope: Scope) -> list[Flow]:
        """A row of ``width`` values: written out, or a sub-query's."""
        if isinstance(node, exp.Query):
            flows = [c.flow for c in self._queries.query(node, scope.inner()).columns]
        elif isinstance(node, exp.Tuple):
            flows = [self._expressions.flow(cell, scope) for cell in node.expressions]
        else:
            flows = [self._expressions.flow(node, scope)]
        if len(flows) != width:
            raise SqlFault(f"{len(flows)} values for {width} columns", span_of(node))
        return flows


def written(node: exp.Expr, target: Source) -> str:
    """The name of a column to write, as the schema spells it.  Raises SqlFault when the table lacks it."""
    if not isinstance(node, exp.Column | exp.Identifier):
        raise SqlFault("a column's name was expected here", span_of(node))
    column = target.columns.get(node.name.lower())
    if column is None:
        raise SqlFault(f"{target.base!r} has no column {node.name!r}{target.suggest(node.name)}", span_of(node))
    return column.name


def _all(target: Source) -> Changes:
    return {c.name: Flow() for c in target.columns.values()}


def _decided(changes: Changes, names: Names | set[str]) -> Changes:
    return {name: flow.decided_by(names) for name, flow in changes.items()} if names != NONE else changes
