"""A verifier: what a training manifest declares against what its run used, column by column.  [D]

The declaration is read from the deployed file; the observation is of the run's own reads, and of those for it in the
warehouse.  They differ where another manifest ran under the name of the one that was deployed.  What is declared and
was not observed is ``verifiers.drift``'s.
"""

from __future__ import annotations

from collections.abc import Iterator

from lineage.discover.lineage import Lineage
from lineage.model import Finding
from lineage.names import kind_of

# Where data lies; messages carry it, and stand for no more than what was read for them.
_STORES = frozenset({"warehouse", "file", "feature", "checkpoint"})
# Of a row, not about anybody; it goes with whatever is read.
_KEY = "correlation_key"


def manifest_drift(lineage: Lineage) -> Iterator[Finding]:
    """PAI405: a declared run used what its manifest does not name.  A checkpoint without a version is any of that name;
    the columns by which the warehouse itself sees whose a row is are not judged."""
    declared: dict[str, set[str]] = {}
    for edge in lineage.edges:
        if edge.state == "declared" and "manifest" in edge.evidence and kind_of(edge.target) == "training":
            declared.setdefault(edge.target, set()).add(edge.source)
    for edge in lineage.edges:
        if edge.state != "observed" or edge.target not in declared or kind_of(edge.source) not in _STORES:
            continue
        if not declared[edge.target].isdisjoint((edge.source, edge.source.partition("@")[0])):
            continue
        if (edge.source, edge.target) in lineage.subjects or lineage.labels.of(edge.source).operational == _KEY:
            continue
        yield Finding("PAI405", edge.source, f"{edge.target} used {edge.source}, and its manifest does not say so",
                      f"sightline why {edge.target} --from {edge.source}", max(len(edge.keys), 1))
