"""[B] A statement in SQLite's dialect, as Spark can run it.

Spark is only ever asked to *select*: what an INSERT inserts, which rows of its target an UPDATE changes
and to what, which a DELETE removes.  Changing the target is the engine's work (``spark_change.py``),
since Parquet has no keys.  A statement that has no counterpart is refused; so is a function that sqlglot
does not know, or that would quietly mean something else.  Not done here: ORDER BY and LIMIT of an
UPDATE or DELETE, RETURNING, DEFAULT VALUES, several rows for one key in DO UPDATE.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import sqlglot
from sqlglot import exp
from sqlglot.errors import ErrorLevel, SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify

from lineage.errors import InputError
from services.warehouse.catalog import Table
from services.warehouse.consent import Visible
from services.warehouse.engine import STATEMENTS, keyword, underlined
from services.warehouse.spark_functions import translated
from services.warehouse.spark_names import ROW, TYPES, rows_view_of, view_of

Conflict = Literal["error", "ignore", "replace", "update"]
_CONFLICTS: dict[str, Conflict] = {"": "error", "ABORT": "error", "IGNORE": "ignore", "REPLACE": "replace"}
# Spark has them too, and they mean something else there, or something else each time.
_OTHERWISE = (exp.Typeof, exp.Rand, exp.Randn, exp.CurrentTimestamp, exp.CurrentDate, exp.CurrentTime, exp.Command)
_KNOWN = frozenset({"PRINTF"})
# What may stand in each statement; anything else has no counterpart.
_PARTS = {exp.Insert: {"this", "expression", "conflict", "alternative", "with_"},
          exp.Update: {"this", "expressions", "from_", "where", "with_"}, exp.Delete: {"this", "where", "with_"}}
_PLACE = re.compile(r"Line:?\s*(\d+),\s*Col:?\s*(\d+)")
_NAMED = re.compile(r"'([^']+)'|column:\s*(\w+)|`([^`]+)`")
logging.getLogger("sqlglot").setLevel(logging.ERROR)  # it warns of what is refused here anyway


@dataclass(frozen=True)
class Statement:
    """``query`` gives, for an INSERT, ``columns`` in order; for an UPDATE the row's number, then ``columns``; for a
    DELETE only that.  ``target`` is a qualified table, "" of a query.  ``keys``: those that ON CONFLICT names.
    ``upsert``: the same as an UPDATE's query, over a view ``excluded`` of the rows that clash.
    ``views``: those of the tables that the queries name (``spark_names``).
    """

    kind: Literal["select", "insert", "update", "delete"]
    query: str
    target: str = ""
    columns: tuple[str, ...] = ()
    conflict: Conflict = "error"
    keys: tuple[str, ...] = ()
    upsert: str = ""
    upserted: tuple[str, ...] = ()
    views: tuple[str, ...] = ()

    @property
    def writes(self) -> dict[str, tuple[str, ...]]:
        return {self.target: tuple(dict.fromkeys((*self.columns, *self.upserted)))} if self.target else {}


def transpile(sql: str, catalog: Mapping[str, Table], where: str,
              rows: Visible | None = None) -> Statement:
    """``rows``: those that may be seen, where the statement may ask ``sightline_consents`` and ``sightline_sees``.

    Raises InputError (PAI021), with the place underlined, for what cannot be run with the same meaning."""
    if keyword(sql) not in STATEMENTS:
        raise InputError("PAI021", f"a statement of a job begins with {', '.join(STATEMENTS)}, not with "
                                   f"{sql[:20]!r}", where=where)
    try:
        parsed = sqlglot.parse(re.sub(r"\AREPLACE\b", "INSERT OR REPLACE", sql, flags=re.IGNORECASE), read="sqlite")
        if len(parsed) != 1 or parsed[0] is None:
            raise _Refused("it is not one statement")
        transpiler = _Transpiler(catalog, rows)
        statement = transpiler.statement(parsed[0])
        return replace(statement, views=tuple(sorted(transpiler.views)))
    except _Refused as error:
        raise InputError("PAI021", f"{error}\n{underlined(sql, error.word)}", where=where) from None
    except RecursionError:
        raise InputError("PAI021", f"it is nested too deep: {sql[:60]!r} …", where=where) from None
    except (SqlglotError, ValueError) as error:
        raise InputError("PAI021", _told(sql, str(error)), where=where) from None


class _Refused(Exception):
    """``word`` is what to underline."""

    def __init__(self, what: str, word: str = "") -> None:
        super().__init__(what)
        self.word = word


class _Transpiler:
    def __init__(self, catalog: Mapping[str, Table], rows: Visible | None) -> None:
        self._catalog = catalog
        self._seen = rows
        self.views: set[str] = set()

    def statement(self, tree: exp.Expression) -> Statement:
        if isinstance(tree, exp.Query):
            return Statement("select", self._query(tree))
        allowed = next((parts for kind, parts in _PARTS.items() if isinstance(tree, kind)), None)
        if allowed is None:
            raise _Refused(f"Spark has no counterpart of {tree.key.upper()}")
        for part, value in tree.args.items():
            if value and part not in allowed:
                raise _Refused(f"Spark has no counterpart of {part.strip('_').upper()} in {tree.key.upper()}",
                               value.key.upper() if isinstance(value, exp.Expression) else "")
        if isinstance(tree, exp.Insert):
            return self._insert(tree)
        return self._update(tree) if isinstance(tree, exp.Update) else self._delete(tree)

    def _insert(self, tree: exp.Insert) -> Statement:
        named = tree.this.expressions if isinstance(tree.this, exp.Schema) else []
        reference = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
        table = self._table(reference)
        columns = self._columns(table, (one.name for one in named)) or tuple(table.columns)
        query = tree.expression
        if not isinstance(query, (exp.Query, exp.Values)):
            raise _Refused("Spark has no counterpart of an INSERT without a query or VALUES")
        _with(query, tree)
        width = len(query.expressions[0].expressions) if isinstance(query, exp.Values) else 0
        made = Statement("insert", self._query(query), table.name, columns)
        if width and any(len(row.expressions) != len(columns) for row in query.expressions):
            raise _Refused(f"{len(columns)} columns are written, and a row has {width} values", table.name)
        word = str(tree.args.get("alternative") or "").upper()
        if word not in _CONFLICTS:
            raise _Refused(f"Spark has no counterpart of INSERT OR {word}", word)
        made = replace(made, conflict=_CONFLICTS[word])
        conflict = tree.args.get("conflict")
        return self._upsert(made, reference, conflict, table) if conflict else made

    def _upsert(self, made: Statement, reference: exp.Table, conflict: exp.OnConflict, table: Table) -> Statement:
        keys = self._columns(table, (one.name for one in conflict.args.get("conflict_keys") or ()))
        if conflict.args.get("index_where"):
            raise _Refused("Spark has no counterpart of a conflict target with WHERE", "CONFLICT")
        if "UPDATE" not in str(conflict.args.get("action") or "").upper():
            return replace(made, conflict="ignore", keys=keys)
        alias = reference.alias or reference.name
        for part in (*conflict.expressions, conflict.args.get("where")):
            for column in part.find_all(exp.Column) if part else ():
                if not column.table and column.find_ancestor(exp.Select) is None:
                    column.set("table", exp.to_identifier(alias))
        if not keys:
            raise _Refused("Spark has no counterpart of DO UPDATE without the key that clashes", "CONFLICT")
        columns, values = self._assigned(table, conflict.expressions)
        select = exp.select(exp.column(ROW, table=alias), *values).from_(self._rows(reference, table)).join(
            exp.Table(this=exp.to_identifier("excluded")), on=exp.and_(*(
                exp.EQ(this=exp.column(key, table=alias), expression=exp.column(key, table="excluded"))
                for key in keys)))
        if condition := conflict.args.get("where"):
            select = select.where(condition.this)
        return replace(made, conflict="update", keys=keys, upserted=columns,
                       upsert=self._query(select, {"excluded": table}))

    def _update(self, tree: exp.Update) -> Statement:
        table = self._table(tree.this)
        columns, values = self._assigned(table, tree.expressions)
        alias = tree.this.alias or tree.this.name
        select = exp.select(exp.column(ROW, table=alias), *values).from_(self._rows(tree.this, table))
        if source := tree.args.get("from_"):
            select = select.join(source.this, join_type="cross")
        return Statement("update", self._query(_with(_where(select, tree), tree)), table.name, columns)

    def _delete(self, tree: exp.Delete) -> Statement:
        table = self._table(tree.this)
        select = exp.select(exp.column(ROW, table=tree.this.alias or tree.this.name)).from_(
            self._rows(tree.this, table))
        return Statement("delete", self._query(_with(_where(select, tree), tree)), table.name)

    def _assigned(self, table: Table, pairs: Iterable[exp.Expression]) -> tuple[tuple[str, ...], list[exp.Expression]]:
        """The columns that a SET assigns, and the values."""
        columns: list[str] = []
        values: list[exp.Expression] = []
        for pair in pairs:
            left, right = pair.this, pair.expression
            several = isinstance(left, exp.Tuple)
            if several and not (isinstance(right, exp.Tuple) and len(left.expressions) == len(right.expressions)):
                raise _Refused("Spark has no counterpart of a SET of several columns at once", "SET")
            columns += self._columns(table, (one.name for one in (left.expressions if several else [left])))
            values += [one.copy() for one in (right.expressions if several else [right])]
        if len(set(columns)) != len(columns):
            raise _Refused("a column is assigned twice", "SET")
        return tuple(columns), values

    def _rows(self, reference: exp.Table, table: Table) -> exp.Table:
        """The target with the numbers of its rows, under the name that the statement uses for it."""
        return exp.Table(this=exp.to_identifier(rows_view_of(table.name)),
                         alias=exp.TableAlias(this=exp.to_identifier(reference.alias or reference.name)))

    def _query(self, tree: Any, more: Mapping[str, Table] | None = None) -> str:
        """``more``: views by name.  The tree's tables become the engine's views."""
        tree = translated(tree.copy(), self._seen)
        self._known_functions(tree)
        schema: dict[str, dict[str, str]] = {name: _types(table) for name, table in (more or {}).items()}
        defined = {cte.alias.lower() for cte in tree.find_all(exp.CTE)} | set(schema)
        views = {rows_view_of(name): table for name, table in self._catalog.items()}
        for reference in list(tree.find_all(exp.Table)):
            if not reference.db and reference.name.lower() in defined:
                continue
            if reference.name in views and not reference.db:
                self.views.add(reference.name)
                schema[reference.name] = {**_types(views[reference.name]), ROW: "BIGINT"}
                continue
            table = self._table(reference)
            self.views.add(view_of(table.name))
            schema[view_of(table.name)] = _types(table)
            alias = reference.args.get("alias") or exp.TableAlias(this=exp.to_identifier(reference.name))
            reference.set("alias", alias)
            reference.set("this", exp.to_identifier(view_of(table.name)))
            reference.set("db", None)
        for column in tree.find_all(exp.Column):
            column.set("db", None)
        for type_ in tree.find_all(exp.DataType):
            if type_.is_type("int"):
                type_.replace(exp.DataType.build("BIGINT"))  # SQLite's INTEGER has 64 bits
        for number in [one for one in tree.find_all(exp.Literal) if one.is_number and not one.is_int]:
            number.replace(exp.cast(number.copy(), "DOUBLE"))  # 1.5 is no decimal in SQLite
        tree = annotate_types(qualify(tree, schema=schema, dialect="sqlite"), schema=schema, dialect="sqlite")
        for like in list(tree.find_all(exp.Like)):
            like.replace(exp.ILike(this=like.this, expression=like.expression))  # SQLite's LIKE folds case
        return str(tree.sql("spark", unsupported_level=ErrorLevel.RAISE))

    def _known_functions(self, tree: exp.Expression) -> None:
        for node in tree.find_all(exp.Anonymous, *_OTHERWISE):
            name = node.name if isinstance(node, exp.Anonymous) else node.key
            if name.upper() not in _KNOWN:
                raise _Refused(f"Spark has no function {name.upper()} with this meaning", name)

    def _table(self, reference: Any) -> Table:
        if not isinstance(reference, exp.Table) or not isinstance(reference.this, exp.Identifier) or reference.catalog:
            raise _Refused("a table function has no counterpart in Spark")
        wanted = (reference.db.lower(), reference.name.lower())
        found = [table for name, table in self._catalog.items()
                 if tuple(name.lower().split(".")) == wanted or (not reference.db and name.lower().endswith(
                     f".{wanted[1]}"))]
        if len(found) != 1:
            raise _Refused(f"no such table: {'.'.join(filter(None, (reference.db, reference.name)))}", reference.name)
        return found[0]

    def _columns(self, table: Table, names: Iterable[str]) -> tuple[str, ...]:
        folded = {column.lower(): column for column in table.columns}
        listed = list(names)
        for name in listed:
            if name.lower() not in folded:
                raise _Refused(f"no such column: {table.name} has no {name}", name)
        return tuple(folded[name.lower()] for name in listed)


def _types(table: Table) -> dict[str, str]:
    return {column.name: TYPES[column.type] for column in table.columns.values()}


def _with(query: Any, tree: exp.Expression) -> Any:
    """A WITH before INSERT, UPDATE or DELETE belongs to its query."""
    given = tree.args.get("with_")
    if given:
        if query.args.get("with_"):
            raise _Refused("a WITH before the statement and one within", "WITH")
        query.set("with_", given)
    return query


def _where(select: exp.Select, tree: exp.Expression) -> exp.Select:
    condition = tree.args.get("where")
    return select.where(condition.this) if condition else select


def _told(sql: str, message: str) -> str:
    """sqlglot's first line without its colours, and the place that it names."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", message).splitlines()[0].rstrip(". ")
    place, named = _PLACE.search(plain), _NAMED.search(plain)
    word = next((group for group in named.groups() if group), "") if named else ""
    if place:  # where the word ends
        line, end = (sql.split("\n")[int(place[1]) - 1:] or [""])[0], int(place[2])
        width = len(word) if word and line[:end].endswith(word) else 1
        return f"{plain}\n    {line}\n    {' ' * max(end - width, 0)}{'^' * width}"
    return f"{plain}\n{underlined(sql, word)}"
