"""Which tables and columns a statement really reads and writes: from SQLite's bytecode.

Truth.  A witness has a connection of its own to the same files, read-only, and asks it to EXPLAIN
the statement; the service's connection is asked once, which files it has attached.  So nothing that
PrivacyLib sets on that connection (an authorizer) can be heard or disturbed here.

Not seen: virtual tables (they have no root page).  A definition (CREATE TABLE, CREATE INDEX, DROP,
ALTER) touches nothing; CREATE TABLE … AS SELECT reads its sources and writes the new table.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from itertools import pairwise
from urllib.parse import quote

from sim.truth.btree import Btrees, btrees, databases, quoted
from sim.truth.program import Program, Step, Touched

NOTHING = Touched({}, {})
_NO_DATA = frozenset({"PRAGMA", "ATTACH", "DETACH", "VACUUM", "REINDEX", "ANALYZE", "EXPLAIN", "BEGIN", "COMMIT", "END",
                      "ROLLBACK", "SAVEPOINT", "RELEASE", ""})
_DEFINITIONS = frozenset({"ParseSchema", "DropTable", "DropIndex", "DropTrigger", "LoadAnalysis"})
_SPACE = re.compile(r"(?:\s+|--[^\n]*(?:\n|$)|/\*.*?(?:\*/|$)|;)*", re.DOTALL)


def keyword(sql: str) -> str:
    """The first word of a statement, in upper case, comments skipped."""
    word = re.match(r"[A-Za-z]+", _bare(sql))
    return word[0].upper() if word else ""


def _bare(sql: str) -> str:
    start = _SPACE.match(sql)
    return sql[start.end() if start else 0:]


def touched(connection: sqlite3.Connection, sql: str) -> Touched:
    """What the statement would touch.  Raises sqlite3.Error where SQLite cannot prepare it.

    For many statements of one connection keep a Witness.
    """
    witness = Witness(connection)
    try:
        return witness.touched(sql)
    finally:
        witness.close()


class Witness:
    """Answers for one connection.  Not thread-safe: the journal holds its lock."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self._own: sqlite3.Connection | None = None
        self._private: set[str] = set()  # databases without a file: main in memory, temp
        self._attached: dict[str, str] = {}
        self._btrees: tuple[tuple[int, ...], Btrees] = ((), {})
        self._known: dict[str, Touched] = {}  # good for the schema versions in _btrees

    def refresh(self) -> None:
        """Opens what the connection has attached since, closes what it has detached."""
        files = {name: file for _, name, file in databases(self.connection)}
        if self._own is None:
            main = f"file:{quote(files['main'])}?mode=ro" if files["main"] else "file::memory:"
            # Without Python's statement cache: a cached EXPLAIN does not notice a changed schema.
            self._own = sqlite3.connect(main, uri=True, isolation_level=None, check_same_thread=False,
                                        cached_statements=0)
            self._attached["main"] = files["main"]
        for name in [name for name in self._attached if name not in files]:
            self._own.execute(f"DETACH {quoted(name)}")
            del self._attached[name]
        for name, file in files.items():
            if name not in self._attached and name != "temp":
                target = f"file:{quote(file)}?mode=ro" if file else "file::memory:"
                self._own.execute(f"ATTACH ? AS {quoted(name)}", (target,))
                self._attached[name] = file
        self._private = {"temp"} | {name for name, file in self._attached.items() if not file}
        self._known.clear()

    def touched(self, sql: str) -> Touched:
        """``sql`` has run on the connection and is not yet committed, or is about to run."""
        word = keyword(sql)
        if word in _NO_DATA:
            if word in ("ATTACH", "DETACH"):
                self.refresh()
            return NOTHING
        own = self._connection()
        version = self._version(own)
        if version != self._btrees[0]:
            # Also makes SQLite load the new schema: EXPLAIN by itself would use the old one.
            self._btrees = (version, btrees(own))
            self._known.clear()
        known = self._known.get(sql)
        if known is not None:
            return known
        try:
            steps = _explain(own, sql)
        except sqlite3.OperationalError:  # the connection may have attached a file unheard
            self.refresh()
            steps = _explain(own, sql)
            self._btrees = (self._version(own), btrees(own))
        if any(step.opcode in _DEFINITIONS for step in steps):
            return self._definition(own, sql, steps)
        found = _judge(steps, self._btrees[1])
        self._known[sql] = found
        return found

    def close(self) -> None:
        if self._own is not None:
            self._own.close()
            self._own = None

    def _connection(self) -> sqlite3.Connection:
        if self._own is None:
            self.refresh()
        assert self._own is not None
        return self._own

    def _version(self, own: sqlite3.Connection) -> tuple[int, ...]:
        return tuple(int(own.execute(f"PRAGMA {quoted(name)}.schema_version").fetchone()[0])
                     for name in (*self._attached, "temp"))

    def _definition(self, own: sqlite3.Connection, sql: str, steps: Sequence[Step]) -> Touched:
        """CREATE TABLE … AS, or a statement without data.  One on a database without a file is
        repeated here, where such a database is another one than the service's."""
        made = _made(steps)
        names = {number: name for number, name, _ in databases(own)}
        changed = {names[step.p1] for step in steps if step.opcode == "Transaction" and step.p2}
        private = bool(changed) and changed <= self._private
        if made is None:
            if private:
                own.execute(sql)
            return NOTHING
        number, name, definition = made
        own_table = f"{names[number]}.{name}"
        if private:
            body = definition.partition("(")[2]
            own.execute(f"CREATE TABLE {quoted(names[number])}.{quoted(name)}({body}")
        reads = _judge(steps, self._btrees[1]).reads
        return Touched(reads, {own_table: _columns(definition)})


