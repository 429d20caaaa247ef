"""[B] One statement as a whole: its kind, what it reads, what it writes, which column lands in which.

A query that fills a table is mapped by position.  Triggers, defaults and generated columns are the engine's own
and are not seen here; statements that carry no rows between columns (DROP, PRAGMA, …) are refused.
"""

from __future__ import annotations

from sqlglot import exp

from lineage.discover.sql_change import Changes, Changing, written
from lineage.discover.sql_flow import NONE, ColumnFlow, Flow, Relation, Schema, Statement
from lineage.discover.sql_from import named, refuse
from lineage.discover.sql_query import Queries
from lineage.discover.sql_scope import Catalog, Scope, Source, spelled
from lineage.discover.sql_text import SqlFault, span_of

_INSERT = frozenset({"with_", "this", "expression", "conflict", "returning", "overwrite", "exists", "alternative",
                     "ignore", "default"})
_CREATE = frozenset({"with_", "this", "kind", "expression", "exists", "properties", "replace", "no_schema_binding"})


def statement_of(tree: exp.Expr, schema: Schema) -> Statement:
    """Analyses one parsed statement.  Raises SqlFault for a name that does not resolve, or a kind that is not known."""
    writing = _Writing(Queries(Catalog(schema)))
    if isinstance(tree, exp.Query | exp.Values):
        relation = writing.queries.query(tree, writing.scope)
        return writing.result("select", None, {}, relation)
    writing.queries.define(tree, writing.scope)
    if isinstance(tree, exp.Insert):
        result = writing.result("insert", *writing.insert(tree))
    elif isinstance(tree, exp.Create):
        result = writing.create(tree)
    elif isinstance(tree, exp.Update):
        result = writing.result("update", *writing.changing.update(tree, writing.scope))
    elif isinstance(tree, exp.Delete):
        result = writing.result("delete", *writing.changing.delete(tree, writing.scope))
    elif isinstance(tree, exp.Merge):
        result = writing.result("merge", *writing.changing.merge(tree, writing.scope))
    else:
        raise SqlFault(f"{tree.key.upper()} is not a statement that can be analysed", span_of(tree))
    writing.queries.check(writing.scope)
    return result


def definition_of(tree: exp.Expr) -> tuple[str, dict[str, str]] | None:
    """The table and its columns with their types, when ``tree`` only defines a table."""
    if not isinstance(tree, exp.Create) or str(tree.args["kind"]).upper() != "TABLE" or tree.expression is not None:
        return None
    if not isinstance(tree.this, exp.Schema) or not isinstance(tree.this.this, exp.Table):
        return None
    # A column without a type is a bare name.
    columns = [c for c in tree.this.expressions if isinstance(c, exp.ColumnDef | exp.Identifier)]
    return spelled(tree.this.this), {c.name: c.args["kind"].sql() if c.args.get("kind") else "" for c in columns}


class _Writing:
    def __init__(self, queries: Queries) -> None:
        self.queries = queries
        self.changing = Changing(queries)
        self.scope = Scope({})

    def insert(self, node: exp.Insert) -> tuple[str, Changes]:
        refuse(node, _INSERT)
        table = node.this.this if isinstance(node.this, exp.Schema) else node.this
        key, target = self.queries.sources.target(table)
        names = [written(c, target) for c in node.this.expressions] if isinstance(node.this, exp.Schema) else []
        if len(set(names)) < len(names):
            raise SqlFault("a column is named twice", span_of(node.this))
        changes, rows = self._inserted(node, names, target)
        around = self.scope.inner()
        if node.args.get("conflict") is not None:
            changes = self.changing.conflict(node.args["conflict"], changes, rows, target, around)
        self.changing.returning(node, target, self.scope)
        return key, changes

    def _inserted(self, node: exp.Insert, names: list[str], target: Source) -> tuple[Changes, frozenset[str]]:
        """The flow of each inserted column, and what decides which rows are inserted."""
        if node.args.get("default"):
            return {c.name: Flow() for c in target.columns.values()}, NONE
        if not isinstance(node.expression, exp.Query | exp.Values):
            raise SqlFault("INSERT has neither a query nor VALUES", span_of(node))
        relation = self.queries.query(node.expression, self.scope.inner())
        names = names or [c.name for c in target.columns.values()]
        if len(names) != len(relation.columns):
            raise SqlFault(f"{len(relation.columns)} values for {len(names)} columns of {target.base!r}",
                           span_of(node.this))
        return {n: c.flow for n, c in zip(names, relation.columns, strict=True)}, relation.rows

    def create(self, node: exp.Create) -> Statement:
        kind = str(node.args["kind"]).upper()
        if kind not in ("TABLE", "VIEW") or not isinstance(node.expression, exp.Query | exp.Values):
            raise SqlFault(f"CREATE {kind} without a query moves no data and is not analysed", span_of(node))
        refuse(node, _CREATE)
        schema = node.this if isinstance(node.this, exp.Schema) else None
        table = schema.this if schema is not None else node.this
        relation = self.queries.query(node.expression, self.scope.inner())
        given = exp.TableAlias(columns=[exp.to_identifier(c.name) for c in schema.expressions]) if schema else None
        return self.result("view" if kind == "VIEW" else "ctas", spelled(table), {}, named(relation, given))

    def result(self, kind: str, table: str | None, changes: Changes, relation: Relation | None = None) -> Statement:
        flows = [(c.name, c.flow) for c in relation.columns] if relation is not None else list(changes.items())
        columns = tuple(ColumnFlow(name, flow.direct, flow.indirect) for name, flow in flows)
        reads = {table: frozenset(names) for table, names in sorted(self.scope.reads.items())}
        return Statement(kind, reads, None if table is None else (table, tuple(name for name, _ in flows)), columns)
