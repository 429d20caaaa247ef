"""[B] The tables of a schema, by any spelling that SQL may use for them."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from sqlglot import exp

from lineage.discover.sql_flow import Column, Flow, Schema
from lineage.discover.sql_text import SqlFault, span_of


class Catalog:
    """Names are compared without regard to case; keys are ``table``, ``db.table`` or longer."""

    def __init__(self, schema: Schema) -> None:
        self._keys: dict[str, str] = {}
        self._bare: dict[str, list[str]] = {}
        self._schema = schema
        self._columns: dict[str, tuple[Column, ...]] = {}
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
        found = [key for key in self._bare.get(lower.rpartition(".")[2], ()) if _fits(lower, key.lower())]
        if len(found) == 1:
            return found[0]
        if found:
            raise SqlFault(f"the table {name!r} is ambiguous: {', '.join(found)}", span_of(node))
        raise SqlFault(f"there is no table {name!r}{close(lower, [*self._keys, *self._bare])}", span_of(node))

    def columns(self, key: str) -> tuple[Column, ...]:
        known = self._columns.get(key)
        if known is None:
            known = tuple(Column(name, Flow(frozenset({f"{key}#{name}"}))) for name in self._schema[key])
            self._columns[key] = known
        return known


def _fits(written: str, key: str) -> bool:
    """True when one of the two says less about where the table is, and no part contradicts."""
    return key.endswith(f".{written}") or written.endswith(f".{key}")


def spelled(node: exp.Table) -> str:
    """``core.sessions`` as the statement writes it."""
    return ".".join(part.name for part in node.parts)


def close(name: str, known: Iterable[str]) -> str:
    """A suggestion for a misspelt name, to append to a message."""
    found = get_close_matches(name, sorted(set(known)), 1)
    return f"; did you mean {found[0]!r}?" if found else ""
