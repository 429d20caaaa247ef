"""[B] Which table and column a name in SQL means: the schema's catalogue, and scopes inside scopes.

Names are compared without regard to case and reported as the schema spells them.  The implicit ``rowid``
is not a column here: it stands for a key that the schema does not tell, so it is refused.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches

from sqlglot import exp

from lineage.discover.sql_flow import NONE, Column, Flow, Names, Relation, Schema
from lineage.discover.sql_text import SqlFault, span_of

Reads = dict[str, set[str]]


class Catalog:
    """Tables of a schema by any spelling that SQL may use for them."""

    def __init__(self, schema: Schema) -> None:
        self._keys: dict[str, str] = {}
        self._bare: dict[str, list[str]] = {}
        self._schema = schema
        for key in sorted(schema):
            self._keys[key.lower()] = key
            self._bare.setdefault(key.lower().rpartition(".")[2], []).append(key)

    def find(self, node: exp.Table) -> str:
        """The schema's name of a table.  Raises SqlFault when there is none, or more than one."""
        name = spelled(node)
        lower = name.lower()
        for spelling in (lower, f"main.{lower}", lower.removeprefix("main.")):
            if spelling in self._keys:
                return self._keys[spelling]
        found = [] if "." in lower else self._bare.get(lower, [])
        if len(found) == 1:
            return found[0]
        if found:
            raise SqlFault(f"the table {name!r} is ambiguous: {', '.join(found)}", span_of(node))
        raise SqlFault(f"there is no table {name!r}{_close(lower, [*self._keys, *self._bare])}", span_of(node))

    def columns(self, key: str) -> tuple[Column, ...]:
        return tuple(Column(name, Flow(frozenset({f"{key}#{name}"}))) for name in self._schema[key])


@dataclass(slots=True, eq=False)
class Source:
    """One entry of a FROM: a base table (``base`` is its key), or the result of a query."""

    name: str
    columns: dict[str, Column]
    rows: Names = NONE
    tables: Names = NONE
    base: str = ""
    aliased: bool = True
    qualified_only: bool = False
    hidden: set[str] = field(default_factory=set)
    used: bool = False

    @classmethod
    def of(cls, name: str, relation: Relation) -> Source:
        columns: dict[str, Column] = {}
        for column in relation.columns:
            columns.setdefault(column.name.lower(), column)
        return cls(name.lower(), columns, relation.rows, relation.tables)

    def answers(self, table: str, database: str) -> bool:
        if not table:
            return not self.qualified_only
        if database and (self.aliased or self.base.lower() != f"{database}.{table}"):
            return False
        return self.name == table

    def suggest(self, name: str) -> str:
        return _close(name, (c.name for c in self.columns.values()))


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
    ctes: ChainMap[str, Cte] = field(default_factory=ChainMap)
    parent: Scope | None = None
    sources: list[Source] = field(default_factory=list)
    merged: dict[str, Flow] = field(default_factory=dict)
    aliases: dict[str, Flow] = field(default_factory=dict)
    windows: dict[str, exp.Window] = field(default_factory=dict)
    rows: set[str] = field(default_factory=set)

    def inner(self) -> Scope:
        """For a sub-query in an expression: sees the names of this scope."""
        return Scope(self.reads, self.ctes.new_child(), self)

    def beside(self, reads: Reads | None = None) -> Scope:
        """For a query in FROM or WITH: sees the WITH entries, and only the names around this scope."""
        return Scope(self.reads if reads is None else reads, self.ctes, self.parent)

    def take(self, source: Source, column: Column) -> Flow:
        """Counts a use of ``column``."""
        source.used = True
        if source.base:
            # By the flow, since an alias list may have renamed the column.
            names = (name.removeprefix(f"{source.base}#") for name in column.flow.direct)
            self.reads.setdefault(source.base, set()).update(names)
        return column.flow

    def count_rows(self) -> Names:
        """The tables whose rows this scope counts."""
        for source in self.sources:
            source.used = True
        return frozenset[str]().union(*(s.tables for s in self.sources))

    def deciding(self) -> Names:
        """All that decides which rows this scope has.  A source of which nothing is used still multiplies them."""
        unused = (s.tables for s in self.sources if not s.used)
        return frozenset(self.rows).union(*(s.rows for s in self.sources), *unused)

    def resolve(self, node: exp.Column) -> tuple[str, Flow]:
        """The column's own name and flow.  Raises SqlFault when no scope, or more than one source, has it."""
        name, table, database = node.name.lower(), node.table.lower(), node.db.lower()
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
        raise self._unresolved(node)

    def _here(self, node: exp.Column, name: str, table: str, database: str) -> tuple[Source, Column] | None:
        hits = [s for s in self.sources if s.answers(table, database) and name in s.columns
                and (table or name not in s.hidden)]
        if len(hits) > 1 and (table or name not in self.merged):
            where = ", ".join(s.base or s.name for s in hits)
            raise SqlFault(f"the column {node.name!r} is ambiguous: it is in {where}", span_of(node))
        return (hits[0], hits[0].columns[name]) if hits else None

    def _unresolved(self, node: exp.Column) -> SqlFault:
        chain: list[Scope] = []
        scope: Scope | None = self
        while scope is not None:
            chain.append(scope)
            scope = scope.parent
        sources = [s for scope in chain for s in scope.sources]
        table = node.table.lower()
        if table:
            named = [s for s in sources if s.answers(table, node.db.lower())]
            if not named:
                what = f"no table or alias {node.table!r} is in reach here{_close(table, (s.name for s in sources))}"
                return SqlFault(what, span_of(node))
            known = [c.name for s in named for c in s.columns.values()]
            return SqlFault(f"{node.table!r} has no column {node.name!r}{_close(node.name, known)}", span_of(node))
        known = [c.name for s in sources for c in s.columns.values()]
        hint = _close(node.name, known)
        if not hint and isinstance(node.this, exp.Identifier) and node.this.args.get("quoted"):
            hint = "; a text stands in single quotes"
        return SqlFault(f"there is no column {node.name!r}{hint}", span_of(node))


def spelled(node: exp.Table) -> str:
    """``core.sessions`` as the statement writes it."""
    return ".".join(part.name for part in node.parts)


def _close(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, sorted(set(known)), 1)
    return f"; did you mean {close[0]!r}?" if close else ""
