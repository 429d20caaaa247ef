"""The warehouse's side of a claim of k-anonymity: whose rows a job is about to write, checked before it counts.

A token says which of its flows a review let through, and what that review claims.  Before each INSERT of such a flow
the warehouse asks whom the rows stand for (``subjects``), in a scope of its own: to count is no source of what is
written.  A release that breaks the claim is refused (PAI316), and the engine undoes the whole job; what counts is
remembered first, so that no release is forgotten that somebody may have seen.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from lineage.enforce.lines import Files, Lines
from lineage.enforce.reviewed import anonymity
from lineage.enforce.reviewed.anonymity import Group
from lineage.enforce.reviewed.job import KEY
from lineage.enforce.reviewed.reclassification import Lowering, lowering
from lineage.enforce.reviewed.subjects import Inputs, Unclear, no_change, telling, told
from lineage.enforce.rulebook import Rulebook, held
from lineage.enforce.rules import Rules
from lineage.errors import PolicyDenied
from lineage.model import Label
from lineage.names import asset_of
from lineage.privacylib import PrivacyLib

RELEASES = "file:releases.jsonl"


class Asked(NamedTuple):
    """One claim on one statement.  ``reads``: table → columns that ``query`` needs; ``aside``: of them, those that only
    the check needs."""

    claim: Lowering
    query: str
    reads: Mapping[str, tuple[str, ...]]
    aside: tuple[str, ...]


class Releases:
    """``key``: of the hashes by which released rows are remembered; whoever has it can try names against them."""

    def __init__(self, lib: PrivacyLib, rules: Rules | Rulebook, files: Files, key: str) -> None:
        self._lib = lib
        self._book = held(rules)
        self._lines = Lines(files, RELEASES.partition(":")[2])
        self._key = key.encode()
        self._earlier: dict[tuple[str, str], list[Group]] = {}

    def start(self) -> None:
        """Takes up what was released before."""
        if not self._lines.exists():
            return
        self._register(name for one in self._book.rules.requirements for name in one.governs)
        with self._lib.root(principal=self._lib.service), self._lib.read(RELEASES, fields=("subject", "row")) as op:
            lines = self._lines.read()
            op.rows = len(lines)
        for text in lines:
            requirement, of, groups = anonymity.read(text)
            self._earlier.setdefault((requirement, of), []).extend(groups)

    def asked(self, lowered: Iterable[str], sql: str, reads: Mapping[str, Collection[str]], writes: Collection[str],
              tables: Mapping[str, Collection[str]], labels: Mapping[str, Collection[str]]) -> list[Asked]:
        """What has to be asked before a statement runs.  ``reads`` and ``writes``: the engine's own account, for a text
        may leave a database's name out; ``tables``: table → columns; ``labels``: table → annotations.  Raises
        PolicyDenied (PAI316) where it cannot be told."""
        found = []
        for claim in map(lowering, lowered):
            if not claim.k or not self._enforced(claim):
                continue
            sink = asset_of(claim.sink).removeprefix("warehouse:").lower()
            governed = [table for table in reads
                        if table.lower() != sink and not set(claim.drops).isdisjoint(labels[table])]
            try:
                if governed:
                    no_change(sql)
                # What deletes by governed data tells of it too, and is no query whose rows could be counted.
                if governed and sink in map(str.lower, writes):
                    found.append(self._asking(claim, sql, reads, Inputs(tables, reads, governed)))
            except Unclear as error:
                raise refused(claim, f"whom its rows stand for cannot be told: {error}") from None
        return found

    def judged(self, asked: Asked, rows: Sequence[Sequence[Any]], written: int) -> list[Group]:
        """The groups of a release, which is not remembered yet.  ``rows`` are the query's; ``written``: how many the
        statement wrote.  Raises PolicyDenied (PAI316)."""
        claim = asked.claim
        groups = [anonymity.group(self._key, told(row[-1])) for row in rows]
        if written > len(rows):
            raise refused(claim, f"{written} rows were written, and {len(rows)} were counted")
        why = anonymity.problem(groups, self._earlier.get((claim.requirement, claim.of), ()), claim.k)
        if why:
            raise refused(claim, why)
        return groups

    def keep(self, found: Sequence[tuple[Asked, Sequence[Group]]]) -> None:
        """Remembers what is about to count."""
        for asked, groups in found:
            claim = asked.claim
            if not groups or self._known(claim, groups):
                continue
            self._register(claim.drops)
            sources = {"subject": [f"warehouse:{table}#{claim.of}" for table, columns in asked.reads.items()
                                   if claim.of in columns],
                       "row": [f"warehouse:{table}#{KEY}" for table, columns in asked.reads.items() if KEY in columns]}
            with self._lib.write(RELEASES, sources=sources):
                self._lines.append(anonymity.line(claim.requirement, claim.of, groups))
            more = [*groups, *([anonymity.together(groups)] if len(groups) > 1 else [])]
            self._earlier.setdefault((claim.requirement, claim.of), []).extend(more)

    def _known(self, claim: Lowering, groups: Sequence[Group]) -> bool:
        """The very same was released before."""
        earlier = self._earlier.get((claim.requirement, claim.of), [])
        return all(one in earlier for one in (*groups, anonymity.together(groups)))

    def _enforced(self, claim: Lowering) -> bool:
        return any(one.name == claim.requirement and one.mode == "enforcement" for one in self._book.rules.requirements)

    @staticmethod
    def _asking(claim: Lowering, sql: str, reads: Mapping[str, Collection[str]], inputs: Inputs) -> Asked:
        counting = {table: [one for one in (claim.of, KEY) if one in columns]
                    for table, columns in inputs.columns.items() if claim.of in columns}
        return Asked(claim, telling(sql, claim.of, inputs), {
            table: tuple(dict.fromkeys([*columns, *counting.get(table, ())]))
            for table, columns in sorted(reads.items())}, (claim.of, KEY))

    def _register(self, annotations: Iterable[str]) -> None:
        """Whom a release stood for is theirs as well, under whatever they are governed by."""
        known = self._lib.labels.get(RELEASES, {}).get("subject", Label()).annotations
        label = Label("user.identifier", tuple(sorted({*known, *annotations})))
        self._lib.register(RELEASES, {"subject": label, "row": label}, self._lib.service)


def refused(claim: Lowering, why: str) -> PolicyDenied:
    return PolicyDenied("PAI316", f"{claim.requirement} reclassifies {claim.source} → {claim.sink} because each row "
                        f"stands for at least {claim.k} of {claim.of}: {why}", where=claim.sink)
