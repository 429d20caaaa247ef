"""Whom each row of an INSERT … SELECT stands for: the query, rewritten so that it says so in a last column.

Every row of a table that has the column ``of`` stands for that value, and is known by its correlation key (``_key``),
or, without one, by all that the statement reads of it.  A row of a join stands for what its sides stand for, a group
for all of its rows: provenance, carried through WITH, sub-queries and UNION ALL to each row that is about to be
written.  What decides which rows there are (WHERE, EXISTS) is not whom they stand for.

Only what can be told for sure is rewritten.  DISTINCT, UNION, ``*``, a value of a single row (``max``, a column beside
an aggregate, a window but for ranks, a sub-query as a value) raise :class:`Unclear`, and so does a table without ``of``
that the claim is about: what cannot be checked is refused.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from lineage.enforce.reviewed.job import KEY

WHOSE = "_whose"
# Aggregates that give nobody's own value, and windows that give but an order.
_AGGREGATES = (exp.Count, exp.Sum, exp.Avg)
_RANKS = (exp.RowNumber, exp.Rank, exp.DenseRank)
_TAKEN = ("rank", "dense_rank", "row_number", "total")


class Unclear(Exception):
    """Whom a row stands for cannot be told; the text says why."""


class Inputs(NamedTuple):
    """``columns``: table → all of its columns; ``read``: those that the statement reads; ``governed``: tables that the
    claim is about."""

    columns: Mapping[str, Collection[str]]
    read: Mapping[str, Collection[str]]
    governed: Collection[str]


def no_change(sql: str) -> None:
    """Raises Unclear for a statement that changes rows that are there."""
    if not isinstance(_parsed(sql), exp.Insert | exp.Delete | exp.Select | exp.Union):
        raise Unclear("it changes rows that are there: write them with INSERT … SELECT")


def telling(sql: str, of: str, inputs: Inputs) -> str:
    """The query of an INSERT, with whom each row stands for as its last column (JSON; see :func:`told`).

    Raises Unclear.
    """
    tree = _parsed(sql)
    query = tree.expression if isinstance(tree, exp.Insert) else None
    if not isinstance(query, exp.Select | exp.Union):
        raise Unclear("it is not an INSERT … SELECT")
    if tree.args.get("conflict"):
        raise Unclear("ON CONFLICT changes rows that are there")
    if (with_ := tree.args.get("with_") or tree.args.get("with")) is not None:
        query.set("with_" if "with_" in exp.Select.arg_types else "with", with_)
    query = query.copy()
    if not _Teller(of, inputs).query(query, {}):
        raise Unclear(f"no table that it reads has the column {of}")
    return query.sql(dialect="sqlite")


def told(cell: Any) -> Counter[tuple[str, str]]:
    """(subject, row) → how often it is in the group; rows that are nobody's are left out."""
    found: Counter[tuple[str, str]] = Counter()
    for subject, row in _leaves(json.loads(cell) if isinstance(cell, str) else cell):
        if subject is not None:
            found[json.dumps(subject), json.dumps(row)] += 1
    return found


def _leaves(node: Any) -> Iterator[tuple[Any, Any]]:
    if node is None:
        return
    kind, *rest = node
    if kind == 0:
        yield rest[0], rest[1]
        return
    for one in rest[0] if kind == 2 else rest:
        yield from _leaves(one)


class _Teller:
    """``names``: what WITH calls a query → whether its rows say whom they stand for."""

    def __init__(self, of: str, inputs: Inputs) -> None:
        self._of = of
        self._unnamed = 0
        self._inputs = inputs

    def query(self, query: exp.Expression, names: Mapping[str, bool]) -> bool:
        """Rewrites in place; whether its rows stand for anybody."""
        known = dict(names)
        if (with_ := query.args.get("with_") or query.args.get("with")) is not None:
            if with_.args.get("recursive"):
                raise Unclear("WITH RECURSIVE")
            for cte in with_.expressions:
                if cte.args.get("alias") is not None and cte.args["alias"].columns:
                    raise Unclear("a name in WITH that lists its columns")
                known[cte.alias.lower()] = self.query(cte.this, known)
        if isinstance(query, exp.Union):
            return self._union(query, known)
        if isinstance(query, exp.Subquery):
            return self.query(query.this, known)
        if not isinstance(query, exp.Select):
            raise Unclear(f"a {query.key} where a SELECT is expected")
        return self._select(query, known)

    def _union(self, query: exp.Union, names: Mapping[str, bool]) -> bool:
        if type(query) is not exp.Union or query.args.get("distinct"):
            raise Unclear("UNION, EXCEPT and INTERSECT compare rows: write UNION ALL")
        sides = [self.query(side, names) for side in (query.this, query.expression)]
        if sides[0] != sides[1]:
            raise Unclear("one side of a UNION ALL is of no table that the claim is about")
        return sides[0]

    def _select(self, select: exp.Select, names: Mapping[str, bool]) -> bool:
        if select.args.get("distinct"):
            raise Unclear("DISTINCT makes one row of several: write GROUP BY")
        aggregated = _aggregated(select)
        _clear(select, aggregated)
        rows = [row for source in _sources(select) if (row := self._source(source, names)) is not None]
        if not rows:
            return False
        row = rows[0] if len(rows) == 1 else _call("json_array", exp.Literal.number(1), *map(_json, rows))
        if aggregated:
            row = _call("json_array", exp.Literal.number(2), _call("json_group_array", _json(row)))
        select.append("expressions", exp.alias_(row, WHOSE))
        return True

    def _source(self, source: exp.Expression, names: Mapping[str, bool]) -> exp.Expression | None:
        if isinstance(source, exp.Subquery):
            if not source.alias:
                self._unnamed += 1
                source.set("alias", exp.TableAlias(this=exp.to_identifier(f"_sub{self._unnamed}")))
            return exp.column(WHOSE, table=source.alias) if self.query(source.this, names) else None
        if not isinstance(source, exp.Table) or not isinstance(source.this, exp.Identifier):
            raise Unclear(f"a {source.key} in FROM")
        if not source.db and source.name.lower() in names:
            return exp.column(WHOSE, table=source.alias_or_name) if names[source.name.lower()] else None
        return self._table(source)

    def _table(self, source: exp.Table) -> exp.Expression | None:
        name = next((one for one in self._inputs.columns if one.lower() in (
            f"{source.db}.{source.name}".lower(), *(() if source.db else (
                f"{one.partition('.')[0]}.{source.name}".lower(),)))), "")
        columns = self._inputs.columns.get(name, ())
        if self._of not in columns:
            if name in self._inputs.governed or not name:
                raise Unclear(f"{name or source.name} has no column {self._of}")
            return None
        alias = source.alias_or_name

        def column(of: str) -> exp.Expression:
            return exp.column(of, table=alias)

        row = column(KEY) if KEY in columns else _call(
            "json_array", *map(column, sorted(set(self._inputs.read.get(name, ())) - {self._of})))
        return _call("json_array", exp.Literal.number(0), column(self._of), row)


