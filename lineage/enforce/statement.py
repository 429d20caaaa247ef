"""What the policy service judges of SQL: every flow of the statements' semantic tree, and every column that is used.

Direct flows (values) and indirect ones (filters, joins, groups) count alike: both tell of the source.  A table of
which only the rows are counted stands for all that is in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from lineage.discover.sql import Statement, analyse
from lineage.enforce.gate import Crossing, Input
from lineage.names import asset_of, field_of, join


class Tables(NamedTuple):
    """``columns``: table → column → its label as an input; ``types``: the same columns, for the analysis."""

    columns: Mapping[str, Mapping[str, Input]]
    types: Mapping[str, Mapping[str, str]]


class Judged(NamedTuple):
    """``outputs``: the columns that the statements write; ``tables``: those that their text reads."""

    crossings: list[Crossing]
    used: list[Input]
    outputs: list[str]
    tables: list[str]


def judged(statements: Iterable[str], tables: Tables, reads: Iterable[str] = (), writes: Iterable[str] = ()) -> Judged:
    """``reads`` and ``writes``: what the engine says that it will touch.  A column that only the engine knows of is
    judged too: as used, and as made of everything that is used.

    Raises InputError (PAI021), with the place underlined, for what cannot be read or resolved.
    """
    crossings: dict[tuple[str, str], Crossing] = {}
    used = {one.asset: one for one in (_input(name, tables) for name in reads)}
    outputs: set[str] = set()
    read: set[str] = set()
    for number, sql in enumerate(statements, 1):
        found = analyse(sql, tables.types, name=f"statement {number}")
        read.update(found.reads)
        for table, columns in found.reads.items():
            for column in columns or ("",):
                one = _input(f"{table}#{column}" if column else table, tables)
                used[one.asset] = one
        for source, sink in _flows(found):
            crossing = Crossing(_input(source, tables), _input(sink, tables))
            crossings[crossing.source.asset, crossing.sink.asset] = crossing
        if found.writes is not None:
            outputs.update(join(f"warehouse:{found.writes[0]}", column) for column in found.writes[1])
    for written in (_input(name, tables) for name in writes):
        if written.asset not in outputs:
            outputs.add(written.asset)
            crossings |= {(source.asset, written.asset): Crossing(source, written) for source in used.values()
                          if source.asset != written.asset}
    return Judged([crossings[pair] for pair in sorted(crossings)], [used[name] for name in sorted(used)],
                  sorted(outputs), sorted(read))


def _flows(found: Statement) -> Sequence[tuple[str, str]]:
    if found.writes is None:
        return []
    targets = {f"{found.writes[0]}#{flow.target}": flow.direct | flow.deciding for flow in found.columns}
    return [(source, target) for target, sources in targets.items() for source in sorted(sources) if source != target]


def _input(name: str, tables: Tables) -> Input:
    """A bare table's label is the join of its columns'."""
    table, column = asset_of(name), field_of(name)
    known = tables.columns.get(table, {})
    if column:
        return known.get(column, Input(join(f"warehouse:{table}", column), (), False))
    annotations = {annotation for one in known.values() for annotation in one.annotations}
    return Input(f"warehouse:{table}", tuple(sorted(annotations)), bool(known))
