"""[B] Row-level consent and region: of some tables a job sees only the rows whose wearer consents to its purpose, and
that may be used where it runs.

Which tables and origins, the policy service says in the token; whose a row is and where it comes from, the table's DDL
(``subject: wearer; origin: region``).  The statement is narrowed where it names such a table, and nowhere else: the
rest of its text stays as it was judged.
Who has withdrawn is asked before every statement, so that a withdrawal holds from the next one on.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from lineage.errors import PolicyDenied, SightlineError
from lineage.privacylib import PrivacyLib
from protos.policy_pb2 import WithdrawnRequest, WithdrawnResponse
from services.errors import calling

# Seconds.
DEADLINE = 5.0
# The engine's function of a subject: 1 where she consents.
CONSENTS = "sightline_consents"
# Its function of a table's name, a subject and an origin: 1 where the row may be used there, and consent holds.
SEES = "sightline_sees"


class Origin(NamedTuple):
    """Of one table: the column that says where a row comes from, the origins of which rows may be seen (None: of any,
    known or not), and those of which nobody's consent is needed."""

    column: str
    seen: frozenset[str] | None
    unasked: frozenset[str] = frozenset()


@dataclass
class Visible:
    """The rows of one statement that may be seen: ``subjects`` is table → the column that says whose a row is, and
    ``origins`` where rows of a table are chosen by where they come from.

    ``checked`` and ``withheld`` count rows by consent, ``located`` and ``abroad`` those looked at and withheld by
    origin; they are filled while the statement runs.  ``took``: nanoseconds of the whole statement, by which checks a
    second are told.  ``unasked``: table → the columns of these that the statement itself does not read.
    """

    subjects: Mapping[str, str]
    withdrawn: frozenset[str]
    checked: int = field(default=0)
    withheld: int = field(default=0)
    took: int = field(default=0)
    unasked: dict[str, list[str]] = field(default_factory=dict)
    origins: Mapping[str, Origin] = field(default_factory=dict)
    located: int = field(default=0)
    abroad: int = field(default=0)

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> Visible:
        """What ``to_dict`` gave, in another process."""
        return cls(given["subjects"], frozenset(given["withdrawn"]), origins={
            table: Origin(column, None if seen is None else frozenset(seen), frozenset(unasked))
            for table, (column, seen, unasked) in given["origins"].items()})

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON, without what was counted."""
        return {"subjects": dict(self.subjects), "withdrawn": sorted(self.withdrawn), "origins": {
            table: [one.column, None if one.seen is None else sorted(one.seen), sorted(one.unasked)]
            for table, one in self.origins.items()}}

    @property
    def tables(self) -> set[str]:
        return {*self.subjects, *self.origins}

    def columns(self, table: str) -> list[str]:
        """Those by which rows of the table are chosen."""
        origin = self.origins.get(table)
        return [*filter(None, [self.subjects.get(table)]), *([origin.column] if origin else [])]

    def condition(self, table: str) -> str:
        """As SQLite has it, true of the rows that may be seen."""
        subject, origin = self.subjects.get(table), self.origins.get(table)
        return f"{SEES}('{table}', {subject or 'NULL'}, {origin.column})" if origin else f"{CONSENTS}({subject})"

    def withholds(self, table: str) -> bool:
        """Some row of the table might not be seen."""
        origin = self.origins.get(table)
        return bool((table in self.subjects and self.withdrawn) or (origin is not None and origin.seen is not None))

    def ask(self, connection: Any) -> None:
        """From here on SQLite asks these rows' rules, and no others from before."""
        connection.create_function(CONSENTS, 1, self.consents)
        connection.create_function(SEES, 3, self.sees)

    def consents(self, subject: object) -> bool:
        """A row that is nobody's needs nobody's consent."""
        self.checked += 1
        if subject in self.withdrawn:
            self.withheld += 1
            return False
        return True

    def sees(self, table: str, subject: object, origin: object) -> bool:
        """A row that comes from nobody knows where is seen only where any row is."""
        rule = self.origins[table]
        if rule.seen is not None:
            self.located += 1
            if origin not in rule.seen:
                self.abroad += 1
                return False
        return table not in self.subjects or self.free(table, origin) or self.consents(subject)

    def free(self, table: str, origin: object) -> bool:
        """A row of this origin needs nobody's consent."""
        rule = self.origins.get(table)
        return rule is not None and origin in rule.unasked

    def told(self, table: str) -> dict[str, dict[str, Any]]:
        """For the signal of a read of the table; ``column``: that by which rows were chosen, if the statement itself
        did not read it."""
        found: dict[str, dict[str, Any]] = {}
        unasked, origin = self.unasked.get(table, []), self.origins.get(table)
        if table in self.subjects:
            found["consent"] = {"checked": self.checked, "withheld": self.withheld, "ns": self.took}
            if self.subjects[table] in unasked:
                found["consent"]["subject"] = self.subjects[table]
        if origin is not None:
            found["origin"] = {"checked": self.located, "withheld": self.abroad}
            if origin.column in unasked:
                found["origin"]["column"] = origin.column
        return found