def _parsed(sql: str) -> exp.Expression:
    try:
        tree: Any = sqlglot.parse_one(sql, dialect="sqlite")
    except (SqlglotError, RecursionError) as error:
        raise Unclear(str(error).splitlines()[0] if str(error) else "it cannot be read") from None
    return tree  # type: ignore[no-any-return]


def _sources(select: exp.Select) -> Iterable[exp.Expression]:
    if select.args.get("laterals"):
        raise Unclear("a LATERAL")
    first = select.args.get("from_") or select.args.get("from")
    return [one.this for one in (*((first,) if first is not None else ()), *select.args.get("joins", ()))]


def _within(node: exp.Expression, wanted: Callable[[exp.Expression], bool]) -> Iterator[exp.Expression]:
    """The nodes of a SELECT's own level: not those of a query within it."""
    if wanted(node):
        yield node
    for child in node.iter_expressions():
        if not isinstance(child, exp.Select | exp.Union):
            yield from _within(child, wanted)


def _is_aggregate(node: exp.Expression) -> bool:
    counted = isinstance(node, exp.AggFunc) or (isinstance(node, exp.Anonymous) and node.name.lower() == "total")
    return counted and not isinstance(node.parent, exp.Window)


def _is_query(node: exp.Expression) -> bool:
    """Reads rows of its own; so does the table of ``x IN core.sessions``."""
    return isinstance(node, exp.Subquery | exp.Select | exp.Exists) or (
        isinstance(node, exp.In) and node.args.get("field") is not None)


def _aggregated(select: exp.Select) -> bool:
    return bool(select.args.get("group") or select.args.get("having")
                or any(any(_within(one, _is_aggregate)) for one in select.expressions))


def _clear(select: exp.Select, aggregated: bool) -> None:
    """Raises Unclear for a value that is not told by the rows that stand for it."""
    group = select.args.get("group")
    keys = list(group.expressions) if group is not None else []
    if group is not None and any(group.args.get(key) for key in ("rollup", "cube", "grouping_sets", "totals", "all")):
        raise Unclear("a group of groups")
    named = {one.alias_or_name.lower(): one.unalias() for one in select.expressions}
    whole = [one.unalias() for at, one in enumerate(select.expressions, 1) if any(
        (isinstance(key, exp.Literal) and key.name == str(at))
        or (isinstance(key, exp.Column) and not key.table and named.get(key.name.lower()) is one.unalias())
        for key in keys)]
    for key in (*keys, *whole):
        if any(_within(key, lambda node: _is_query(node) or isinstance(node, exp.Window))):
            raise Unclear("a sub-query or a window in GROUP BY")
    for one in select.expressions:
        _clear_value(one.unalias(), [*keys, *whole], aggregated)


def _clear_value(node: exp.Expression, keys: Collection[exp.Expression], aggregated: bool) -> None:
    if aggregated and node in keys:
        return
    if isinstance(node, exp.Star):
        raise Unclear("`*`: name the columns")
    if _is_query(node):
        raise Unclear("a sub-query as a value")
    if isinstance(node, exp.Window):
        if not (isinstance(node.this, _RANKS) or node.this.name.lower() in _TAKEN[:3]):
            raise Unclear(f"a window gives values of other rows: {node.sql(dialect='sqlite')}")
        if any(_within(node, _is_query)):
            raise Unclear("a sub-query within a window")
        return
    if isinstance(node, exp.AggFunc) or (isinstance(node, exp.Anonymous) and aggregated):
        if not (isinstance(node, _AGGREGATES) or node.name.lower() == "total"):
            raise Unclear(f"{node.sql(dialect='sqlite')} may give one row's own value; count, sum and avg do not")
        if any(_within(node, _is_query)):
            raise Unclear("a sub-query within an aggregate")
        return
    if aggregated and isinstance(node, exp.Column):
        raise Unclear(f"{node.sql(dialect='sqlite')} is of one row of its group: group by it, or aggregate it")
    for child in node.iter_expressions():
        _clear_value(child, keys, aggregated)


def _call(name: str, *arguments: exp.Expression) -> exp.Expression:
    return exp.Anonymous(this=name, expressions=list(arguments))


def _json(node: exp.Expression) -> exp.Expression:
    return _call("json", node)