def _explain(own: sqlite3.Connection, sql: str) -> list[Step]:
    """Raises sqlite3.Error.  Functions and collations of the service's are stood in for by name."""
    while True:
        try:
            return [Step(*row[:7]) for row in _unbound(own, "EXPLAIN " + _bare(sql))]
        except sqlite3.OperationalError as error:
            text = str(error)
            missing = re.fullmatch(r"no such (function|collation sequence): (\S+)", text)
            if missing is None:
                raise
            if missing[1] == "function":
                own.create_function(missing[2], -1, lambda *_: None)
            else:
                own.create_collation(missing[2], lambda one, other: (one > other) - (one < other))


class _Anything(dict[str, None]):
    def __missing__(self, key: str) -> None:
        return None


def _unbound(own: sqlite3.Connection, sql: str) -> list[tuple[int, str, int, int, int, str | None, int]]:
    """Runs a statement whose parameters have no values: they do not change what is touched."""
    try:
        return own.execute(sql).fetchall()
    except sqlite3.ProgrammingError as error:
        needed = re.search(r"uses (\d+)", str(error))
        if needed is None:
            raise
    try:
        return own.execute(sql, _Anything()).fetchall()
    except sqlite3.ProgrammingError:  # parameters without names
        return own.execute(sql, (None,) * int(needed[1])).fetchall()


def _judge(steps: Sequence[Step], known: Btrees) -> Touched:
    reads: dict[str, set[str]] = {}
    writes: dict[str, set[str]] = {}
    starts = [at for at, step in enumerate(steps) if step.address == 0]  # the main program, then its triggers
    for start, end in pairwise([*starts, len(steps)]):
        program = Program(steps[start:end], known)
        for table, columns in program.reads.items():
            reads.setdefault(table, set()).update(columns)
        for table, columns in program.writes.items():
            writes.setdefault(table, set()).update(columns)
    return Touched({table: frozenset(reads[table]) for table in sorted(reads)},
                   {table: frozenset(writes[table]) for table in sorted(writes)})


def _made(steps: Sequence[Step]) -> tuple[int, str, str] | None:
    """(number of its database, name, definition) of the table that CREATE TABLE … AS makes.

    Its cursor is opened on a root page that only a register knows, and is given rows; its row in
    ``sqlite_schema`` is put together from constants.
    """
    filled = {step.p1 for step in steps if step.opcode == "Insert"}
    for step in steps:
        if step.opcode == "OpenWrite" and step.p5 & 0x10 and not (step.p4 or "").startswith("k(") and step.p1 in filled:
            for at, text in enumerate(steps):
                if text.opcode == "String8" and text.p4 == "table" and text.p1 == 0:
                    texts = {later.p2 - text.p2: later.p4 or "" for later in steps[at:at + 6]
                             if later.opcode == "String8"}
                    if texts.get(4, "").startswith("CREATE TABLE"):
                        return step.p3, texts[1], texts[4]
    return None


def _columns(definition: str) -> frozenset[str]:
    """The columns of a definition as SQLite wrote it down: ``CREATE TABLE u(a,b INT)``."""
    scratch = sqlite3.connect(":memory:")
    try:
        scratch.execute("CREATE TABLE made(" + definition.partition("(")[2])
        return frozenset(row[1] for row in scratch.execute("PRAGMA table_info(made)"))
    finally:
        scratch.close()
