"""Reclassification: the third remedy.  A reviewed entry takes annotations off one edge, for one digest of its
transformation and one schema of its inputs, until a day (S2, S5).

An entry stands in a requirement's file and speaks for that requirement alone.  Any change of the transformation, of
the inputs' schema or labels, or the day after ``until``, voids it: the flow is refused again (PAI315), and the reason
says which of them changed.  It lowers flows, and no use: what may not be read for a purpose is not read through it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from difflib import get_close_matches
from typing import Any, NamedTuple

from lineage.errors import InputError
from lineage.names import asset_of, field_of, parse

_NEEDED = ("from", "to", "drops", "transformation", "digest", "inputs", "reviewer", "reason", "until")
_CLAIMS = ("k_anonymity", "of")
_SHA = re.compile(r"[0-9a-f]{64}")
_JOB = re.compile(r"[a-z][a-z0-9_]*")
_CODE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_COLUMN = re.compile(r"[A-Za-z_]\w*")
# (the mapping, its key, what is wrong) → the error, with the line.
Fail = Callable[[Any, Any, str], InputError]


@dataclass(frozen=True)
class Reclassification:
    """``source`` and ``sink``: assets or fields.  ``sql``: a job's name, else ``code``: "module:qualname".

    ``until``: its last day.  ``k``: each row of the output stands for at least so many different values of ``of``, a
    column of the inputs; 0 without the claim.
    """

    source: str
    sink: str
    drops: frozenset[str]
    digest: str
    inputs: str
    reviewer: str
    reason: str
    until: date
    sql: str = ""
    code: str = ""
    k: int = 0
    of: str = ""

    @property
    def edge(self) -> str:
        return f"{self.source} → {self.sink}"

    def covers(self, source: str, sink: str) -> bool:
        """The edge is this one, or a field's of it."""
        return covers(self.source, source) and covers(self.sink, sink)


def covers(reviewed: str, name: str) -> bool:
    return reviewed == name or (not field_of(reviewed) and asset_of(name) == reviewed)


class Lowering(NamedTuple):
    """An entry that held when its flow was judged, as a token carries it.  ``requirement``: its name."""

    requirement: str
    source: str
    sink: str
    drops: tuple[str, ...]
    k: int = 0
    of: str = ""

    @property
    def text(self) -> str:
        return json.dumps(self, separators=(",", ":"))


def lowering(text: str) -> Lowering:
    """Raises ValueError for what :attr:`Lowering.text` cannot have made."""
    try:
        requirement, source, sink, drops, k, of = json.loads(text)
        return Lowering(str(requirement), str(source), str(sink), tuple(map(str, drops)), int(k), str(of))
    except (TypeError, ValueError) as error:
        raise ValueError("a lowering is malformed") from error


def entries(given: Any, governs: frozenset[str], fail: Fail) -> tuple[Reclassification, ...]:
    """The entries of a requirement's file; ``given`` is what stands under ``reclassify``.  Raises what ``fail`` makes
    (PAI022, with the line)."""
    listed = given.get("reclassify")
    if listed is None:
        return ()
    if not isinstance(listed, list):
        raise fail(given, "reclassify", "reclassify is a list of entries; write [] where there are none")
    return tuple(_entry(one, governs, fail) if isinstance(one, dict) else _no_mapping(given, fail) for one in listed)


def _no_mapping(given: Any, fail: Fail) -> Reclassification:
    raise fail(given, "reclassify", f"an entry of reclassify is a mapping with {', '.join(_NEEDED)}")


