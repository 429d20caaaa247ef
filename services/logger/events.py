"""[B] Judges events against the version they were written under, and brings them to the latest.

What is bad is told from what is good event by event; why, without a value of the event: a reason is kept and shown
in places where the event itself may not be.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from lineage.privacylib.sampling import Sampling
from protos.rows_pb2 import Row, Rows, Value
from services import rows as typed
from services.logger.category import Category, Field
from services.logger.registry import Schema

# Producers choose which columns they send: no more than this many choices are remembered.
_PLANS = 256
# Bytes of an event: what one message to the warehouse surely takes.
MAX_EVENT = 16 << 20


class Judged(NamedTuple):
    """``good``: as it may be queued, None where no event is left; ``bad``: reason → events as they came.
    ``gaps``: fields without a label → events that gave them a value."""

    good: Rows | None
    bad: dict[str, list[Row]]
    sampled_out: int
    gaps: dict[str, int]


@dataclass(frozen=True)
class _Plan:
    """For one list of columns.  ``keep``: which go on, None for all of them as they are."""

    width: int
    checks: tuple[tuple[int, Field], ...]
    unknown: tuple[tuple[int, str], ...]
    missing: tuple[str, ...]
    gaps: tuple[tuple[int, str], ...]
    keep: tuple[int, ...] | None
    columns: tuple[str, ...]
    sampled: tuple[tuple[int, Sampling], ...]


class Judge:
    """Of one category.  ``enforcing``: a field without a label does not go on."""

    def __init__(self, schema: Schema, seed: int, *, enforcing: bool) -> None:
        self._schema = schema
        self._seed = seed
        self._plans: dict[tuple[int, tuple[str, ...]], _Plan] = {}
        self._sampling = sampling(schema.latest.sample, seed, schema.latest.name)
        self.enforce(enforcing)

    def enforce(self, enforcing: bool) -> None:
        """From now on, also for what is queued."""
        latest = self._schema.latest
        self._plans.clear()
        self.fields: Mapping[str, Field] = {name: field for name, field in latest.fields.items()
                                            if not (enforcing and name in latest.gaps)}
        self.columns = tuple(field.column for field in self.fields.values())

    def judge(self, rows: Rows, version: int) -> Judged:
        """Rows without a key are expected to have been given one."""
        category = self._schema.version(version)
        if category is None:
            known = ", ".join(map(str, self._schema.versions))
            return Judged(None, {f"unknown_version: {version} is not one of {known}": list(rows.rows)}, 0, {})
        columns = tuple(rows.columns)
        if len(set(columns)) != len(columns):
            return Judged(None, {"malformed: a column is given twice": list(rows.rows)}, 0, {})
        plan = self._plan(category, columns)
        large = rows.ByteSize() > MAX_EVENT
        good: list[Row] = []
        bad: dict[str, list[Row]] = {}
        for row in rows.rows:
            reason = _reason(plan, row) or (large and _size(row))
            if reason:
                bad.setdefault(reason, []).append(row)
            else:
                good.append(row)
        gaps = {name: count for at, name in plan.gaps
                if (count := sum(row.values[at].WhichOneof("kind") is not None for row in good))}
        taken = good if self._sampling is None else [row for row in good if self._sampling.takes(row.key)]
        out = len(good) - len(taken)
        if not taken:
            return Judged(None, bad, out, gaps)
        if not bad and not out and plan.keep is None and not plan.sampled:
            return Judged(rows, bad, 0, gaps)
        return Judged(_kept(rows.schema, plan, taken), bad, out, gaps)

    def _plan(self, category: Category, columns: tuple[str, ...]) -> _Plan:
        plan = self._plans.get((category.version, columns))
        if plan is None:
            plan = self._make(category, columns)
            if len(self._plans) < _PLANS:
                self._plans[category.version, columns] = plan
        return plan

    def _make(self, category: Category, columns: tuple[str, ...]) -> _Plan:
        known = [(at, category.fields[name]) for at, name in enumerate(columns) if name in category.fields]
        keep = tuple(at for at, field in known if field.name in self.fields)
        sampled = [(at, sampling(self.fields[columns[index]].sample, self._seed, category.name, columns[index]))
                   for at, index in enumerate(keep)]
        return _Plan(
            len(columns), tuple(known), tuple((at, name) for at, name in enumerate(columns)
                                              if name not in category.fields),
            tuple(name for name, field in category.fields.items() if field.required and name not in columns),
            tuple((at, field.name) for at, field in known if field.name in self._schema.latest.gaps),
            keep if len(keep) < len(columns) else None, tuple(columns[at] for at in keep),
            tuple((at, one) for at, one in sampled if one is not None))

    def extend(self, target: Any, rows: Rows) -> None:
        """Adds ``rows`` to ``target`` (Rows of the table) under the latest version's columns."""
        columns = {name: at for at, name in enumerate(rows.columns)}
        if tuple(columns) == tuple(self.fields) and not any(field.default is not None for field in
                                                             self.fields.values()):
            target.rows.extend(rows.rows)
            return
        for row in rows.rows:
            target.rows.add(key=row.key).values.extend(
                [_upgraded(field, row.values[columns[name]] if name in columns else Value())
                 for name, field in self.fields.items()])


def sampling(rate: float, seed: int, *names: str) -> Sampling | None:
    """None where everything is taken; otherwise keyed by seed and names, so that two samples are independent."""
    if rate >= 1:
        return None
    salt = int.from_bytes("/".join(names).encode()[:256], "big")
    return Sampling(rate, seed * (1 << 64) + salt)


def _upgraded(field: Field, value: Value) -> Value:
    if field.default is not None and value.WhichOneof("kind") is None:
        return typed.to_value(field.default)
    return value


def _kept(schema: str, plan: _Plan, rows: Sequence[Row]) -> Rows:
    indexes = range(plan.width) if plan.keep is None else plan.keep
    made = Rows(schema=schema, columns=plan.columns)
    for row in rows:
        values = [row.values[at] for at in indexes]
        for at, sample in plan.sampled:
            if not sample.takes(row.key):
                values[at] = Value()
        made.rows.add(key=row.key).values.extend(values)
    return made


def _reason(plan: _Plan, row: Row) -> str:
    """Empty for a good event."""
    values = row.values
    if len(values) != plan.width:
        return f"malformed: {len(values)} values for {plan.width} columns"
    for at, name in plan.unknown:
        if values[at].WhichOneof("kind") is not None:
            return f"unknown_field: {name[:100]!r}"
    if plan.missing:
        return f"missing: {plan.missing[0]!r}"
    for at, field in plan.checks:
        value = values[at]
        kind = value.WhichOneof("kind")
        if kind is None:
            if field.required:
                return f"missing: {field.name!r}"
        elif kind != field.type:
            if field.type == "text" and kind == "blob" and not _utf8(value.blob):
                return f"not_utf8: {field.name!r}"
            return f"wrong_type: {field.name!r} is {kind}, it must be {field.type}"
        elif kind == "number":
            if not math.isfinite(value.number):
                return f"wrong_type: {field.name!r} is not a finite number"
        elif kind != "integer" and len(getattr(value, kind)) > field.max:
            return f"too_long: {field.name!r} is longer than {field.max}"
    return ""


def _size(row: Row) -> str:
    return f"too_long: the event is longer than {MAX_EVENT} bytes" if row.ByteSize() > MAX_EVENT else ""


def _utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
