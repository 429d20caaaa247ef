"""[B] Row-level consent: of some tables a job sees only the rows whose wearer consents to its purpose.

Which tables, the policy service says in the token; whose a row is, the table's DDL (``subject: wearer``).  The
statement is narrowed where it names such a table, and nowhere else: the rest of its text stays as it was judged.
Who has withdrawn is asked before every statement, so that a withdrawal holds from the next one on.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

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


@dataclass
class Visible:
    """The rows of one statement that may be seen: ``subjects`` is table → the column that says whose a row is.

    ``checked`` and ``withheld`` count rows, and are filled while the statement runs; ``took``: nanoseconds of the whole
    statement, by which checks a second are told.  ``unasked``: table → that column, where the statement itself does
    not read it.
    """

    subjects: Mapping[str, str]
    withdrawn: frozenset[str]
    checked: int = field(default=0)
    withheld: int = field(default=0)
    took: int = field(default=0)
    unasked: dict[str, str] = field(default_factory=dict)

    def consents(self, subject: object) -> bool:
        """A row that is nobody's needs nobody's consent."""
        self.checked += 1
        if subject in self.withdrawn:
            self.withheld += 1
            return False
        return True

    def said(self) -> dict[str, Any]:
        """For a signal."""
        return {"checked": self.checked, "withheld": self.withheld, "ns": self.took}


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
    """``sql`` with each table that ``seen`` has subjects for replaced by its consenting rows, and those tables;
    ``columns``: what it reads of each.  The table that a DELETE or INSERT writes stays whole: to erase rows needs
    nobody's consent.

    Raises PolicyDenied (PAI306) where the tables cannot be found in the text: then nobody knows whose rows it reads;
    and for an UPDATE, or ON CONFLICT DO UPDATE, of a table in which somebody's rows are withheld.
    """
    if not seen.subjects:
        return sql, frozenset()
    try:
        tree = sqlglot.parse_one(sql, dialect="sqlite")
    except (SqlglotError, RecursionError) as error:
        raise _unclear(where, str(error).splitlines()[0] if str(error) else "it cannot be read") from None
    places: list[tuple[int, int, str]] = []
    found: set[str] = set()
    whole: set[str] = set()
    made = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    for node in tree.find_all(exp.Table):
        table = _named(node, seen.subjects, made, where)
        if not table:
            continue
        if not _is_target(node):
            found.add(table)
            places.append((*_span(node), _subquery(node, table, columns[table], seen.subjects[table])))
        elif seen.withdrawn and _works_on_rows(node):
            raise _unclear(where, f"an UPDATE works on every row of {table}: write them anew with DELETE and INSERT")
        else:
            whole.add(table)
    if found | whole != set(seen.subjects):
        raise _unclear(where, f"it reads {', '.join(sorted(set(seen.subjects) - found - whole))} without naming it")
    for begin, end, text in sorted(places, reverse=True):
        sql = sql[:begin] + text + sql[end:]
    return sql, frozenset(found)


def _named(node: exp.Table, subjects: Mapping[str, str], made: Collection[str], where: str) -> str:
    """The table of ``subjects`` that a node names, or nothing."""
    name, database = node.name.lower(), node.db.lower()
    for table in subjects:
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


def _subquery(node: exp.Table, table: str, columns: Collection[str], subject: str) -> str:
    alias = "" if node.alias else f" AS {node.this.name}"
    return f"(SELECT {', '.join(columns) or '1'} FROM {table} WHERE {CONSENTS}({subject})){alias}"


def _unclear(where: str, why: str) -> PolicyDenied:
    return PolicyDenied("PAI306", f"whose rows the statement would see is not clear: {why}", where=where)
