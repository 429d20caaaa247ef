"""[B] FROM and its joins: tables, sub-queries, VALUES and table functions become sources of a scope."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sqlglot import exp

from lineage.discover.sql_catalog import Catalog
from lineage.discover.sql_expression import Expressions, Query
from lineage.discover.sql_flow import Relation, unique
from lineage.discover.sql_pivot import pivoted
from lineage.discover.sql_rows import Rows
from lineage.discover.sql_scope import Cte, Scope, Source
from lineage.discover.sql_text import SqlFault, span_of

_TABLE = frozenset({"this", "alias", "db", "catalog", "joins", "indexed", "hints", "only", "pivots", "sample",
                    "version", "when", "system_time", "ordinality", "laterals"})
_TARGET = frozenset({"this", "alias", "db", "catalog", "joins", "indexed", "hints", "only", "partition"})
_JOIN = frozenset({"this", "on", "side", "kind", "using", "method", "global_", "hint", "directed", "match_condition"})
_DERIVING = (exp.Subquery, exp.Values)
_DERIVED = frozenset({"this", "alias", "with_", "order", "limit", "offset", "joins", "pivots", "sample", "laterals"})
_BRACKETS = frozenset({"this", "joins", "pivots"})
_KINDS = frozenset({"", "INNER", "CROSS", "OUTER", "SEMI", "ANTI", "STRAIGHT_JOIN"})
_METHODS = frozenset({"", "NATURAL", "ASOF"})


class FromClause:
    """Fills a scope with sources."""

    def __init__(self, catalog: Catalog, expressions: Expressions, query: Query,
                 cte: Callable[[Cte, Scope], Relation]) -> None:
        self.catalog = catalog
        self._expressions = expressions
        self._rows = Rows(expressions)
        self._query = query
        self._cte = cte

    def add(self, node: exp.Expr, scope: Scope) -> None:
        """Adds one entry of FROM, with the joins that hang on it."""
        if isinstance(node, exp.Final):  # ClickHouse
            node = node.this
        if isinstance(node, exp.Subquery) and _brackets(node.this):
            refuse(node, _BRACKETS)
            self.add(node.this, scope)
        else:
            source = self._source(node, scope)
            for pivot in node.args.get("pivots") or ():
                source = pivoted(pivot, source, scope, self._expressions)
            scope.sources.append(source)
        self.join(node.args.get("joins") or (), scope)
        self.lateral(node.args.get("laterals") or (), scope)

    def lateral(self, views: Iterable[exp.Expr], scope: Scope) -> None:
        """LATERAL VIEW explode(…)."""
        scope.sources.extend(self._rows.source(view, scope) for view in views)

    def target(self, node: exp.Expr, joins: bool = False) -> tuple[str, Source]:
        """The table that a statement writes, whose rows are not read until a column of it is."""
        if not isinstance(node, exp.Table) or not isinstance(node.this, exp.Identifier):
            raise SqlFault("a table was expected here", span_of(node))
        refuse(node, _TARGET if joins else _TARGET - {"joins"})
        return self._base(node)

    def join(self, joins: Iterable[exp.Join], scope: Scope) -> None:
        """Adds joined sources, then what their conditions decide: ON may look at any of them."""
        conditions: list[exp.Expr] = []
        unseen: list[Source] = []
        for node in joins:
            refuse(node, _JOIN)
            method, kind = (node.args.get("method") or "").upper(), (node.args.get("kind") or "").upper()
            if kind not in _KINDS or method not in _METHODS:
                raise SqlFault(f"a {method or kind} join is not followed", span_of(node))
            before = len(scope.sources)
            self.add(node.this, scope)
            added = scope.sources[before:]
            names = [n.name for n in node.args.get("using") or ()]
            if method == "NATURAL":
                known = {n for s in scope.sources[:before] for n in s.columns}
                names = [n for s in added for n in s.columns if n in known]
            for name in names:
                self._merge(node, name.lower(), scope, before)
            conditions.extend(c for c in (node.args.get("on"), node.args.get("match_condition")) if c is not None)
            if kind in ("SEMI", "ANTI"):
                unseen.extend(added)
        for condition in conditions:
            scope.decide(self._expressions.flow(condition, scope))
        for source in unseen:
            # It only decides which rows stay; none of its columns can be named after.
            scope.decide(source.rows)
            scope.sources.remove(source)

    def _merge(self, node: exp.Join, name: str, scope: Scope, before: int) -> None:
        """One column of USING: compared, then shown once."""
        lefts = [s for s in scope.sources[:before] if name in s.columns]
        rights = [s for s in scope.sources[before:] if name in s.columns]
        if not lefts or not rights:
            raise SqlFault(f"the column {name!r} of USING is not on both sides", span_of(node))
        left = scope.take(lefts[0], lefts[0].columns[name])
        left = scope.merged.get(name, left)
        right = scope.take(rights[0], rights[0].columns[name])
        scope.decide(left.joined(right))
        # The right side shows through where the left has no row.
        side = (node.args.get("side") or "").upper()
        scope.merged[name] = {"RIGHT": right, "FULL": left.joined(right)}.get(side, left)
        for source in rights:
            source.hidden.add(name)

    def _source(self, node: exp.Expr, scope: Scope) -> Source:
        if isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier):
            refuse(node, _TABLE)
            entry = None if node.db else scope.ctes.get(node.name.lower())
            if entry is not None:
                return Source.of(node.alias or node.name, named(self._cte(entry, scope), node.args.get("alias")))
            if node.name.lower() in scope.dialect.nowhere and not node.db:
                return Source.of(node.name, Relation(()))
            key, source = self._base(node)
            scope.reads.setdefault(key, set())
            return source
        if isinstance(node, _DERIVING):
            if isinstance(node, exp.Subquery):
                refuse(node, _DERIVED)
            relation = self._query(node, scope.beside().inner())
            return Source.of(node.alias, named(relation, node.args.get("alias")))
        if isinstance(node, exp.Lateral) and isinstance(node.this, exp.Subquery):
            # LATERAL sees the entries before it.
            relation = self._query(node.this, scope.inner())
            return Source.of(node.alias, named(relation, node.args.get("alias")))
        return self._rows.source(node, scope)

    def _base(self, node: exp.Table) -> tuple[str, Source]:
        key = self.catalog.find(node)
        relation = Relation(self.catalog.columns(key), tables=frozenset({key}))
        alias = node.args.get("alias")
        if alias is not None and alias.args.get("columns"):
            relation = named(relation, alias)
        source = Source.of(node.alias or node.name, relation)
        source.base, source.aliased = key, bool(node.alias)
        return key, source


def named(relation: Relation, alias: exp.Expr | None, *, all_of_them: bool = False) -> Relation:
    """``relation`` under the column names of an alias list, which may leave out the last; else made unique."""
    given = [c.name for c in alias.args.get("columns") or ()] if isinstance(alias, exp.TableAlias) else []
    width = len(relation.columns)
    if alias is not None and given and (len(given) > width or (all_of_them and len(given) < width)):
        raise SqlFault(f"{len(given)} names for {width} columns", span_of(alias))
    names = unique([*given, *(c.name for c in relation.columns[len(given):])])
    return relation if not given and all(c.name is n for c, n in zip(relation.columns, names, strict=True)) \
        else relation.renamed(names)


def _brackets(node: exp.Expr) -> bool:
    """``(a JOIN b)`` in FROM: brackets around sources, not around a query."""
    return isinstance(node, exp.Table) or (
        isinstance(node, exp.Subquery) and bool(node.alias or node.args.get("joins")))


def refuse(node: exp.Expr, known: frozenset[str]) -> None:
    """Raises SqlFault for a clause that the analysis would pass over."""
    for key in sorted(node.args.keys() - known):
        if node.args[key]:
            word = key.strip("_").upper()
            raise SqlFault(f"{word} is not followed in {node.key.upper()}", span_of(node))
