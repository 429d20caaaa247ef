"""[B] Queries: SELECT, WITH (recursive too), UNION / INTERSECT / EXCEPT, VALUES, FROM and its joins.

One pass resolves every name and gives each result column its flow.  Clauses that are not followed (PIVOT,
SELECT INTO, LATERAL VIEW, …) are refused rather than passed over.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp
from sqlglot.errors import ErrorLevel

from lineage.discover.sql_expression import Expressions
from lineage.discover.sql_flow import NONE, Column, Flow, Relation
from lineage.discover.sql_from import FromClause, named, refuse
from lineage.discover.sql_scope import Catalog, Cte, Scope
from lineage.discover.sql_text import SqlFault, span_of

_SELECT = frozenset({"with_", "expressions", "hint", "distinct", "from_", "joins", "where", "group", "having",
                     "qualify", "windows", "order", "limit", "offset", "locks"})
_SETS = frozenset({"with_", "this", "expression", "distinct", "order", "limit", "offset"})
_WRAPPED = frozenset({"with_", "this", "alias", "order", "limit", "offset"})


class Queries:
    """Analyses queries against one catalogue."""

    def __init__(self, catalog: Catalog) -> None:
        self.expressions = Expressions(self.query)
        self.sources = FromClause(catalog, self.expressions, self.query, self.cte)

    def query(self, node: exp.Expr, scope: Scope) -> Relation:
        """The relation of a query; ``scope`` is its own and still empty.  Raises SqlFault."""
        self.define(node, scope)
        if isinstance(node, exp.Select):
            relation = self._select(node, scope)
        elif isinstance(node, exp.SetOperation):
            relation = self._combined(node, scope)
        elif isinstance(node, exp.Subquery):
            in_from = isinstance(node.parent, exp.From | exp.Join | exp.Subquery)
            # The joins of an entry of FROM are FromClause's to follow.
            refuse(node, _WRAPPED | {"joins"} if in_from else _WRAPPED)
            relation = self._ordered(node, self.query(node.this, scope.inner()), scope)
        elif isinstance(node, exp.Values):
            relation = self._values(node, scope)
        else:
            raise SqlFault(f"a query was expected here, not {node.key.upper()}", span_of(node))
        self.check(scope)
        return relation

    # --- WITH

    def define(self, node: exp.Expr, scope: Scope) -> None:
        """Takes in the WITH of ``node``; its entries are analysed when they are used."""
        with_ = node.args.get("with_")
        for entry in with_.expressions if with_ is not None else ():
            if entry.alias.lower() in scope.ctes.maps[0]:
                raise SqlFault(f"WITH has {entry.alias!r} twice", span_of(entry.args["alias"]))
            scope.ctes[entry.alias.lower()] = Cte(entry.alias.lower(), entry, scope)

    def check(self, scope: Scope) -> None:
        """Resolves what WITH defined and nobody used; its reads do not count."""
        for entry in list(scope.ctes.maps[0].values()):
            if entry.home is scope:
                self.cte(entry, Scope({}))

    def cte(self, entry: Cte, user: Scope) -> Relation:
        """The relation of a WITH entry, with its reads counted for ``user``."""
        if entry.busy and entry.relation is None:
            raise SqlFault(f"WITH {entry.name!r} refers to itself in a circle", span_of(entry.node.args["alias"]))
        if entry.busy and entry.relation is not None:
            return entry.relation
        if entry.relation is None:
            entry.busy = True
            body = entry.node.this
            if isinstance(body, exp.SetOperation) and _mentions(body, entry.name):
                relation = self._recursive(entry, body)
            else:
                relation = self._body(entry, body)
            entry.relation, entry.busy = relation, False
        for table, columns in entry.reads.items():
            user.reads.setdefault(table, set()).update(columns)
        return entry.relation

    def _body(self, entry: Cte, body: exp.Expr) -> Relation:
        relation = self.query(body, entry.home.beside(entry.reads).inner())
        return named(relation, entry.node.args.get("alias"))

    def _recursive(self, entry: Cte, body: exp.SetOperation) -> Relation:
        """Begins with a term that does not refer to the entry, then repeats until nothing new flows."""
        term: exp.Expr = body
        while isinstance(term, exp.SetOperation) and _mentions(term, entry.name):
            term = term.this
        if _mentions(term, entry.name):
            raise SqlFault(f"the first term of {entry.name!r} refers to itself", span_of(term))
        relation = self._body(entry, term)
        while relation != entry.relation:
            entry.relation = relation
            relation = self._body(entry, body)
        return relation

    # --- SELECT

    def _select(self, node: exp.Select, scope: Scope) -> Relation:
        refuse(node, _SELECT)
        if node.args.get("from_") is not None:
            self.sources.add(node.args["from_"].this, scope)
        self.sources.join(node.args.get("joins") or (), scope)
        scope.windows = {w.this.name.lower(): w for w in node.args.get("windows") or ()}
        columns = self.projections(node.expressions, scope)
        for clause in ("where", "having", "qualify", "limit", "offset"):
            self._decide(node.args.get(clause), scope)
        group = node.args.get("group")
        for term in group.iter_expressions() if group is not None else ():
            scope.rows |= self._term(term, columns, scope).all
        self._order(node, columns, scope)
        distinct = node.args.get("distinct")
        if distinct is not None:
            on = distinct.args.get("on")
            compared = self.expressions.flow(on, scope) if on is not None else _merge(columns)
            scope.rows |= compared.all
        tables = NONE.union(*(s.tables for s in scope.sources))
        return Relation(tuple(columns), tables=tables).decided_by(scope.deciding())

    def projections(self, nodes: Sequence[exp.Expr], scope: Scope) -> list[Column]:
        """The result columns, ``*`` expanded, named as the engine would."""
        columns: list[Column] = []
        aliases: dict[str, Flow] = {}
        for node in nodes:
            if _is_star(node):
                columns.extend(self.sources.star(node, scope))
                continue
            if isinstance(node, exp.Column):
                columns.append(Column(*scope.resolve(node)))
                continue
            column = Column(_name_of(node), self.expressions.flow(node.unalias(), scope))
            columns.append(column)
            if isinstance(node, exp.Alias):
                aliases.setdefault(node.alias.lower(), column.flow)
        # Only now: a projection does not see its neighbours' aliases, the clauses after it do.
        scope.aliases = aliases
        return columns

    def _decide(self, node: exp.Expr | None, scope: Scope) -> None:
        scope.rows |= self.expressions.flow(node, scope).all

    def _term(self, term: exp.Expr, columns: Sequence[Column], scope: Scope) -> Flow:
        """One term of GROUP BY or ORDER BY: a position in the result, or an expression."""
        bare = term.this if isinstance(term, exp.Ordered) else term
        if isinstance(bare, exp.Literal) and bare.is_int:
            if not 1 <= int(bare.this) <= len(columns):
                raise SqlFault(f"the result has no column {bare.this}; it has {len(columns)}", span_of(bare))
            return columns[int(bare.this) - 1].flow
        if isinstance(term, exp.Ordered) and isinstance(bare, exp.Column) and not bare.table:
            # ORDER BY looks at aliases before columns; GROUP BY after.
            flow = scope.aliases.get(bare.name.lower())
            if flow is not None:
                return flow
        return self.expressions.flow(bare, scope)

    def _order(self, node: exp.Expr, columns: Sequence[Column], scope: Scope) -> None:
        order = node.args.get("order")
        for term in order.expressions if order is not None else ():
            scope.rows |= self._term(term, columns, scope).all

    # --- UNION, INTERSECT, EXCEPT; brackets; VALUES

    def _combined(self, node: exp.SetOperation, scope: Scope) -> Relation:
        refuse(node, _SETS)
        steps, first = [node], node.this
        # A long chain leans left; it is walked, not recursed into.
        while isinstance(first, exp.SetOperation) and not any(first.args.get(k) for k in ("with_", "order", "limit")):
            refuse(first, _SETS)
            steps.append(first)
            first = first.this
        relation = self.query(first, scope.inner())
        for step in reversed(steps):
            relation = _combine(step, relation, self.query(step.expression, scope.inner()))
        return self._ordered(node, relation, scope)

    def _ordered(self, node: exp.Expr, relation: Relation, scope: Scope) -> Relation:
        """ORDER BY and LIMIT around a whole: only its result columns are in reach."""
        first = node
        while isinstance(first, exp.SetOperation | exp.Subquery):
            first = first.this
        # A term may also repeat a projection of the first SELECT: UNION … ORDER BY s.day.
        written = first.expressions if isinstance(first, exp.Select) else []
        scope.aliases = {c.name.lower(): c.flow for c in reversed(relation.columns)}
        order = node.args.get("order")
        for term in order.expressions if order is not None else ():
            if len(written) == len(relation.columns) and (same := [e for e in written if e.unalias() == term.this]):
                flow = relation.columns[written.index(same[0])].flow
            else:
                flow = self._term(term, relation.columns, scope)
            scope.rows |= flow.all
        self._decide(node.args.get("limit"), scope)
        self._decide(node.args.get("offset"), scope)
        return relation.decided_by(scope.rows)

    def _values(self, node: exp.Values, scope: Scope) -> Relation:
        flows: list[Flow] = []
        for number, row in enumerate(node.expressions):
            cells = row.expressions if isinstance(row, exp.Tuple) else [row]
            if number and len(cells) != len(flows):
                raise SqlFault(f"this row has {len(cells)} values, the first has {len(flows)}", span_of(row))
            made = [self.expressions.flow(cell, scope) for cell in cells]
            flows = [a.joined(b) for a, b in zip(flows, made, strict=True)] if number else made
        return Relation(tuple(Column(f"column{i}", flow) for i, flow in enumerate(flows, 1)))


def _combine(node: exp.SetOperation, left: Relation, right: Relation) -> Relation:
    if len(left.columns) != len(right.columns):
        raise SqlFault(f"{node.key.upper()} of {len(left.columns)} and {len(right.columns)} columns",
                       span_of(node.expression))
    rows = left.rows | right.rows
    if node.args.get("distinct") or not isinstance(node, exp.Union):
        # Whole rows are compared: each column decides whether the others stay.
        rows |= _merge((*left.columns, *right.columns)).all
    columns = []
    for ours, theirs in zip(left.columns, right.columns, strict=True):
        value = Flow(indirect=theirs.flow.all) if isinstance(node, exp.Except) else theirs.flow
        columns.append(Column(ours.name, ours.flow.joined(value)))
    return Relation(tuple(columns), tables=left.tables | right.tables).decided_by(rows)


def _merge(columns: Sequence[Column]) -> Flow:
    flow = Flow()
    for column in columns:
        flow = flow.joined(column.flow)
    return flow


def _is_star(node: exp.Expr) -> bool:
    return isinstance(node, exp.Star) or (isinstance(node, exp.Column) and isinstance(node.this, exp.Star))


def _name_of(node: exp.Expr) -> str:
    return node.alias if isinstance(node, exp.Alias) else node.sql("sqlite", unsupported_level=ErrorLevel.IGNORE)


def _mentions(node: exp.Expr, name: str) -> bool:
    return any(t.name.lower() == name and not t.db for t in node.find_all(exp.Table))
