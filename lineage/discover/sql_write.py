"""[B] One statement as a whole: its kind, what it reads, what it writes, which column lands in which.

A query that fills a table is mapped by position.  Triggers, defaults and generated columns are the engine's own
and are not seen here; statements that carry no rows between columns (DROP, PRAGMA, …) are refused.
"""

from __future__ import annotations

from sqlglot import exp

from lineage.discover.sql_catalog import Catalog, spelled
from lineage.discover.sql_change import Changes, Changing, everything, written
from lineage.discover.sql_dialect import Dialect
from lineage.discover.sql_flow import Column, ColumnFlow, Flow, Relation, Statement
from lineage.discover.sql_from import named, refuse
from lineage.discover.sql_merge import Merging
from lineage.discover.sql_query import Queries
from lineage.discover.sql_scope import Scope, Source
from lineage.discover.sql_text import SqlFault, span_of

_INSERT = frozenset({"with_", "this", "expression", "conflict", "returning", "overwrite", "exists", "alternative",
                     "ignore", "default", "by_name", "hint"})
_CREATE = frozenset({"with_", "this", "kind", "expression", "exists", "properties", "replace", "no_schema_binding",
                     "clone", "concurrently", "unique", "clustered"})


def statement_of(tree: exp.Expr, catalog: Catalog, dialect: Dialect) -> Statement:
    """Analyses one parsed statement.  Raises SqlFault for a name that does not resolve, or a kind that is not known."""
    try:
        return _statement_of(tree, catalog, dialect)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        # sqlglot reads DELETE SELECT, and leaves a hole in the tree where the table would be.
        raise SqlFault(f"this {tree.key.upper()} lacks a part, or has one where it cannot be followed",
                       span_of(tree)) from None


def _statement_of(tree: exp.Expr, catalog: Catalog, dialect: Dialect) -> Statement:
    writing = _Writing(Queries(catalog, dialect))
    if isinstance(tree, exp.Query | exp.Values):
        relation = writing.queries.query(tree, writing.scope)
        into = tree.args.get("into")
        if into is not None:
            return writing.result("ctas", spelled(into.this), {}, named(relation, None))
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
        result = writing.result("merge", *Merging(writing.queries, writing.changing).merge(tree, writing.scope))
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
        self.scope = Scope({}, queries.dialect)

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

    def _inserted(self, node: exp.Insert, names: list[str], target: Source) -> tuple[Changes, Flow]:
        """The flow of each inserted column, and what decides which rows are inserted."""
        if node.args.get("default"):
            return everything(target), Flow()
        if not isinstance(node.expression, exp.Query | exp.Values):
            raise SqlFault("INSERT has neither a query nor VALUES", span_of(node))
        relation = self.queries.query(node.expression, self.scope.inner())
        if node.args.get("by_name"):
            names = [written(exp.to_identifier(c.name), target) for c in relation.columns]
        changes, names = _partition(node, names, target)
        names = names or [c.name for c in target.columns.values() if c.name not in changes]
        if len(names) != len(relation.columns) and not (
                self.queries.dialect.name == "postgres" and 0 < len(relation.columns) < len(names)):
            raise SqlFault(f"{len(relation.columns)} values for {len(names)} columns of {target.base!r}",
                           span_of(node.this))
        changes.update({n: c.flow for n, c in zip(names, relation.columns, strict=False)})
        return {n: f.joined(relation.rows) for n, f in changes.items()}, relation.rows

    def create(self, node: exp.Create) -> Statement:
        kind = str(node.args["kind"]).upper()
        clone = node.args.get("clone")
        if kind not in ("TABLE", "VIEW") or not (clone or isinstance(node.expression,
                                                                     exp.Query | exp.Values | exp.Table)):
            raise SqlFault(f"CREATE {kind} without a query moves no data and is not analysed", span_of(node))
        refuse(node, _CREATE)
        schema = node.this if isinstance(node.this, exp.Schema) else None
        table = schema.this if schema is not None else node.this
        copied = clone.this if clone is not None else node.expression
        relation = self._copy(copied) if isinstance(copied, exp.Table) else self.queries.query(copied,
                                                                                               self.scope.inner())
        columns = [c for c in schema.expressions if isinstance(c, exp.ColumnDef | exp.Identifier)] if schema else []
        given = exp.TableAlias(columns=[exp.to_identifier(c.name) for c in columns]) if columns else None
        return self.result("view" if kind == "VIEW" else "ctas", spelled(table), {},
                           named(relation, given, all_of_them=True))

    def _copy(self, table: exp.Table) -> Relation:
        """A whole table: CREATE TABLE x CLONE t."""
        around = self.scope.inner()
        self.queries.sources.add(table, around)
        return Relation(tuple(Column(c.name, around.take(s, c)) for s in around.sources for c in s.columns.values()))

    def result(self, kind: str, table: str | None, changes: Changes, relation: Relation | None = None) -> Statement:
        flows = [(c.name, c.flow) for c in relation.columns] if relation is not None else list(changes.items())
        columns = tuple(ColumnFlow(name, *flow) for name, flow in flows)
        reads = {table: frozenset(names) for table, names in sorted(self.scope.reads.items())}
        return Statement(kind, reads, None if table is None else (table, tuple(name for name, _ in flows)), columns)


def _partition(node: exp.Insert, names: list[str], target: Source) -> tuple[Changes, list[str]]:
    """PARTITION (ds = '1', hr): what is given a value there; and the others' order, when that changes it."""
    table = node.this.this if isinstance(node.this, exp.Schema) else node.this
    partition = table.args.get("partition")
    if partition is None:
        return {}, names
    fixed: Changes = {}
    last = []
    for entry in partition.expressions:
        if isinstance(entry, exp.EQ):
            fixed[written(entry.this, target)] = Flow()
        else:
            last.append(written(entry, target))
    rest = names or [c.name for c in target.columns.values() if c.name not in fixed and c.name not in last]
    return fixed, [*rest, *(name for name in last if name not in rest)]
