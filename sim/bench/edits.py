"""What somebody must edit for a change, counted in the text that each paradigm has people keep.

The procedure: the kept text before and after the change is compared line by line (difflib); a line that is added,
taken away or changed is one edit, blank lines and comments are none.  Kept are, by paradigm: each requirement's own
file; or the one policy's; or the list of point checks.  Where labels are judged, a new table's labels are kept too:
the lines of its DDL that say one.  Who has to be found and asked, nobody counts here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import ndiff
from pathlib import Path
from typing import Any, NamedTuple

from lineage.enforce import requirement
from lineage.enforce.requirement import Requirement
from lineage.enforce.rules import Rules
from sim.bench import points
from sim.bench.one_policy import merged

_LABEL = re.compile(r"--.*$", re.MULTILINE)


class Change(NamedTuple):
    """``requirements``: the files in force before it; ``more``: that come with it; ``tables``: the DDL that comes."""

    requirements: Sequence[Path]
    more: Sequence[Path] = ()
    tables: Sequence[str] = ()


def edits(paradigm: str, change: Change) -> dict[str, int]:
    """{"files", "lines", "in_code", "others_changed"}: ``in_code``: of the lines, those that are statements in a
    service's code; ``others_changed``: permissions of data that the change is not about, by annotation and purpose."""
    before = [requirement.load(path) for path in change.requirements]
    after = [*before, *(requirement.load(path) for path in change.more)]
    old, new = (_kept(paradigm, paths, known, tables) for paths, known, tables in (
        (change.requirements, before, ()), ([*change.requirements, *change.more], after, change.tables)))
    code = 0
    if paradigm == "points":
        code = _checks(after, change.tables).in_code - _checks(before, ()).in_code
    changed = {name: _lines(old.get(name, ""), text) for name, text in new.items()}
    return {"files": sum(1 for lines in changed.values() if lines), "lines": sum(changed.values()), "in_code": code,
            "others_changed": _others(paradigm, before, after)}


def _kept(paradigm: str, paths: Sequence[Path], known: Sequence[Requirement], tables: Sequence[str]) -> dict[str, str]:
    if paradigm == "nothing":
        return {}
    if paradigm == "points":
        return {"checks.yaml": _checks(known, tables).text()}
    files = {path.name: path.read_text(encoding="utf-8") for path in paths}
    if paradigm == "one-policy":
        files = {f"{one.name}.yaml": text_of(one) for one in merged(known)}
    return files | {f"table {number}": _labels(ddl) for number, ddl in enumerate(tables, 1)}


def _checks(known: Sequence[Requirement], tables: Sequence[str]) -> points.Checks:
    return points.derived(known, tables=[points.table(ddl) for ddl in tables])


def _labels(ddl: str) -> str:
    """The lines of a table that say a label."""
    return "\n".join(line for line in ddl.splitlines() if line.partition("--")[0].strip() and _LABEL.search(line))


def _lines(old: str, new: str) -> int:
    """A line that is another now is one edit, not two."""
    marks = [line[0] for line in ndiff(_said(old), _said(new))]
    return max(marks.count("+"), marks.count("-"))


def _said(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def text_of(one: Requirement) -> str:
    """A requirement's file, without what is empty."""
    governs, purposes = ", ".join(sorted(one.governs)), ", ".join(sorted(one.purposes))
    return (f"requirement: {one.name}\nversion: {one.version}\nowner: {one.owner}\nzone: {one.zone}\nmode: {one.mode}\n"
            f"governs: [{governs}]\npermit:\n  purposes: [{purposes}]\n  consent: [{', '.join(one.consent)}]\n")


def _others(paradigm: str, before: Sequence[Requirement], after: Sequence[Requirement]) -> int:
    """(annotation, purpose) of data governed before, of which one was permitted and is not, or the other way round."""
    if paradigm in ("nothing", "points") or not before:
        return 0
    by: Mapping[str, Any] = {"one-policy": merged}
    old, new = (Rules(by.get(paradigm, list)(known)) for known in (before, after))
    about = frozenset[str]().union(*(one.governs for one in after if one not in before))
    pairs = [(annotation, purpose) for annotation in sorted(frozenset[str]().union(*(one.governs for one in before)))
             for purpose in sorted(frozenset[str]().union(*(one.purposes for one in after)))
             if annotation not in about]
    return sum((annotation in old.forbidden(purpose)) != (annotation in new.forbidden(purpose))
               for annotation, purpose in pairs)
