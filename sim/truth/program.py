"""One program of SQLite's virtual machine: which columns it takes in, and which it replaces.

Truth: judged from opcodes alone (https://sqlite.org/opcode.html; checked against SQLite 3.40).  What
an UPDATE or DELETE reads only to carry a row over or to find its index entries is upkeep, not a read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sim.truth.btree import Btree, Btrees

_P2_IS_REGISTER = 0x10
_NEVER_NULL = 0x90  # a comparison of keys that SQLite makes by itself, to check uniqueness
_OTHER_OPENS = frozenset({"OpenEphemeral", "OpenAutoindex", "OpenPseudo", "SorterOpen", "OpenDup", "VOpen"})
_SEEKS = frozenset({"SeekGE", "SeekGT", "SeekLE", "SeekLT", "IdxGE", "IdxGT", "IdxLE", "IdxLT"})
_BINARY = frozenset({"Add", "Subtract", "Multiply", "Divide", "Remainder", "Concat", "BitAnd", "BitOr",
                     "ShiftLeft", "ShiftRight", "And", "Or"})
_COMPARE = frozenset({"Eq", "Ne", "Lt", "Le", "Gt", "Ge"})
_FUNCTION = frozenset({"Function", "PureFunc"})
_TO_P2 = frozenset({"Rowid", "IdxRowid", "SCopy", "IntCopy", "Integer", "Int64", "Real", "String8", "Variable",
                    "Blob", "NewRowid", "Param", "Count", "Sequence", "RowData"})
_TO_P3 = _BINARY | _FUNCTION | {"Column", "MakeRecord", "AggValue"}


class Step(NamedTuple):
    """A row of EXPLAIN."""

    address: int
    opcode: str
    p1: int
    p2: int
    p3: int
    p4: str | None
    p5: int


class Touched(NamedTuple):
    """Tables by full name → columns.  A table read without a column, as by count(*), has the empty
    set; so has a written one of which rows were only deleted."""

    reads: dict[str, frozenset[str]]
    writes: dict[str, frozenset[str]]


class Program:
    """``steps``: one program (the main one, or a trigger's)."""

    def __init__(self, steps: Sequence[Step], btrees: Btrees) -> None:
        self._steps = steps
        self._btrees = btrees
        self._opens: dict[int, list[tuple[int, Btree | None, bool]]] = {}
        for at, step in enumerate(steps):
            if step.opcode in ("OpenRead", "OpenWrite", "ReopenIdx"):
                known = None if step.p5 & _P2_IS_REGISTER else btrees.get((step.p3, step.p2))
                self._opens.setdefault(step.p1, []).append((at, known, step.opcode == "OpenWrite"))
            elif step.opcode in _OTHER_OPENS:
                self._opens.setdefault(step.p1, []).append((at, None, False))
        self.reads: dict[str, set[str]] = {}
        self.writes: dict[str, set[str]] = {}
        self._upkeep: set[int] = set()
        self._computed: set[int] = set()  # row ids that become the value of a column
        for at, step in enumerate(steps):
            self._write(at, step)
        for at, step in enumerate(steps):
            self._read(at, step)

    # -- cursors and registers

    def _tree(self, cursor: int, at: int) -> tuple[Btree | None, bool]:
        """What the cursor stands on at a step, and whether it may write: its latest opening above."""
        opens = self._opens.get(cursor, [])
        before = [entry for entry in opens if entry[0] <= at] or opens[:1]
        return (before[-1][1], before[-1][2]) if before else (None, False)

    def _rewrites(self, cursor: int, tree: Btree) -> bool:
        """The cursor also changes this table: it stands there to find the rows, in one pass or two."""
        return any(write and found is not None and found.table == tree.table
                   for _, found, write in self._opens.get(cursor, ()))

    def _origin(self, register: int, before: int) -> int | None:
        """The step that gave the register its value, copies followed."""
        for at in range(before - 1, -1, -1):
            step = self._steps[at]
            if not _defines(step, register):
                continue
            if step.opcode == "SCopy":
                register = step.p1
            elif step.opcode == "Copy":
                register = step.p1 + register - step.p2
            else:
                return at
        return None

    def _valued(self, register: int, after: int, tree: Btree) -> bool:
        """Something is computed from, compared with, looked up by or given out of the register."""
        for at, step in enumerate(self._steps[after + 1:], after + 1):
            if (step.opcode in _SEEKS | {"Found", "NotFound", "SeekRowid"}
                    and step.p3 <= register < step.p3 + max(1, int(step.p4 or 0))):
                where, _ = self._tree(step.p1, at)
                if where is None or where.table != tree.table:
                    return True
            if step.opcode in _BINARY | {"Cast", "If", "IfNot"} and register in (step.p1, step.p2):
                return True
            if step.opcode in _COMPARE and register in (step.p1, step.p3) and step.p5 & _NEVER_NULL != _NEVER_NULL:
                return True
            if step.opcode in _FUNCTION | {"AggStep"} and step.p2 <= register < step.p2 + _arguments(step):
                return True
            if step.opcode == "ResultRow" and step.p1 <= register < step.p1 + step.p2:
                return True
            if _defines(step, register):
                return False
        return False

    # -- writes

    def _write(self, at: int, step: Step) -> None:
        if step.opcode == "Clear":
            cleared = self._btrees.get((step.p2, step.p1))
            if cleared is not None and not cleared.index:
                self.writes.setdefault(cleared.table, set())
            return
        if step.opcode not in ("Insert", "IdxInsert", "Delete", "IdxDelete", "RowCell"):
            return
        tree, _ = self._tree(step.p1, at)
        if tree is None:
            return
        if step.opcode == "IdxDelete":
            for register in range(step.p2, step.p2 + step.p3):
                self._keep(self._origin(register, at), tree)
        elif not tree.index:
            written = self.writes.setdefault(tree.table, set())
            if step.opcode == "Insert" or (step.opcode == "IdxInsert" and tree.keyed):
                written |= self._record(at, step, tree)

    def _keep(self, origin: int | None, tree: Btree) -> None:
        """Part of the key of an index entry to be removed, or of the expression behind it."""
        if origin is None:
            return
        step = self._steps[origin]
        if step.opcode in _FUNCTION:
            for register in range(step.p2, step.p2 + _arguments(step)):
                self._keep(self._origin(register, origin), tree)
        elif step.opcode in _BINARY:
            for register in (step.p1, step.p2):
                self._keep(self._origin(register, origin), tree)
        elif step.opcode in ("Column", "Rowid"):
            source, _ = self._tree(step.p1, origin)
            if source is not None and source.table == tree.table and self._rewrites(step.p1, tree):
                self._upkeep.add(origin)

    def _record(self, at: int, step: Step, tree: Btree) -> set[str]:
        """The columns that the record really changes: all but those carried over from the old row."""
        made = self._origin(step.p2, at)
        if made is None or self._steps[made].opcode != "MakeRecord":
            return set(tree.all)
        first, count = self._steps[made].p1, self._steps[made].p2
        carried: set[str] = set()
        for slot in range(min(count, len(tree.columns))):
            origin = self._origin(first + slot, made)
            source = self._steps[origin] if origin is not None else None
            if origin is None or source is None or source.opcode not in ("Column", "Rowid"):
                continue
            old, _ = self._tree(source.p1, origin)
            if old is None or old.table != tree.table or not self._rewrites(source.p1, tree):
                continue
            if source.opcode == "Rowid":
                self._computed.add(origin)
            elif source.p2 < len(old.columns) and old.columns[source.p2] == tree.columns[slot]:
                self._upkeep.add(origin)
                carried |= tree.columns[slot]
        if tree.rowid != "rowid" and carried:
            # The row id is no part of the record; an UPDATE that changes it deletes and inserts anew.
            carried.add(tree.rowid)
        return set(tree.all) - carried

    # -- reads

    def _read(self, at: int, step: Step) -> None:
        name = step.opcode
        tree, writable = self._tree(step.p2 if name == "RowCell" else step.p1, at)
        if tree is None or name in ("OpenWrite", *_OTHER_OPENS):
            return
        if name in ("OpenRead", "ReopenIdx"):
            if not self._rewrites(step.p1, tree) and not self._collects(step.p1, tree):
                self._add(tree, frozenset())
        elif name == "Column":
            if at not in self._upkeep and not self._finds(tree, step, at):
                self._add(tree, tree.columns[step.p2] if step.p2 < len(tree.columns) else frozenset())
        elif name in ("Rowid", "IdxRowid"):
            if at not in self._upkeep and self._takes_rowid(tree, step, at):
                self._add(tree, frozenset((tree.rowid,)))
        elif name == "SeekRowid":
            self._add(tree, frozenset((tree.rowid,)))
        elif name in _SEEKS:
            self._add(tree, self._key(tree, int(step.p4 or 0)))
        elif name in ("Found", "NotFound") and not writable:
            self._add(tree, self._key(tree, self._width(at, step)))
        elif name in ("RowData", "RowCell") and not writable:
            self._add(tree, tree.all | (frozenset() if tree.rowid == "rowid" else frozenset((tree.rowid,))))

    def _collects(self, cursor: int, tree: Btree) -> bool:
        """The cursor only gathers the ids of rows that are changed after."""
        return tree.table in self.writes and any(
            step.opcode in ("Rowid", "IdxRowid") and step.p1 == cursor and self._only_locates(step.p2, at)
            for at, step in enumerate(self._steps))

    def _add(self, tree: Btree, columns: frozenset[str]) -> None:
        self.reads.setdefault(tree.table, set()).update(column for column in columns if column)

    def _key(self, tree: Btree, width: int) -> frozenset[str]:
        if not (tree.index or tree.keyed):
            return frozenset((tree.rowid,))
        return frozenset().union(*tree.columns[:width])

    def _width(self, at: int, step: Step) -> int:
        """Key columns of a Found or NotFound; 0 means that the key is a record made before."""
        if int(step.p4 or 0):
            return int(step.p4 or 0)
        made = self._origin(step.p3, at)
        return self._steps[made].p2 if made is not None and self._steps[made].opcode == "MakeRecord" else 1

    def _finds(self, tree: Btree, step: Step, at: int) -> bool:
        """The primary key of a WITHOUT ROWID table, taken only to come back to the row."""
        return (bool(tree.primary) and self._rewrites(step.p1, tree) and step.p2 < len(tree.columns)
                and tree.columns[step.p2] <= tree.primary and not self._valued(step.p3, at, tree)
                and not self._elsewhere(step, at))

    def _elsewhere(self, step: Step, at: int) -> bool:
        """The column goes into another slot of the record than its own."""
        for other, insert in enumerate(self._steps):
            if insert.opcode != "IdxInsert" or insert.p1 != step.p1:
                continue
            made = self._origin(insert.p2, other)
            if made is None or self._steps[made].opcode != "MakeRecord":
                continue
            first = self._steps[made].p1
            if any(self._origin(first + slot, made) == at for slot in range(self._steps[made].p2)):
                return True
        return False

    def _takes_rowid(self, tree: Btree, step: Step, at: int) -> bool:
        if at in self._computed:
            return True
        if self._steps[at - 1].opcode == "NoConflict":  # is the entry that is in the way this row's own?
            return False
        if self._rewrites(step.p1, tree):
            return self._valued(step.p2, at, tree)
        return not self._only_locates(step.p2, at)

    def _only_locates(self, register: int, after: int) -> bool:
        """The row id ends a passing index's entry, keys a list of rows, or tells one row from another."""
        for at, step in enumerate(self._steps[after + 1:], after + 1):
            if step.opcode in ("RowSetTest", "RowSetAdd") or (step.opcode == "Insert" and step.p3 == register):
                return True
            if step.opcode == "MakeRecord" and step.p1 <= register < step.p1 + step.p2:
                cursor = self._passing_index(step.p3, at)
                return cursor is not None and not any(
                    later.p1 == cursor and (later.opcode == "IdxRowid" or (
                        later.opcode == "Column" and later.p2 == register - step.p1)) for later in self._steps)
            if step.opcode == "Yield" or _defines(step, register):
                return False
        return False

    def _passing_index(self, record: int, after: int) -> int | None:
        """The automatic index that the record goes to, as its cursor."""
        automatic = {step.p1 for step in self._steps if step.opcode == "OpenAutoindex"}
        for step in self._steps[after + 1:]:
            if step.opcode == "IdxInsert" and step.p2 == record:
                return step.p1 if step.p1 in automatic else None
            if _defines(step, record):
                return None
        return None


def _defines(step: Step, register: int) -> bool:
    if step.opcode in _TO_P2:
        return step.p2 == register
    if step.opcode in _TO_P3:
        return step.p3 == register
    if step.opcode == "Copy":
        return step.p2 <= register <= step.p2 + step.p3
    if step.opcode == "Null":
        return step.p2 <= register <= max(step.p2, step.p3)
    return step.opcode in ("SoftNull", "AggFinal") and step.p1 == register


def _arguments(step: Step) -> int:
    """Arguments of a function, from ``name(n)``; EXPLAIN gives the number there."""
    text = (step.p4 or "").rpartition("(")[2].rstrip(")")
    return int(text) if text.isdigit() else 1
