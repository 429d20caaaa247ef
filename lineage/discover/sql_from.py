"""[B] FROM and its joins: tables, sub-queries, VALUES and table functions become sources of a scope."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from sqlglot import exp

from lineage.discover.sql_expression import Expressions, Query
from lineage.discover.sql_flow import Column, Flow, Relation, unique
from lineage.discover.sql_scope import Catalog, Cte, Scope, Source
from lineage.discover.sql_text import SqlFault, span_of

_TABLE = frozenset({"this", "alias", "db", "catalog", "joins", "indexed", "hints", "only"})
_JOIN = frozenset({"this", "on", "side", "kind", "using", "method", "global_", "hint", "directed"})
_DERIVED = frozenset({"this", "alias", "with_", "order", "limit", "offset", "joins"})
_KINDS = frozenset({"", "INNER", "CROSS", "OUTER"})
# Table functions of SQLite whose columns are known; all are computed from the arguments.
_FUNCTIONS = {
    "json_each": ("key", "value", "type", "atom", "id", "parent", "fullkey", "path"),
    "json_tree": ("key", "value", "type", "atom", "id", "parent", "fullkey", "path"),
    "generate_series": ("value",),
}


class FromClause:
    """Fills a scope with sources."""

    def __init__(self, catalog: Catalog, expressions: Expressions, query: Query,
                 cte: Callable[[Cte, Scope], Relation]) -> None:
        self._catalog = catalog
        self._expressions = expressions
        self._query = query
        self._cte = cte

    def add(self, node: exp.Expr, scope: Scope) -> None:
        """Adds one entry of FROM, with the joins that hang on it."""
        if isinstance(node, exp.Subquery) and _brackets(node.this):
            refuse(node, ("this", "joins"))
            self.add(node.this, scope)
        else:
            scope.sources.append(self._source(node, scope))
        self.join(node.args.get("joins") or (), scope)

    def target(self, node: exp.Expr, joins: bool = False) -> tuple[str, Source]:
        """The table that a statement writes, whose rows are not read until a column of it is."""
        if not isinstance(node, exp.Table) or not isinstance(node.this, exp.Identifier):
            raise SqlFault("a table was expected here", span_of(node))
        refuse(node, _TABLE if joins else _TABLE - {"joins"})
        return self._base(node)

    def join(self, joins: Iterable[exp.Join], scope: Scope) -> None:
        """Adds joined sources, then what their conditions decide: ON may look at any of them."""
        conditions: list[exp.Expr] = []
        for node in joins:
            refuse(node, _JOIN)
            method = (node.args.get("method") or "").upper()
            if (node.args.get("kind") or "").upper() not in _KINDS or method not in ("", "NATURAL"):
                raise SqlFault(f"a {method or node.args.get('kind')} join is not followed", span_of(node))
            before = len(scope.sources)
            self.add(node.this, scope)
            added = scope.sources[before:]
            names = [n.name for n in node.args.get("using") or ()]
            if method == "NATURAL":
                known = {n for s in scope.sources[:before] for n in s.columns}
                names = [n for s in added for n in s.columns if n in known]
            for name in names:
                self._merge(node, name.lower(), scope, before)
            if node.args.get("on") is not None:
                conditions.append(node.args["on"])
        for condition in conditions:
            scope.rows |= self._expressions.flow(condition, scope).all

    def star(self, node: exp.Expr, scope: Scope) -> list[Column]:
        """The columns of ``*`` or ``t.*``, a column of USING once."""
        star = node.this if isinstance(node, exp.Column) else node
        refuse(star, ())
        table = node.table.lower() if isinstance(node, exp.Column) else ""
        database = node.db.lower() if isinstance(node, exp.Column) else ""
        sources = [s for s in scope.sources if s.answers(table, database)]
        if not sources:
            what = f"no table or alias {table!r} is in reach here" if table else "* needs a FROM"
            raise SqlFault(what, span_of(node))
        columns = []
        for source in sources:
            for name, column in source.columns.items():
                flow = scope.take(source, column)
                if table or name not in source.hidden:
                    columns.append(Column(column.name, flow if table else scope.merged.get(name, flow)))
        return columns

    def _merge(self, node: exp.Join, name: str, scope: Scope, before: int) -> None:
        """One column of USING: compared, then shown once."""
        lefts = [s for s in scope.sources[:before] if name in s.columns]
        rights = [s for s in scope.sources[before:] if name in s.columns]
        if not lefts or not rights:
            raise SqlFault(f"the column {name!r} of USING is not on both sides", span_of(node))
        left = scope.take(lefts[0], lefts[0].columns[name])
        left = scope.merged.get(name, left)
        right = scope.take(rights[0], rights[0].columns[name])
        scope.rows |= left.all | right.all
        # The right side shows through where the left has no row.
        outer = (node.args.get("side") or "").upper() in ("RIGHT", "FULL")
        scope.merged[name] = left.joined(right) if outer else left
        for source in rights:
            source.hidden.add(name)

    def _source(self, node: exp.Expr, scope: Scope) -> Source:
        if isinstance(node, exp.Table):
            refuse(node, _TABLE)
            if not isinstance(node.this, exp.Identifier):
                return self._function(node, scope)
            entry = None if node.db else scope.ctes.get(node.name.lower())
            if entry is not None:
                return Source.of(node.alias or node.name, named(self._cte(entry, scope), node.args.get("alias")))
            key, source = self._base(node)
            scope.reads.setdefault(key, set())
            return source
        if isinstance(node, exp.Subquery | exp.Values):
            if isinstance(node, exp.Subquery):
                refuse(node, _DERIVED)
            relation = self._query(node, scope.beside().inner())
            return Source.of(node.alias, named(relation, node.args.get("alias")))
        if isinstance(node, exp.Lateral) and isinstance(node.this, exp.Subquery):
            # LATERAL sees the entries before it.
            relation = self._query(node.this, scope.inner())
            return Source.of(node.alias, named(relation, node.args.get("alias")))
        raise SqlFault(f"{node.key.upper()} in FROM is not followed", span_of(node))

    def _base(self, node: exp.Table) -> tuple[str, Source]:
        key = self._catalog.find(node)
        relation = Relation(self._catalog.columns(key), tables=frozenset({key}))
        source = Source.of(node.alias or node.name, named(relation, node.args.get("alias")))
        source.base, source.aliased = key, bool(node.alias)
        return key, source

    def _function(self, node: exp.Table, scope: Scope) -> Source:
        call = node.this
        name = (call.name if isinstance(call, exp.Anonymous) else call.key).lower()
        columns = _FUNCTIONS.get(name)
        if columns is None:
            raise SqlFault(f"the table function {name!r} is not known", span_of(node))
        flow = Flow()
        for argument in call.iter_expressions():
            flow = flow.joined(self._expressions.flow(argument, scope))
        relation = Relation(tuple(Column(c, flow) for c in columns), flow.all)
        return Source.of(node.alias or name, named(relation, node.args.get("alias")))


def named(relation: Relation, alias: exp.Expr | None) -> Relation:
    """``relation`` under the column names of an alias list, else under its own, made unique."""
    given = [c.name for c in alias.args.get("columns") or ()] if isinstance(alias, exp.TableAlias) else []
    if alias is not None and given and len(given) != len(relation.columns):
        raise SqlFault(f"{len(given)} names for {len(relation.columns)} columns", span_of(alias))
    return relation.renamed(given or unique(c.name for c in relation.columns))


def _brackets(node: exp.Expr) -> bool:
    """``(a JOIN b)`` in FROM: brackets around sources, not around a query."""
    return isinstance(node, exp.Table) or (
        isinstance(node, exp.Subquery) and bool(node.alias or node.args.get("joins")))


def refuse(node: exp.Expr, known: Collection[str]) -> None:
    """Raises SqlFault for a clause that the analysis would pass over."""
    for key, value in node.args.items():
        if key not in known and value not in (None, False, []):
            word = key.strip("_").upper()
            raise SqlFault(f"{word} is not followed in {node.key.upper()}", span_of(node))
