"""[B] Files of SQL, statement by statement: column edges, and what later statements may know of earlier ones.

What a statement makes (CREATE TABLE, a view, CTAS, SELECT INTO, temporary or not) is known after it.  A statement that
cannot be analysed has its error, and the next one is looked at.  Statements that move no data (DDL, SET, GRANT, BEGIN)
have neither.  Edges are the direct and indirect ones of ``lineage.discover.sql``, between columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sqlglot import exp

from lineage.discover.sql_catalog import Catalog, spelled
from lineage.discover.sql_dialect import dialect_of
from lineage.discover.sql_flow import Schema, Statement
from lineage.discover.sql_stack import deeply
from lineage.discover.sql_text import Place, SqlFault, check_text, parse, place_of, span_of, spans
from lineage.discover.sql_write import definition_of, statement_of

_MOVE_NOTHING = (exp.Drop, exp.Alter, exp.TruncateTable, exp.Set, exp.Use, exp.Transaction, exp.Commit, exp.Rollback,
                 exp.Comment, exp.Grant, exp.Revoke, exp.Analyze, exp.Pragma, exp.Describe, exp.Show, exp.Refresh)


class FileEdge(NamedTuple):
    """``source`` is "table.column", ``kind`` DIRECT or INDIRECT."""

    source: str
    target: str
    kind: str


class FileFault(NamedTuple):
    """What is wrong, and where."""

    message: str
    place: Place


class FileStatement(NamedTuple):
    """One statement; ``output`` is the table that it writes or defines, "" for a query.  ``line`` is its first."""

    output: str
    edges: tuple[FileEdge, ...]
    faults: tuple[FileFault, ...]
    line: int


class SqlFiles:
    """Knows the tables of a schema, and those that the analysed statements made.

    >>> files = SqlFiles({"days": {"day": "TEXT", "n": "INTEGER"}}, "sqlite")
    >>> [s.edges for s in files.statements("CREATE TABLE a AS SELECT n AS m FROM days; SELECT m FROM a;")]
    [(FileEdge(source='days.n', target='m', kind='DIRECT'),), (FileEdge(source='a.m', target='m', kind='DIRECT'),)]
    """

    def __init__(self, schema: Schema, dialect: str = "") -> None:
        self._known: dict[str, dict[str, str]] = {table: dict(columns) for table, columns in schema.items()}
        self._dialect = dialect
        self._catalog = Catalog(self._known)

    def statements(self, text: str) -> Iterator[FileStatement]:
        """Each statement of ``text`` in turn; a text that cannot be cut into statements is one, with its error."""
        try:
            check_text(text)
            found = spans(text, self._dialect)
        except SqlFault as fault:
            yield FileStatement("", (), (_fault(fault, text, 1),), 1)
            return
        for start, end in found:
            line = 1 + text.count("\n", 0, start)
            # Columns are counted from the line's own beginning.
            sql = " " * (start - text.rfind("\n", 0, start) - 1) + text[start:end + 1]
            try:
                made = deeply(lambda sql=sql: self._one(parse(sql, self._dialect)))  # type: ignore[misc]
            except SqlFault as fault:
                yield FileStatement("", (), (_fault(fault, sql, line),), line)
                continue
            output, edges, faults = made
            yield FileStatement(output, edges, tuple(_fault(fault, sql, line) for fault in faults), line)

    def _one(self, tree: exp.Expr) -> tuple[str, tuple[FileEdge, ...], list[SqlFault]]:
        if isinstance(tree, _MOVE_NOTHING):
            return self._changed(tree), (), []
        if isinstance(tree, exp.Create) and not isinstance(tree.expression, exp.Query | exp.Values | exp.Table) \
                and not tree.args.get("clone"):
            return self._defined(tree), (), []
        catalog, faults = self._catalog, list[SqlFault]()
        if isinstance(tree, exp.Insert):
            catalog, faults = self._with_target(tree)
        made = statement_of(tree, catalog, dialect_of(self._dialect))
        if made.kind in ("ctas", "view") and made.writes is not None:
            self._know(made.writes[0], dict.fromkeys(made.writes[1], ""))
        return made.writes[0] if made.writes is not None else "", _edges(made), faults

    def _defined(self, tree: exp.Create) -> str:
        """CREATE TABLE without a query, an index, …; raises SqlFault for what holds statements of its own."""
        kind = str(tree.args["kind"]).upper()
        if kind in ("FUNCTION", "PROCEDURE", "TRIGGER", "MODEL", "PIPE", "TASK"):
            raise SqlFault(f"the body of a {kind} is not analysed", span_of(tree))
        definition = definition_of(tree)
        if definition is not None:
            self._know(*definition)
            return definition[0]
        properties = tree.args.get("properties")
        like = properties.find(exp.LikeProperty) if properties is not None else None
        table = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
        if like is not None and isinstance(table, exp.Table):
            self._know(spelled(table), dict(self._known[self._catalog.find(like.this)]))
        return spelled(table) if isinstance(table, exp.Table) else ""

    def _with_target(self, tree: exp.Insert) -> tuple[Catalog, list[SqlFault]]:
        """The catalogue, with the written table taken at the statement's word where the schema lacks it."""
        table = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
        if not isinstance(table, exp.Table) or not isinstance(table.this, exp.Identifier):
            return self._catalog, []
        try:
            self._catalog.find(table)
        except SqlFault as fault:
            if not isinstance(tree.expression, exp.Query | exp.Values) or "ambiguous" in fault.what:
                raise
            if isinstance(tree.this, exp.Schema):
                names = [column.name for column in tree.this.expressions]
            else:
                # Its query may use the WITH of the statement.
                query = tree.expression.copy()
                if tree.args.get("with_") is not None and not query.args.get("with_"):
                    query.set("with_", tree.args["with_"].copy())
                made = statement_of(query, self._catalog, dialect_of(self._dialect))
                names = list(dict.fromkeys(column.target for column in made.columns))
            return Catalog({**self._known, spelled(table): dict.fromkeys(names, "")}), [fault]
        return self._catalog, []

    def _know(self, table: str, columns: dict[str, str]) -> None:
        self._forget(table)
        self._known[table] = columns
        self._catalog = Catalog(self._known)

    def _forget(self, table: str) -> None:
        for key in [key for key in self._known if key.lower() == table.lower()]:
            del self._known[key]
        self._catalog = Catalog(self._known)

    def _changed(self, tree: exp.Expr) -> str:
        """Follows DROP TABLE and ALTER TABLE."""
        if isinstance(tree, exp.Drop):
            for table in tree.args.get("tables") or ():
                if isinstance(table, exp.Table):
                    self._forget(spelled(table))
        if not isinstance(tree, exp.Alter) or not isinstance(tree.this, exp.Table):
            return ""
        try:
            key = self._catalog.find(tree.this)
        except SqlFault:
            return spelled(tree.this)  # nothing moves, whatever it is
        columns = dict(self._known[key])
        for action in tree.args.get("actions") or ():
            if isinstance(action, exp.ColumnDef):
                columns.setdefault(action.name, action.args["kind"].sql() if action.args.get("kind") else "")
            elif isinstance(action, exp.RenameColumn):
                old, new = action.this.name.lower(), action.args["to"].name
                columns = {new if name.lower() == old else name: kind for name, kind in columns.items()}
            elif isinstance(action, exp.Drop):
                gone = {part.name.lower() for part in action.args.get("tables") or action.expressions or ()}
                columns = {name: kind for name, kind in columns.items() if name.lower() not in gone}
            elif isinstance(action, exp.AlterRename):
                self._forget(key)
                key = spelled(action.this)
        self._know(key, columns)
        return key


def _edges(made: Statement) -> tuple[FileEdge, ...]:
    """Sorted within each column; a table without a column (what ``count(*)`` counts) is no edge."""
    found: dict[FileEdge, None] = {}
    for column in made.columns:
        for kind, names in (("DIRECT", column.direct), ("INDIRECT", column.indirect)):
            found.update(dict.fromkeys(FileEdge(name.replace("#", ".", 1), column.target, kind)
                                       for name in sorted(names) if "#" in name))
    return tuple(found)


def _fault(fault: SqlFault, sql: str, line: int) -> FileFault:
    return FileFault(fault.what, place_of(fault, sql, line))
