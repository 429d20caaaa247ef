"""Reclassification: the third remedy.  A reviewed entry takes annotations off one edge, for one digest of its
transformation and one schema of its inputs, until a day (S2, S5).

An entry stands in a requirement's file and speaks for that requirement alone.  Any change of the transformation, of
the inputs' schema or labels, or the day after ``until``, voids it: the flow is refused again (PAI315), and the reason
says which of them changed.  It lowers flows, and no use: what may not be read for a purpose is not read through it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from lineage.errors import InputError
from lineage.names import asset_of, field_of, parse
from lineage.yaml_file import Config

_NEEDED = ("from", "to", "drops", "transformation", "digest", "inputs", "reviewer", "reason", "until")
_CLAIMS = ("k_anonymity", "of")
_SHA = re.compile(r"[0-9a-f]{64}")
_JOB = re.compile(r"[a-z][a-z0-9_]*")
_CODE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_COLUMN = re.compile(r"[A-Za-z_]\w*")


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


def entries(given: Config, governs: frozenset[str]) -> tuple[Reclassification, ...]:
    """The entries of a requirement's file: what stands under ``reclassify``.  Raises InputError with the line."""
    listed = given.data.get("reclassify")
    if listed is None:
        return ()
    if not isinstance(listed, list):
        raise given.error("reclassify is a list of entries; write [] where there are none", "reclassify")
    if not all(isinstance(one, dict) for one in listed):
        raise given.error(f"an entry of reclassify is a mapping with {', '.join(_NEEDED)}", "reclassify")
    return tuple(_entry(one, governs) for one in given.mappings("reclassify")) if listed else ()


def _entry(entry: Config, governs: frozenset[str]) -> Reclassification:
    entry.only((*_NEEDED, "claims"), _NEEDED)
    for side in ("from", "to"):
        _asset(entry, side)
    one = entry.data
    drops = one["drops"]
    if not isinstance(drops, list) or not drops or not all(isinstance(name, str) for name in drops):
        raise entry.error("drops is a list of annotations, at least one", "drops")
    for name in drops:
        if name not in governs:
            raise entry.error(f"drops has {name!r}, which the requirement does not govern: an entry speaks for its own "
                              "requirement alone", "drops")
    for key in ("digest", "inputs"):
        if not isinstance(one[key], str) or not _SHA.fullmatch(one[key]):
            raise entry.error(f"{key} is 64 hex digits in quotes, as `sightline reclassify` prints them", key)
    for key in ("reviewer", "reason"):
        if not isinstance(one[key], str) or not one[key].strip():
            raise entry.error(f"{key} is a text, and not empty: somebody answers for it", key)
    sql, code = _transformation(entry)
    if sql and not (one["from"].startswith("warehouse:") and one["to"].startswith("warehouse:")):
        raise entry.error("a job's edge leads from warehouse:… to warehouse:…", "transformation")
    k, of = _claims(entry, sql)
    return Reclassification(str(one["from"]), str(one["to"]), frozenset(map(str, drops)), str(one["digest"]),
                            str(one["inputs"]), str(one["reviewer"]), str(one["reason"]), _day(entry), sql, code, k, of)


def _asset(entry: Config, side: str) -> None:
    name = entry.data[side]
    try:
        activity = parse(name if isinstance(name, str) else "").is_activity
    except InputError as error:
        raise entry.error(f"{side}: {error.what}", side) from None
    if activity:
        raise entry.error(f"{side} is data, as warehouse:core.sessions#scene; {name} is an activity", side)


def _transformation(entry: Config) -> tuple[str, str]:
    given = entry.data["transformation"]
    if not isinstance(given, dict) or len(given) != 1:
        raise entry.error("transformation is {sql: JOB} or {code: \"module:qualname\"}", "transformation")
    named = entry.mapping("transformation")
    named.only(("sql", "code"))
    for key, form, said in (("sql", _JOB, "a job's name"), ("code", _CODE, "a function as \"services.web.log:event\"")):
        if key in given and not (isinstance(given[key], str) and form.fullmatch(given[key])):
            raise named.error(f"{key} is {said}, not {given[key]!r}", key)
    return str(given.get("sql", "")), str(given.get("code", ""))


def _claims(entry: Config, sql: str) -> tuple[int, str]:
    if not entry.has("claims"):
        return 0, ""
    if not isinstance(entry.data["claims"], dict):
        raise entry.error("claims is {k_anonymity: K, of: COLUMN}", "claims")
    claims = entry.mapping("claims")
    claims.only(_CLAIMS, _CLAIMS)
    if not sql:
        raise entry.error("k_anonymity is checked on what a job writes: the transformation is not SQL", "claims")
    k, of = claims.data["k_anonymity"], claims.data["of"]
    if not isinstance(k, int) or isinstance(k, bool) or not 2 <= k <= 1_000_000:
        raise claims.error(f"k_anonymity is a whole number from 2, not {k!r}", "k_anonymity")
    if not isinstance(of, str) or not _COLUMN.fullmatch(of):
        raise claims.error(f"of is a column of the inputs, as wearer, not {of!r}", "of")
    return k, of


def _day(entry: Config) -> date:
    given = entry.data["until"]
    if isinstance(given, date) and not isinstance(given, datetime):
        return given
    try:
        return date.fromisoformat(given if isinstance(given, str) else "")
    except ValueError:
        raise entry.error(f"until is its last day, as 2026-12-31, not {given!r}", "until") from None
