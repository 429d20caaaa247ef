"""[B] Statements that change rows in place: UPDATE (… FROM), DELETE (… USING), and an INSERT's ON CONFLICT.

A change's WHERE and join conditions decide every column that it sets; a DELETE sets none, but decides
whether the values of any column are still there.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from lineage.discover.sql_flow import Column, Flow, Relation, merged
from lineage.discover.sql_from import refuse
from lineage.discover.sql_query import Queries
from lineage.discover.sql_scope import Scope, Source
from lineage.discover.sql_text import SqlFault, span_of

_UPDATE = frozenset({"with_", "this", "expressions", "from_", "where", "returning", "order", "limit", "hint"})
_DELETE = frozenset({"with_", "this", "using", "where", "returning", "order", "limit", "hint", "tables"})
_RETURNING = frozenset({"expressions"})
_CONFLICT = frozenset({"expressions", "action", "conflict_keys", "index_predicate", "constraint", "where", "duplicate"})
# Written column, as the schema spells it → its flow.
Changes = dict[str, Flow]


class Changing:
    """Gives the written table and what flows into each written column."""

    def __init__(self, queries: Queries) -> None:
        self._queries = queries
        self._expressions = queries.expressions

    def update(self, node: exp.Update, scope: Scope) -> tuple[str, Changes]:
        refuse(node, _UPDATE)
        key, target = self._changed(node, node.args.get("from_"), scope)
        changes = self.assigned(node.expressions, target, scope)
        self.decide(node, ("where", "order", "limit"), scope)
        self.returning(node, target, scope)
        return key, decided(changes, scope.deciding())

    def delete(self, node: exp.Delete, scope: Scope) -> tuple[str, Changes]:
        refuse(node, _DELETE)
        tables: Sequence[exp.Expr] = node.args.get("tables") or ()
        if len(tables) > 1:
            raise SqlFault("DELETE from several tables is not followed", span_of(tables[1]))
        if tables and tables[0].name.lower() != node.this.alias_or_name.lower():
            raise SqlFault("DELETE of a table that is not the first of FROM is not followed", span_of(tables[0]))
        key, target = self._changed(node, None, scope)
        for other in node.args.get("using") or ():
            scope.reads.setdefault(key, set())
            self._queries.sources.add(other, scope)
        self.decide(node, ("where", "order", "limit"), scope)
        self.returning(node, target, scope)
        return key, decided(everything(target), scope.deciding())

    def _changed(self, node: exp.Expr, from_: exp.Expr | None, scope: Scope) -> tuple[str, Source]:
        """The changed table, with its joins and FROM in reach."""
        if from_ is not None and _alias_in(from_, node.this):
            # T-SQL: UPDATE a SET … FROM t AS a JOIN …
            self._queries.sources.add(from_.this, scope)
            target = next(s for s in scope.sources if s.name == node.this.name.lower())
            target.used = True
            return target.base, target
        key, target = self.target(node.this, scope, joins=True)
        joins = node.this.args.get("joins") or ()
        if joins or from_ is not None:
            # Its rows meet those of the others: that reads them, whether or not a column is named.
            scope.reads.setdefault(key, set())
        self._queries.sources.join(joins, scope)
        if from_ is not None:
            self._queries.sources.add(from_.this, scope)
        return key, target

    def conflict(self, node: exp.OnConflict, inserted: Changes, rows: Flow, target: Source, scope: Scope) -> Changes:
        """What ON CONFLICT makes of ``inserted``, whose rows ``rows`` decided.  ``excluded`` is the refused row."""
        refuse(node, _CONFLICT)
        columns = tuple(Column(c.name, inserted.get(c.name, Flow())) for c in target.columns.values())
        excluded = Source.of("excluded", Relation(columns))
        excluded.qualified_only = excluded.used = True
        scope.sources = [target, excluded]
        # A unique key tells rows apart: which of the two branches is taken hangs on it.
        keys = []
        for key in node.args.get("conflict_keys") or ():
            keys.append(self._expressions.flow(key, scope))
            keys.extend(inserted.get(written(column, target), Flow()) for column in key.find_all(exp.Column))
        apart = merged(keys).repeating()
        self.decide(node, ("index_predicate",), scope)
        changes = decided(inserted, apart.joined(scope.rows))
        updates = self.assigned([_of_refused(node_) for node_ in node.expressions], target, scope)
        self.decide(node, ("where",), scope)
        for name, flow in decided(updates, merged([rows, apart, scope.rows])).items():
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
                pairs = list(zip(columns, self.row(right, len(columns), scope), strict=True))
            for column, flow in pairs:
                name = written(column, target)
                changes[name] = changes.get(name, Flow()).joined(flow)
        return changes

    def returning(self, node: exp.Expr, target: Source, scope: Scope) -> None:
        """Counts what RETURNING reads; ``*`` there is the written table alone."""
        returning = node.args.get("returning")
        if returning is not None:
            refuse(returning, _RETURNING)
            around = scope.inner()
            around.sources = [target]
            self._queries.projections(returning.expressions, around)

    def target(self, node: exp.Expr, scope: Scope, joins: bool = False) -> tuple[str, Source]:
        """The table that a statement changes, as the first source of ``scope``."""
        key, target = self._queries.sources.target(node, joins)
        # Its rows are where the change lands; they flow nowhere by themselves.
        target.used = True
        scope.sources.append(target)
        return key, target

    def decide(self, node: exp.Expr, clauses: Sequence[str], scope: Scope) -> None:
        """Lets the clauses of ``node`` decide the rows of ``scope``."""
        for clause in clauses:
            if node.args.get(clause) is not None:
                scope.decide(self._expressions.flow(node.args[clause], scope))

    def row(self, node: exp.Expr, width: int, scope: Scope) -> list[Flow]:
        """A row of ``width`` values: written out, or a sub-query's.  Raises SqlFault for another width."""
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


def everything(target: Source) -> Changes:
    """Every column of the table, with nothing flowing in yet."""
    return {c.name: Flow() for c in target.columns.values()}


def decided(changes: Changes, rows: Flow) -> Changes:
    """``changes``, of which ``rows`` decided whether they happen."""
    return {name: flow.joined(rows) for name, flow in changes.items()}


def _alias_in(from_: exp.Expr, target: exp.Expr) -> bool:
    return isinstance(target, exp.Table) and not target.db and not target.args.get("joins") and any(
        isinstance(t.this, exp.Identifier) and t.alias_or_name.lower() == target.name.lower()
        for t in (from_.this, *(j.this for j in from_.this.args.get("joins") or ())) if isinstance(t, exp.Table))


def _of_refused(node: exp.Expr) -> exp.Expr:
    """MySQL's ``VALUES(b)`` after ON DUPLICATE KEY UPDATE is ``excluded.b``."""
    if not any(f.name.upper() == "VALUES" for f in node.find_all(exp.Anonymous)):
        return node
    copied = node.copy()
    for call in list(copied.find_all(exp.Anonymous)):
        if call.name.upper() == "VALUES" and len(call.expressions) == 1:
            name = call.expressions[0].name
            call.replace(exp.column(exp.to_identifier(name), table="excluded"))
    return copied