class Consent:
    """Who has withdrawn, from the policy service; fetched again only when its epoch has moved."""

    def __init__(self, lib: PrivacyLib, policy: Any) -> None:
        self._lib = lib
        self._policy = policy
        self._known: dict[str, tuple[int, frozenset[str]]] = {}

    async def withdrawn(self, purpose: str) -> tuple[int, frozenset[str]]:
        """(epoch, wearers).  Raises PolicyDenied (PAI305) when the policy service cannot be asked."""
        epoch, who = self._known.get(purpose, (0, frozenset[str]()))
        request = WithdrawnRequest(purpose=purpose, epoch=epoch, known=purpose in self._known)
        # In a scope of its own: who consents decides which rows there are, and is no source of what is made of them.
        answer = await asyncio.create_task(self._asked(request, self._lib.context.key), context=contextvars.Context())
        if answer.changed:
            epoch, who = self._known[purpose] = answer.epoch, frozenset(answer.wearers)
        return epoch, who

    async def _asked(self, request: WithdrawnRequest, key: str) -> WithdrawnResponse:
        with self._lib.scope(key=key):
            try:
                with calling("policy"):
                    answer: WithdrawnResponse = await self._policy.Withdrawn(request, sources={}, timeout=DEADLINE)
            except SightlineError as error:
                raise PolicyDenied("PAI305", f"nobody knows who consents to {request.purpose}: {error.what}",
                                   where="warehouse") from None
            return answer


def narrowed(sql: str, columns: Mapping[str, Collection[str]], seen: Visible,
             where: str) -> tuple[str, frozenset[str]]:
    """``sql`` with each table of which ``seen`` chooses rows replaced by those, and the tables;
    ``columns``: what it reads of each.  The table that a DELETE or INSERT writes stays whole: to erase rows needs
    nobody's consent.

    Raises PolicyDenied (PAI306) where the tables cannot be found in the text: then nobody knows whose rows it reads;
    for `IN table`, which no sub-query can stand for; and for an UPDATE, or ON CONFLICT DO UPDATE, of a table in which
    somebody's rows are withheld.
    """
    if not seen.tables:
        return sql, frozenset()
    try:
        tree = sqlglot.parse_one(sql, dialect="sqlite")
    except (SqlglotError, RecursionError) as error:
        raise _unclear(where, str(error).splitlines()[0] if str(error) else "it cannot be read") from None
    if named := next((node for node in tree.find_all(exp.In) if node.args.get("field") is not None), None):
        raise _unclear(where, f"{named.sql(dialect='sqlite')} names a table: write IN (SELECT … FROM it)")
    places: list[tuple[int, int, str]] = []
    found: set[str] = set()
    whole: set[str] = set()
    made = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    for node in tree.find_all(exp.Table):
        table = _named(node, seen.tables, made, where)
        if not table:
            continue
        if not _is_target(node):
            found.add(table)
            places.append((*_span(node), _subquery(node, table, columns[table], seen.condition(table))))
        elif seen.withholds(table) and _works_on_rows(node):
            raise _unclear(where, f"an UPDATE works on every row of {table}: write them anew with DELETE and INSERT")
        else:
            whole.add(table)
    if found | whole != seen.tables:
        raise _unclear(where, f"it reads {', '.join(sorted(seen.tables - found - whole))} without naming it")
    for begin, end, text in sorted(places, reverse=True):
        sql = sql[:begin] + text + sql[end:]
    return sql, frozenset(found)


def _named(node: exp.Table, tables: Collection[str], made: Collection[str], where: str) -> str:
    """The one of ``tables`` that a node names, or nothing."""
    name, database = node.name.lower(), node.db.lower()
    for table in sorted(tables):
        known, _, bare = table.lower().rpartition(".")
        if bare == name and database in ("", known):
            if not database and name in made:
                raise _unclear(where, f"{name} is both a table and a name in WITH: write {table}")
            return table
    return ""


def _works_on_rows(node: exp.Table) -> bool:
    """Changes rows that are there: an UPDATE, or an INSERT that does so where there is a conflict."""
    if isinstance(node.parent, exp.Update):
        return True
    insert = node.find_ancestor(exp.Insert)
    conflict = insert.args.get("conflict") if insert is not None else None
    return conflict is not None and bool(conflict.expressions)


def _is_target(node: exp.Table) -> bool:
    """What a statement writes, of which it may see every row."""
    parent = node.parent
    if isinstance(parent, exp.Schema):
        parent = parent.parent
    return isinstance(parent, exp.Insert | exp.Update | exp.Delete) and node.find_ancestor(exp.Select) is None


def _span(node: exp.Table) -> tuple[int, int]:
    """From the database's name to the table's own, without its alias."""
    first = node.args.get("db") or node.this
    return int(first.meta["start"]), int(node.this.meta["end"]) + 1


def _subquery(node: exp.Table, table: str, columns: Collection[str], condition: str) -> str:
    alias = "" if node.alias else f" AS {node.this.name}"
    return f"(SELECT {', '.join(columns) or '1'} FROM {table} WHERE {condition}){alias}"


def _unclear(where: str, why: str) -> PolicyDenied:
    return PolicyDenied("PAI306", f"whose rows the statement would see is not clear: {why}", where=where)
