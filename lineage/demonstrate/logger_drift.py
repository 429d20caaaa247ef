"""A verifier: the logger's declared lineage against its observed one, field by field.

Elsewhere drift is judged between assets; the logger is different, because its config names every field, and whether
an event may lack it.  Guesses (LOW) and dead letters, which no config foresees, are not judged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from lineage.discover.lineage import Lineage
from lineage.discover.logger_config import EVIDENCE, OPTIONAL
from lineage.model import Edge, Finding
from lineage.names import asset_of

_DEAD = "logger:dead_letter"


def logger_drift(lineage: Lineage) -> Iterator[Finding]:
    """PAI404: a field took a way that the config does not declare; PAI403: one that every event has never came."""
    declared = {(edge.source, edge.target): edge for edge in lineage.edges
                if edge.state == "declared" and EVIDENCE in edge.evidence}
    observed = {(edge.source, edge.target): edge for edge in lineage.edges if edge.state == "observed"}
    sure = {ends for ends, edge in observed.items() if edge.confidence == "HIGH"}
    seen = Counter(tuple(map(asset_of, ends)) for ends in sure & set(declared))
    for ends in sorted(sure - set(declared)):
        if _within(observed[ends]):
            yield Finding("PAI404", ends[1], f"{ends[0]} → {ends[1]} was observed, and no logger config declares it",
                          f"sightline why {ends[1]}", max(len(observed[ends].keys), 1))
    for ends, edge in sorted(declared.items()):
        if ends not in observed and OPTIONAL not in edge.evidence and seen[tuple(map(asset_of, ends))]:
            yield Finding("PAI403", ends[1], f"{ends[0]} → {ends[1]} is declared by {EVIDENCE} for every event, and "
                          "was not observed, while other fields were", f"sightline why {ends[1]} --from {ends[0]}")


def _within(edge: Edge) -> bool:
    """Into a category's queue, or out of it."""
    return not any(end.startswith(_DEAD) for end in (edge.source, edge.target)) and any(
        end.startswith("logger:") for end in (edge.source, edge.target))
