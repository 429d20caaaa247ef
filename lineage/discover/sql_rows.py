"""[B] Functions in FROM, which make rows of a value: UNNEST, FLATTEN, LATERAL VIEW explode, json_each, generate_series.

Their columns hold parts of the arguments (*direct*); how many rows come out repeats the rows beside them (*repeats*).
Positions and offsets tell of the place alone, and have no direct source.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from lineage.discover.sql_expression import Expressions
from lineage.discover.sql_flow import Column, Flow, Relation, merged
from lineage.discover.sql_scope import Scope, Source
from lineage.discover.sql_text import SqlFault, span_of

_JSON = ("key", "value", "type", "atom", "id", "parent", "fullkey", "path")
# Columns of functions where no alias names them.
_COLUMNS: dict[str, tuple[str, ...]] = {
    "json_each": _JSON, "json_tree": _JSON, "generate_series": ("value",), "range": ("range",), "explode": ("col",),
    "posexplode": ("pos", "col"), "jsonb_each": ("key", "value"), "jsonb_array_elements": ("value",),
    "json_array_elements": ("value",), "jsonb_array_elements_text": ("value",), "jsonb_each_text": ("key", "value"),
    "sequence": ("value",), "generator": (), "unnest": ("unnest",), "inline": (), "string_split": ("value",),
    "json_object_keys": ("json_object_keys",), "jsonb_object_keys": ("jsonb_object_keys",),
}
_FLATTEN = ("seq", "key", "path", "index", "value", "this")
# Columns that say where a part stood.
_PLACES = frozenset({"pos", "index", "seq"})
_CALLED = {"explodinggenerateseries": "generate_series", "generateseries": "generate_series",
           "generatedatearray": "generate_series", "generatetimestamparray": "generate_series"}


class Rows:
    """Gives one such entry of FROM as a source."""

    def __init__(self, expressions: Expressions) -> None:
        self._expressions = expressions

    def source(self, node: exp.Expr, scope: Scope) -> Source:
        """Raises SqlFault for a function that is not known, when no alias names its columns."""
        call = node.this if isinstance(node, exp.Lateral | exp.Table | exp.TableFromRows) else node
        if isinstance(call, exp.Inline | exp.Explode | exp.Unnest) or isinstance(node, exp.Unnest):
            return self._parts_of(node, call, scope)
        if not isinstance(call, exp.Func):
            raise SqlFault(f"{node.key.upper()} in FROM is not followed", span_of(node))
        return self._function(node, call, scope)

    def _parts_of(self, node: exp.Expr, call: exp.Expr, scope: Scope) -> Source:
        """UNNEST(a, b), explode(a), FLATTEN(input => a)."""
        given = call.expressions if isinstance(call, exp.Unnest) else [call.this]
        flows = [self._expressions.flow(one, scope) for one in given]
        alias, names = _alias(node, call)
        offset = node.args.get("offset") or call.args.get("offset")
        places = set(_PLACES) if isinstance(call, exp.Explode) else set()
        if isinstance(call, exp.Posexplode) and len(names) > 1:
            places.add(names[0].lower())
        if isinstance(offset, exp.Identifier):
            places.add(offset.name.lower())
            names = [n for n in names if n.lower() != offset.name.lower()] + [offset.name]
        elif (node.args.get("ordinality") or offset) and len(names) > len(given):
            places.add(names[-1].lower())
        values = [n for n in names if n.lower() not in places]
        if not names and isinstance(call, exp.Explode) and scope.dialect.name == "snowflake":
            names = list(_FLATTEN)
            values = [name for name in names if name not in _PLACES]
        columns = []
        for name in names or [alias or "col"]:
            at = values.index(name) if name in values else 0
            flow = flows[at] if len(flows) > 1 and at < len(flows) else merged(flows)
            columns.append(Column(name, Flow(repeats=flow.repeating().repeats) if name.lower() in places else flow))
        return _source(alias or (names[0] if names else "col"), columns, merged(flows))

    def _function(self, node: exp.Expr, call: exp.Func, scope: Scope) -> Source:
        name = (call.name if isinstance(call, exp.Anonymous) else call.key).lower()
        name = _CALLED.get(name, name)
        alias, names = _alias(node, call)
        flows = [self._expressions.flow(argument, scope) for argument in call.iter_expressions()]
        if isinstance(call, exp.Stack) or name == "stack":
            return _stacked(call, flows, names, alias)
        known = _COLUMNS.get(name)
        if known is None and (not any(f.direct for f in flows) or not (names or alias)):
            raise SqlFault(f"the table function {name!r} is not known", span_of(node))
        flow = merged(flows)
        # A function that gives one column lends it the alias.
        single = [alias] if alias and (known is None or len(known) == 1) else []
        columns = [Column(n, flow) for n in dict.fromkeys([*names, *(() if names else (known or ())), *single])]
        return _source(alias or name, columns, flow)


def _source(name: str, columns: Sequence[Column], made_from: Flow) -> Source:
    source = Source.of(name, Relation(tuple(columns), made_from.repeating()))
    source.open = made_from
    return source


def _alias(node: exp.Expr, call: exp.Expr) -> tuple[str, list[str]]:
    alias = node.args.get("alias") or call.args.get("alias")
    if not isinstance(alias, exp.TableAlias):
        return (alias.name if alias is not None else "", [])
    names = [column.name for column in alias.args.get("columns") or ()]
    # BigQuery: UNNEST(a) AS x names the column, and the row as well.
    return alias.name or (names[0] if names else ""), names


def _stacked(call: exp.Func, flows: list[Flow], names: list[str], alias: str) -> Source:
    """stack(2, 'a', a, 'b', b) AS (k, v): row by row."""
    cells = flows[1:]
    number = call.this if isinstance(call, exp.Stack) else call.expressions[0]
    rows = int(number.name) if isinstance(number, exp.Literal) and number.is_int else 0
    if rows < 1 or len(cells) % rows:
        raise SqlFault("stack() has no whole number of rows", span_of(call))
    width = len(cells) // rows
    names = names or [f"col{i}" for i in range(width)]
    columns = [Column(n, merged(cells[i::width])) for i, n in enumerate(names[:width])]
    return Source.of(alias or "stack", Relation(tuple(columns)))
