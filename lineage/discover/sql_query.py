"""[B] Queries: SELECT, WITH (recursive too), set operations, brackets, VALUES.

One pass resolves every name and gives each result column its flow.  Clauses that are not followed
(MATCH_RECOGNIZE, FOR XML, …) are refused rather than passed over.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp
from sqlglot.errors import ErrorLevel

from lineage.discover.sql_aggregate import aggregates, one_row, terms
from lineage.discover.sql_catalog import Catalog
from lineage.discover.sql_dialect import Dialect
from lineage.discover.sql_expression import Expressions
from lineage.discover.sql_flow import NONE, Column, Flow, Relation, merged
from lineage.discover.sql_from import FromClause, named, refuse
from lineage.discover.sql_scope import Cte, Scope
from lineage.discover.sql_sets import combine
from lineage.discover.sql_star import is_star, star
from lineage.discover.sql_text import SqlFault, span_of

_SELECT = frozenset({"with_", "expressions", "hint", "distinct", "from_", "joins", "where", "group", "having", "into",
                     "qualify", "windows", "order", "limit", "offset", "locks", "kind", "laterals", "sample", "sort",
                     "cluster", "distribute", "connect", "prewhere", "options", "settings", "format",
                     "operation_modifiers"})
_SETS = frozenset({"with_", "this", "expression", "distinct", "order", "limit", "offset", "by_name"})
_WRAPPED = frozenset({"with_", "this", "alias", "order", "limit", "offset", "pivots", "sample", "laterals"})
_IN_FROM = (exp.From, exp.Join, exp.Subquery)
_NAMED = (exp.Alias, exp.Aliases)
_WITH = frozenset({"expressions", "recursive"})
_ENTRY = frozenset({"this", "alias", "materialized"})
_DECIDING = ("where", "prewhere", "having", "qualify", "limit", "offset", "sort", "cluster", "distribute", "connect")
_OUTPUTS = (exp.Dot, exp.Paren)


class Queries:
    """Analyses queries against one catalogue."""

    def __init__(self, catalog: Catalog, dialect: Dialect) -> None:
        self.dialect = dialect
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
            in_from = isinstance(node.parent, _IN_FROM)
            # The joins of an entry of FROM are FromClause's to follow.
            refuse(node, _WRAPPED | {"joins"} if in_from else _WRAPPED)
            relation = self._ordered(node, self.query(node.this, scope.inner(nameless=scope.nameless)), scope)
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
        if with_ is None:
            return
        refuse(with_, _WITH)
        for entry in with_.expressions:
            if entry.alias.lower() in scope.ctes.maps[0]:
                raise SqlFault(f"WITH has {entry.alias!r} twice", span_of(entry.args["alias"]))
            refuse(entry, _ENTRY)
            scope.ctes[entry.alias.lower()] = Cte(entry.alias.lower(), entry, scope)

    def check(self, scope: Scope) -> None:
        """Resolves what WITH defined and nobody used; its reads do not count."""
        for entry in list(scope.ctes.maps[0].values()):
            if entry.home is scope:
                self.cte(entry, Scope({}, self.dialect))

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
        return named(relation, entry.node.args.get("alias"), all_of_them=True)

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
        self._from(node, scope)
        scope.windows = {w.this.name.lower(): w for w in node.args.get("windows") or ()}
        columns = self.projections(node.expressions, scope)
        given = node.args
        for clause in _DECIDING:
            if clause in given:
                self._decide(given[clause], scope)
        self._group(node, columns, scope)
        self._order(node, columns, scope)
        distinct = node.args.get("distinct")
        if distinct is not None and distinct.args.get("on") is not None:
            scope.decide(self.expressions.flow(distinct.args["on"], scope))
        elif distinct is not None:
            scope.rows = scope.rows.joined(merged(c.flow for c in columns).repeating())
        tables = NONE.union(*(s.tables for s in scope.sources))
        relation = Relation(tuple(columns), tables=tables).decided_by(scope.deciding())
        if one_row(node):
            # An aggregate without groups gives a row whatever it reads.
            return Relation(relation.columns)
        return relation

    def _from(self, node: exp.Select, scope: Scope) -> None:
        if node.args.get("from_") is not None:
            self.sources.add(node.args["from_"].this, scope)
        joins, views = node.args.get("joins") or (), node.args.get("laterals") or ()
        if joins and views and span_of(views[0]) < span_of(joins[0]):
            self.sources.lateral(views, scope)
            views = ()
        self.sources.join(joins, scope)
        self.sources.lateral(views, scope)

    def projections(self, nodes: Sequence[exp.Expr], scope: Scope) -> list[Column]:
        """The result columns, ``*`` expanded, named as the engine would."""
        columns: list[Column] = []
        aliases: dict[str, Flow] = scope.aliases if self.dialect.sees_aliases else {}
        for node in nodes:
            if is_star(node):
                columns.extend(star(node, scope, self.expressions))
                continue
            if isinstance(node, exp.Column):
                columns.append(Column(*scope.resolve(node)))
                continue
            flow = self.expressions.flow(node.this if isinstance(node, exp.Aliases) else node.unalias(), scope)
            for name in self._names_of(node, scope):
                columns.append(Column(name, flow))
                if isinstance(node, _NAMED):
                    aliases.setdefault(name.lower(), flow)
        # A projection sees its neighbours' aliases in few dialects; the clauses after it do in all.
        scope.aliases = aliases
        return columns

    def _names_of(self, node: exp.Expr, scope: Scope) -> list[str]:
        if isinstance(node, _NAMED):
            given = node.expressions if isinstance(node, exp.Aliases) else [node.args["alias"]]
            return [n.name.lower() if self.dialect.folds and not n.args.get("quoted") else n.name for n in given]
        if isinstance(node, _OUTPUTS) or (isinstance(node, exp.Cast) and self.dialect.names_casts):
            inner = node.output_name
            if inner:
                return [inner]
        if scope.nameless:
            return [""]
        return [node.sql(self.dialect.name or None, copy=False, normalize_functions="lower",
                         unsupported_level=ErrorLevel.IGNORE)]

    def _decide(self, node: exp.Expr | None, scope: Scope) -> None:
        if node is not None:
            scope.decide(self.expressions.flow(node, scope))

    def _group(self, node: exp.Select, columns: Sequence[Column], scope: Scope) -> None:
        group = node.args.get("group")
        if group is None:
            return
        if group.args.get("all"):
            for written in node.expressions:
                if not aggregates(written):
                    scope.decide(merged(c.flow for c in star(written, scope, self.expressions)) if is_star(written)
                                 else self.expressions.flow(written.unalias(), scope))
        for term in terms(group):
            scope.decide(self._term(term, columns, scope))

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
        if isinstance(bare, exp.Var) and bare.name.upper() == "ALL":
            return merged(c.flow for c in columns)
        return self.expressions.flow(bare, scope)

    def _order(self, node: exp.Expr, columns: Sequence[Column], scope: Scope) -> None:
        order = node.args.get("order")
        for term in order.expressions if order is not None else ():
            scope.decide(self._term(term, columns, scope))

    # --- UNION, INTERSECT, EXCEPT; brackets; VALUES

    def _combined(self, node: exp.SetOperation, scope: Scope) -> Relation:
        refuse(node, _SETS)
        steps, first = [node], node.this
        # A long chain leans left; it is walked, not recursed into.
        while isinstance(first, exp.SetOperation) and not any(first.args.get(k) for k in ("with_", "order", "limit")):
            refuse(first, _SETS)
            steps.append(first)
            first = first.this
        relation = self.query(first, scope.inner(nameless=scope.nameless))
        for step in reversed(steps):
            relation = combine(step, relation, self.query(step.expression,
                                                      scope.inner(nameless=not step.args.get("by_name"))))
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
            scope.decide(flow)
        self._decide(node.args.get("limit"), scope)
        self._decide(node.args.get("offset"), scope)
        return relation.decided_by(scope.rows) if scope.rows != Flow() else relation

    def _values(self, node: exp.Values, scope: Scope) -> Relation:
        flows: list[Flow] = []
        for number, row in enumerate(node.expressions):
            cells = row.expressions if isinstance(row, exp.Tuple) else [row]
            if number and len(cells) != len(flows):
                raise SqlFault(f"this row has {len(cells)} values, the first has {len(flows)}", span_of(row))
            made = [self.expressions.flow(cell, scope) for cell in cells]
            flows = [a.joined(b) for a, b in zip(flows, made, strict=True)] if number else made
        return Relation(tuple(Column(f"column{i}", flow) for i, flow in enumerate(flows, 1)))


def _mentions(node: exp.Expr, name: str) -> bool:
    return any(t.name.lower() == name and not t.db for t in node.find_all(exp.Table))
