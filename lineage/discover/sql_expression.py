"""[B] What an expression is made of, and what decides its value.

Everything is value flow (*direct*) except: conditions of CASE, IIF, DECODE, NVL2 and COUNT_IF, EXISTS, window partition
and order, ORDER BY inside an aggregate, the second argument of MAX_BY, FILTER.  A node that is not known here passes on
all that lies below it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlglot import exp

from lineage.discover.sql_flow import Flow, Relation, merged
from lineage.discover.sql_scope import Scope
from lineage.discover.sql_text import SqlFault, span_of

# Runs a sub-query, or reads a table, within a scope.
Query = Callable[[exp.Expr, Scope], Relation]
# What to do with a node, by its class, looked up once for each class.
_EMPTY, _PLAIN, _LEAF, _PARTED = range(4)
_QUERIES = (exp.Query, exp.Values)
# Their flow is found at once, or refused.
_LEAVES = (exp.Column, *_QUERIES, exp.Exists, exp.Dot, exp.Star, exp.Columns)
_NAMELESS = (exp.Literal, exp.Identifier, exp.Var, exp.Null, exp.Boolean, exp.DataType, exp.Placeholder)
# Nodes of which some parts only decide, or are no values at all.
_MIXED = (exp.Case, exp.If, exp.Order, exp.Filter, exp.Window, exp.DecodeCase, exp.Nvl2, exp.ArgMax, exp.ArgMin,
          exp.CountIf, exp.HavingMax, exp.CombinedAggFunc)
# What IN may look into that is no table.
_LISTS = (exp.Array, exp.List, exp.Tuple, exp.Bracket, exp.Parameter, exp.Placeholder)
_kinds: dict[type[exp.Expr], int] = {}


class Expressions:
    """Walks expressions without recursion, so a chain of ten thousand terms is no deeper than one."""

    def __init__(self, query: Query) -> None:
        self._query = query

    def flow(self, node: exp.Expr | None, scope: Scope) -> Flow:
        """Raises SqlFault for a column, window or table that cannot be resolved."""
        if isinstance(node, exp.Column) and not isinstance(node.this, exp.Star):
            return scope.resolve(node)[1]
        direct: set[str] = set()
        indirect: set[str] = set()
        repeats: set[str] = set()
        stack: list[tuple[exp.Expr, bool]] = [] if node is None else [(node, False)]
        while stack:
            part, deciding = stack.pop()
            kind = _kinds.get(type(part), -1)
            if kind < 0:
                kind = _kind_of(part)
            if kind == _EMPTY:
                continue
            found = self._leaf(part, scope) if kind == _LEAF else None
            if found is not None:
                (indirect if deciding else direct).update(found.direct)
                indirect.update(found.indirect)
                repeats.update(found.repeats)
                continue
            if isinstance(part, exp.AggFunc) and _counts_rows(part):
                (indirect if deciding else direct).update(scope.count_rows())
            if kind == _PARTED:
                stack.extend((child, deciding or decides) for child, decides in self._parts(part, scope))
            else:
                stack.extend([(child, deciding) for child in part.iter_expressions()])
        return Flow(frozenset(direct), frozenset(indirect), frozenset(repeats))

    def _leaf(self, node: exp.Expr, scope: Scope) -> Flow | None:
        """The flow of a column or a sub-query; None for what has parts to look into."""
        if isinstance(node, exp.Column):
            return self._star(node, scope) if isinstance(node.this, exp.Star) else scope.resolve(node)[1]
        if isinstance(node, _QUERIES):
            return _value_of(self._query(node, scope.inner(nameless=True)))
        if isinstance(node, exp.Exists) and isinstance(node.this, exp.Query):
            relation = self._query(node.this, scope.inner(nameless=True))
            return relation.rows if relation.rows != Flow() else Flow(indirect=relation.tables)
        if isinstance(node, exp.Dot) and isinstance(base := node.this.unnest(), exp.Column):
            return _field_of_row(base, node, scope)
        if isinstance(node, exp.Star) and not isinstance(node.parent, exp.Count):
            raise SqlFault("* cannot stand here", span_of(node))
        if isinstance(node, exp.Columns):
            raise SqlFault(f"{node.key.upper()} is not followed", span_of(node))
        return None

    def _star(self, node: exp.Column, scope: Scope) -> Flow:
        sources = [s for s in scope.sources if s.answers(node.table.lower(), node.db.lower())]
        if not sources:
            raise SqlFault(f"no table or alias {node.table!r} is in reach here", span_of(node))
        return merged(scope.row(source) for source in sources)

    def _parts(self, node: exp.Expr, scope: Scope) -> list[tuple[exp.Expr, bool]]:
        """What to look into below ``node``, and whether it only decides."""
        if isinstance(node, exp.PropertyEQ | exp.Kwarg):
            # name => value, {'name': value}
            return [(node.expression, False)]
        if isinstance(node, exp.WithinGroup) and node.this.find(exp.Column) is None:
            # percentile_cont(0.5) WITHIN GROUP (ORDER BY x): x is its argument.
            return [(node.this, False), *((term.this, False) for term in node.expression.expressions)]
        if isinstance(node, _MIXED):
            deciders = _deciders(node)
            children: list[exp.Expr] = [c for c in node.iter_expressions() if not isinstance(c, exp.Identifier)]
            parts = [(child, any(child is d for d in deciders)) for child in children]
            if isinstance(node, exp.Window) and node.alias:
                parts.extend((child, True) for child in self._named_window(node, scope))
            return parts
        field = node.args.get("field") if isinstance(node, exp.In) else None
        if isinstance(field, exp.Column):
            # x IN core.banned: a table, in the place of a query.
            field = field.copy()
            table = exp.Table(this=field.this, db=field.args.get("table"))
            return [(node.this, False), (exp.Select(expressions=[exp.Star()], from_=exp.From(this=table)), False)]
        if field is not None and not isinstance(field, _LISTS):
            # x IN 'core'.'banned', x IN banned(): a table as well to SQLite.
            raise SqlFault("what IN looks into is not clear: write IN (SELECT … FROM it)", span_of(field))
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


def _kind_of(node: exp.Expr) -> int:
    if isinstance(node, _NAMELESS):
        kind = _EMPTY
    elif isinstance(node, _LEAVES):
        kind = _LEAF
    elif isinstance(node, (*_MIXED, exp.PropertyEQ, exp.Kwarg, exp.WithinGroup, exp.In)):
        kind = _PARTED
    else:
        kind = _PLAIN
    _kinds[type(node)] = kind
    return kind


def _field_of_row(base: exp.Column, node: exp.Dot, scope: Scope) -> Flow | None:
    """``(t).a`` where t is a table: its column a; None when the base is a column, as for any other Dot."""
    if base.table or not isinstance(node.expression, exp.Identifier):
        return None
    name = base.name.lower()
    for around in scope.around():
        if any(name in s.columns for s in around.sources):
            return None
        for source in around.sources:
            if source.name == name and (column := source.columns.get(node.expression.name.lower())) is not None:
                return scope.take(source, column)
    return None


def _value_of(relation: Relation) -> Flow:
    """A sub-query as a value: all its columns, and what decides its rows."""
    flow = merged([relation.rows, *(column.flow for column in relation.columns)])
    return flow if flow != Flow() else Flow(indirect=relation.tables)


def _counts_rows(node: exp.Expr) -> bool:
    """``count(*)``, ``count()``, ``sum(1)``: an aggregate whose value comes from the rows alone."""
    if not (isinstance(node, exp.Count) or node.args.get("this")):
        return False
    return node.find(exp.Column, exp.Query) is None and not isinstance(node.parent, exp.WithinGroup)


def _deciders(node: exp.Expr) -> Sequence[exp.Expr]:
    args = node.args
    if isinstance(node, exp.Case | exp.If | exp.Nvl2 | exp.CountIf):
        return [node.this] if args.get("this") is not None else []
    if isinstance(node, exp.Order):
        return list(args["expressions"])
    if isinstance(node, exp.Filter | exp.HavingMax | exp.ArgMax | exp.ArgMin):
        return [args["expression"]] if args.get("expression") is not None else []
    if isinstance(node, exp.CombinedAggFunc):
        # ClickHouse's sumIf(value, condition)
        return args["expressions"][-1:] if node.name.lower().endswith("if") else []
    if isinstance(node, exp.DecodeCase):
        # DECODE(value, search, result, …, default)
        given = args["expressions"]
        return [given[0], *given[1:len(given) - (len(given) - 1) % 2:2]]
    order, spec = args.get("order"), args.get("spec")
    return [*(args.get("partition_by") or []), *([order] if order else []), *([spec] if spec else [])]
