"""A verifier: what a job's SQL declares against what its runs did, column by column.  [B]

The declaration is read from the reviewed file; the observation is the engine's own account of each statement that
ran, which nobody writes.  They differ where the SQL was changed after the review, and where a table has changed so
that the same text (``SELECT *``) means more.  What is declared and was not observed is ``verifiers.drift``'s.
"""

from __future__ import annotations

from collections.abc import Iterator

from lineage.discover.lineage import Lineage
from lineage.model import Edge, Finding
from lineage.names import asset_of, kind_of

_SQL = ("sql", "sql:indirect")


def job_drift(lineage: Lineage) -> Iterator[Finding]:
    """PAI405: a declared job moved or used a column as its file does not say.  Guesses (LOW) are not judged, nor is
    the column by which the warehouse itself sees whose a row is."""
    declared: dict[str, set[tuple[str, str]]] = {}
    for edge in lineage.edges:
        if edge.state == "declared" and not edge.evidence.isdisjoint(_SQL):
            for job in _jobs(edge):
                declared.setdefault(job, set()).add((edge.source, edge.target))
    for edge in lineage.edges:
        if edge.state != "observed" or not edge.source.startswith("warehouse:"):
            continue
        ends = edge.source, edge.target
        for job in sorted(_jobs(edge) & set(declared)):
            if ends in declared[job] or not _sure(edge, job) or (edge.source, job) in lineage.subjects:
                continue
            if edge.target != job or not _whole(ends, declared[job]):
                yield Finding("PAI405", edge.source if edge.target == job else edge.target,
                              f"{job} took {edge.source} to {edge.target}, and its file does not say so"
                              if edge.target != job else f"{job} read {edge.source}, and its file does not say so",
                              f"sightline why {edge.target} --from {edge.source}", max(len(edge.keys), 1))


def _jobs(edge: Edge) -> set[str]:
    """The jobs and queries that an edge is about."""
    return {name for name in (edge.target, *edge.via) if kind_of(name) in ("job", "query")}


def _sure(edge: Edge, job: str) -> bool:
    """Usage is the engine's word; a flow between columns counts where the statement resolved it."""
    return edge.target == job or (edge.confidence == "HIGH" and "sql" in edge.evidence)


def _whole(ends: tuple[str, str], declared: set[tuple[str, str]]) -> bool:
    """The whole table is read where one of its columns is said to be read, and rows are only counted."""
    return "#" not in ends[0] and any(asset_of(source) == ends[0] for source, target in declared if target == ends[1])
