"""[B] PIVOT and UNPIVOT: what the columns of the turned table are made of.

PIVOT is a GROUP BY of the columns that it does not name, with one aggregate per value: the FOR column is a condition.
UNPIVOT lays columns under one another: the value column is made of all of them, the name column of none.
"""

from __future__ import annotations

from sqlglot import exp

from lineage.discover.sql_expression import Expressions
from lineage.discover.sql_flow import Column, Flow, Relation, merged, unique
from lineage.discover.sql_scope import Scope, Source
from lineage.discover.sql_text import SqlFault, span_of

_KNOWN = frozenset({"this", "alias", "expressions", "fields", "unpivot", "columns", "include_nulls", "default_on_null",
                    "identify_pivot_strings", "prefixed_pivot_columns", "pivot_column_naming", "value_columns_first"})


def pivoted(node: exp.Expr, source: Source, scope: Scope, expressions: Expressions) -> Source:
    """``source`` after one PIVOT or UNPIVOT.  Raises SqlFault where its columns cannot be told from the text."""
    for key, value in node.args.items():
        if value and key not in _KNOWN:
            raise SqlFault(f"{key.strip('_').upper()} is not followed in PIVOT", span_of(node))
    fields = node.args.get("fields") or []
    if not fields or not all(isinstance(f, exp.In) and f.expressions for f in fields):
        raise SqlFault("PIVOT needs a list of values, FOR column IN (…)", span_of(node))
    inside = scope.inner()
    inside.sources = [source]
    if node.args.get("unpivot"):
        made = _unpivot(node, fields, source, inside)
    else:
        made = _pivot(node, fields, source, inside, expressions)
    alias = node.args.get("alias")
    given = [c.name for c in alias.args.get("columns") or ()] if isinstance(alias, exp.TableAlias) else []
    if len(given) > len(made):
        raise SqlFault(f"{len(given)} names for {len(made)} columns", span_of(node))
    names = unique([*given, *(c.name for c in made[len(given):])])
    columns = tuple(Column(n, c.flow) for n, c in zip(names, made, strict=True))
    return Source.of(node.alias or source.name, Relation(columns, source.rows.joined(inside.rows), source.tables))


def _pivot(node: exp.Expr, fields: list[exp.In], source: Source, inside: Scope,
           expressions: Expressions) -> list[Column]:
    values = [expressions.flow(aggregate.unalias(), inside) for aggregate in node.expressions]
    turned = merged(expressions.flow(field.this, inside) for field in fields).deciding()
    parts = (*node.expressions, *(field.this for field in fields))
    used = {column.name.lower() for part in parts for column in part.find_all(exp.Column)}
    kept = [Column(c.name, inside.take(source, c)) for name, c in source.columns.items() if name not in used]
    for column in kept:
        inside.decide(column.flow)
    names = [c.name.strip("'") for c in node.args.get("columns") or ()]
    if not names or len(names) % len(values):
        raise SqlFault("the columns of this PIVOT cannot be told", span_of(node))
    made = [Column(n, values[i % len(values)].joined(turned)) for i, n in enumerate(names)]
    return [Column(c.name, c.flow.joined(inside.rows)) for c in (*kept, *made)]


def _unpivot(node: exp.Expr, fields: list[exp.In], source: Source, inside: Scope) -> list[Column]:
    field = fields[0]
    laid: set[str] = set()
    value_names = [c.name for e in node.expressions for c in (e.expressions if isinstance(e, exp.Tuple) else [e])]
    flows = [Flow() for _ in value_names]
    for entry in field.expressions:
        bare = entry.this if isinstance(entry, exp.PivotAlias | exp.Alias) else entry
        cells = bare.expressions if isinstance(bare, exp.Tuple) else [bare]
        if len(cells) != len(flows):
            raise SqlFault(f"{len(cells)} columns for {len(flows)} names", span_of(entry))
        for i, cell in enumerate(cells):
            column = source.columns.get(cell.name.lower())
            if column is None:
                raise SqlFault(f"there is no column {cell.name!r}{source.suggest(cell.name)}", span_of(cell))
            laid.add(cell.name.lower())
            flows[i] = flows[i].joined(inside.take(source, column))
    kept = [Column(c.name, inside.take(source, c)) for name, c in source.columns.items() if name not in laid]
    # Rows without a value are left out.
    inside.rows = inside.rows.joined(merged(flows).repeating())
    values = [Column(n, flow) for n, flow in zip(value_names, flows, strict=True)]
    made = [*kept, Column(field.this.name, Flow()), *values]
    return [Column(c.name, c.flow.joined(inside.rows)) for c in made]
