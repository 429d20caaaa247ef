"""[B] Which column a name in SQL means: scopes inside scopes.

Names are compared without regard to case and reported as the schema spells them.  The implicit ``rowid``
is not a column here: it stands for a key that the schema does not tell, so it is refused.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlglot import exp

from lineage.discover.sql_catalog import close
from lineage.discover.sql_dialect import UNITS, Dialect
from lineage.discover.sql_flow import NONE, Column, Flow, Names, Relation, merged
from lineage.discover.sql_text import SqlFault, span_of

Reads = dict[str, set[str]]
_FEW = 8


@dataclass(slots=True, eq=False)
class Source:
    """One entry of a FROM: a base table (``base`` is its key), or the result of a query or function.

    ``open``: the flow of whatever column is asked of it by its alias (the fields of an unnested struct).
    """

    name: str
    columns: dict[str, Column]
    rows: Flow = Flow()  # noqa: RUF009  a NamedTuple, and so immutable
    tables: Names = NONE
    base: str = ""
    aliased: bool = True
    qualified_only: bool = False
    hidden: set[str] = field(default_factory=set)
    used: bool = False
    open: Flow | None = None

    @classmethod
    def of(cls, name: str, relation: Relation) -> Source:
        columns: dict[str, Column] = {}
        for column in relation.columns:
            columns.setdefault(column.name.lower(), column)
        return cls(name.lower(), columns, relation.rows, relation.tables)

    def answers(self, table: str, database: str) -> bool:
        if not table:
            return not self.qualified_only
        if database and (self.aliased or not _ends(self.base.lower(), f"{database}.{table}")):
            return False
        return self.name == table

    def suggest(self, name: str) -> str:
        return close(name, (c.name for c in self.columns.values()))


@dataclass(slots=True, eq=False)
class Cte:
    """A WITH entry, analysed when first used.  ``reads`` are its own, counted for whoever uses it."""

    name: str
    node: exp.CTE
    home: Scope
    reads: Reads = field(default_factory=dict)
    relation: Relation | None = None
    busy: bool = False


@dataclass(slots=True, eq=False)
class Scope:
    """What names mean inside one SELECT; ``parent`` is the scope around a correlated sub-query."""

    reads: Reads
    dialect: Dialect
    ctes: ChainMap[str, Cte] = field(default_factory=ChainMap)
    parent: Scope | None = None
    sources: list[Source] = field(default_factory=list)
    merged: dict[str, Flow] = field(default_factory=dict)
    aliases: dict[str, Flow] = field(default_factory=dict)
    windows: dict[str, exp.Window] = field(default_factory=dict)
    rows: Flow = Flow()  # noqa: RUF009  a NamedTuple, and so immutable
    # The query is a value: nobody asks for the names of its columns, which cost time to make.
    nameless: bool = False
    # Name → sources, while there are as many sources as when it was made.
    _named: tuple[int, dict[str, list[Source]]] = (0, {})

    def inner(self, *, nameless: bool = False) -> Scope:
        """For a sub-query in an expression: sees the names of this scope."""
        return Scope(self.reads, self.dialect, self.ctes.new_child(), self, nameless=nameless)

    def beside(self, reads: Reads | None = None) -> Scope:
        """For a query in FROM or WITH: sees the WITH entries, and only the names around this scope."""
        return Scope(self.reads if reads is None else reads, self.dialect, self.ctes, self.parent)

    def decide(self, flow: Flow) -> None:
        """``flow`` is of a condition, a group, an order: all that it is made of decides the rows."""
        self.rows = self.rows.joined(flow.deciding())

    def take(self, source: Source, column: Column) -> Flow:
        """Counts a use of ``column``."""
        source.used = True
        if source.base:
            # By the flow, since an alias list may have renamed the column.
            past = len(source.base) + 1
            reads = self.reads.setdefault(source.base, set())
            for name in column.flow.direct:
                reads.add(name[past:])
        return column.flow

    def count_rows(self) -> Names:
        """The tables whose rows this scope counts."""
        for source in self.sources:
            source.used = True
        return NONE.union(*(s.tables for s in self.sources))

    def deciding(self) -> Flow:
        """All that decides which rows this scope has.  A source of which nothing is used still multiplies them."""
        unused = NONE.union(*(s.tables for s in self.sources if not s.used))
        return merged([self.rows, *(s.rows for s in self.sources), Flow(repeats=unused)])

    def around(self) -> Iterator[Scope]:
        """This scope and those around it."""
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.parent

    def resolve(self, node: exp.Column) -> tuple[str, Flow]:
        """The column's own name and flow.  Raises SqlFault when no scope, or more than one source, has it."""
        name = node.name.lower()
        qualified = node.args.get("table") is not None
        table, database = (node.table.lower(), node.db.lower()) if qualified else ("", "")
        scope: Scope | None = self
        while scope is not None:
            found = scope._here(node, name, table, database)
            if found is not None:
                source, column = found
                flow = self.take(source, column)
                return column.name, scope.merged[name] if not table and name in scope.merged else flow
            if not table and name in scope.aliases:
                return node.name, scope.aliases[name]
            scope = scope.parent
        flow_ = self._field(node) if self.dialect.structs else None
        if flow_ is None:
            flow_ = self._no_column(node, name)
        if flow_ is None:
            raise self._unresolved(node)
        return node.name, flow_

    def _here(self, node: exp.Column, name: str, table: str, database: str) -> tuple[Source, Column] | None:
        hits = []
        for source in self._called(table) if table and len(self.sources) > _FEW else self.sources:
            column = source.columns.get(name)
            if column is None and (source.open is None or not table):
                continue
            if (source.answers(table, database) if table else not source.qualified_only and name not in source.hidden):
                hits.append((source, column or Column(name, source.open or Flow())))
        if len(hits) > 1 and (table or name not in self.merged):
            where = ", ".join(s.base or s.name for s, _ in hits)
            raise SqlFault(f"the column {node.name!r} is ambiguous: it is in {where}", span_of(node))
        return hits[0] if hits else None

    def _called(self, table: str) -> list[Source]:
        count, named = self._named
        if count != len(self.sources):
            named = {}
            for source in self.sources:
                named.setdefault(source.name, []).append(source)
            self._named = len(self.sources), named
        return named.get(table, [])

    def _field(self, node: exp.Column) -> Flow | None:
        """``column.field`` or ``table.column.field``, parsed as if they were qualified; or a table's whole row."""
        parts = [part.name.lower() for part in node.parts]
        for scope in self.around():
            for taken in range(min(len(parts) - 1, 3), 0, -1):
                *before, name = parts[:taken]
                table, database = (["", "", *before][-1], ["", "", *before][-2])
                found = scope._here(node, name, table, database)
                if found is not None:
                    return self.take(*found)
                if not table and name in scope.aliases:
                    return scope.aliases[name]
            if len(parts) == 1 and (rows := [s for s in scope.sources if s.name == parts[0]]):
                return self.row(rows[0])
        return None

    def row(self, source: Source) -> Flow:
        """All columns of a source as one value."""
        return merged(self.take(source, column) for column in source.columns.values())

    def _no_column(self, node: exp.Column, name: str) -> Flow | None:
        """A bare word that is none: DEFAULT, a pseudo-column, a date's unit."""
        quoted = isinstance(node.this, exp.Identifier) and node.this.args.get("quoted")
        if node.table or quoted:
            return None
        unit = name in UNITS and isinstance(node.parent, exp.Func)
        return Flow() if unit or name == "default" or name in self.dialect.pseudo else None

    def _unresolved(self, node: exp.Column) -> SqlFault:
        sources = [s for scope in self.around() for s in scope.sources]
        table = node.table.lower()
        if table:
            named = [s for s in sources if s.answers(table, node.db.lower())]
            if not named:
                what = f"no table or alias {node.table!r} is in reach here{close(table, (s.name for s in sources))}"
                return SqlFault(what, span_of(node))
            known = [c.name for s in named for c in s.columns.values()]
            return SqlFault(f"{node.table!r} has no column {node.name!r}{close(node.name, known)}", span_of(node))
        known = [c.name for s in sources for c in s.columns.values()]
        hint = close(node.name, known)
        if not hint and isinstance(node.this, exp.Identifier) and node.this.args.get("quoted"):
            hint = "; a text stands in single quotes"
        return SqlFault(f"there is no column {node.name!r}{hint}", span_of(node))


def _ends(base: str, written: str) -> bool:
    return base == written or base.endswith(f".{written}") or written.endswith(f".{base}")