def _entry(one: Any, governs: frozenset[str], fail: Fail) -> Reclassification:
    _keys(one, (*_NEEDED, "claims"), _NEEDED, fail)
    for side in ("from", "to"):
        _asset(one, side, fail)
    drops = one["drops"]
    if not isinstance(drops, list) or not drops or not all(isinstance(name, str) for name in drops):
        raise fail(one, "drops", "drops is a list of annotations, at least one")
    for name in drops:
        if name not in governs:
            raise fail(one, "drops", f"drops has {name!r}, which the requirement does not govern: an entry speaks for "
                                     "its own requirement alone")
    for key in ("digest", "inputs"):
        if not isinstance(one[key], str) or not _SHA.fullmatch(one[key]):
            raise fail(one, key, f"{key} is 64 hex digits in quotes, as `sightline reclassify` prints them")
    for key in ("reviewer", "reason"):
        if not isinstance(one[key], str) or not one[key].strip():
            raise fail(one, key, f"{key} is a text, and not empty: somebody answers for it")
    sql, code = _transformation(one, fail)
    if sql and not (one["from"].startswith("warehouse:") and one["to"].startswith("warehouse:")):
        raise fail(one, "transformation", "a job's edge leads from warehouse:… to warehouse:…")
    k, of = _claims(one, sql, fail)
    return Reclassification(str(one["from"]), str(one["to"]), frozenset(map(str, drops)), str(one["digest"]),
                            str(one["inputs"]), str(one["reviewer"]), str(one["reason"]), _day(one, fail), sql, code,
                            k, of)


def _keys(one: Any, known: tuple[str, ...], needed: tuple[str, ...], fail: Fail) -> None:
    for key in one:
        if key not in known:
            close = get_close_matches(str(key), known, 1)
            raise fail(one, key, f"unknown key {key!r}" + (f"; did you mean {close[0]!r}?" if close
                                                          else f"; keys are {', '.join(known)}"))
    for key in needed:
        if key not in one:
            raise fail(one, None, f"the key {key!r} is missing")


def _asset(one: Any, side: str, fail: Fail) -> None:
    try:
        activity = parse(one[side] if isinstance(one[side], str) else "").is_activity
    except InputError as error:
        raise fail(one, side, f"{side}: {error.what}") from None
    if activity:
        raise fail(one, side, f"{side} is data, as warehouse:core.sessions#scene; {one[side]} is an activity")


def _transformation(one: Any, fail: Fail) -> tuple[str, str]:
    given = one["transformation"]
    if not isinstance(given, dict) or len(given) != 1:
        raise fail(one, "transformation", "transformation is {sql: JOB} or {code: \"module:qualname\"}")
    _keys(given, ("sql", "code"), (), fail)
    for key, form, said in (("sql", _JOB, "a job's name"), ("code", _CODE, "a function as \"services.web.log:event\"")):
        if key in given and not (isinstance(given[key], str) and form.fullmatch(given[key])):
            raise fail(given, key, f"{key} is {said}, not {given[key]!r}")
    return str(given.get("sql", "")), str(given.get("code", ""))


def _claims(one: Any, sql: str, fail: Fail) -> tuple[int, str]:
    if "claims" not in one:
        return 0, ""
    claims = one["claims"]
    if not isinstance(claims, dict):
        raise fail(one, "claims", "claims is {k_anonymity: K, of: COLUMN}")
    _keys(claims, _CLAIMS, _CLAIMS, fail)
    if not sql:
        raise fail(one, "claims", "k_anonymity is checked on what a job writes: the transformation is not SQL")
    k, of = claims["k_anonymity"], claims["of"]
    if not isinstance(k, int) or isinstance(k, bool) or not 2 <= k <= 1_000_000:
        raise fail(claims, "k_anonymity", f"k_anonymity is a whole number from 2, not {k!r}")
    if not isinstance(of, str) or not _COLUMN.fullmatch(of):
        raise fail(claims, "of", f"of is a column of the inputs, as wearer, not {of!r}")
    return k, of


def _day(one: Any, fail: Fail) -> date:
    given = one["until"]
    if isinstance(given, date) and not isinstance(given, datetime):
        return given
    try:
        return date.fromisoformat(given if isinstance(given, str) else "")
    except ValueError:
        raise fail(one, "until", f"until is its last day, as 2026-12-31, not {given!r}") from None
