"""From the stored signals to lineage.json: derive, verify, place the zones, weigh the evidence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lineage.demonstrate.evidence import evidence
from lineage.demonstrate.verifiers import verify
from lineage.discover import declare, review
from lineage.discover.graph import Graph
from lineage.discover.lineage import derive, save
from lineage.discover.store import Store
from lineage.enforce import requirement
from lineage.enforce.manager.placement import place
from sim.scenario.schema import Scenario
from sim.stack.deployment import Deployment


def picture(store: Store, deployment: Deployment, scenario: Scenario, seed: int,
            recorded: Mapping[str, int], requirements: Mapping[str, str]) -> dict[str, Any]:
    """``recorded``: signals that each emitter says that it has made; ``requirements``: name → file, at the end.

    The content of lineage.json; the derived tables of the store are rewritten with it."""
    store.expect(recorded)
    declared = declare.declared(deployment.configs)
    lineage = derive(store, declared, declared.schema)
    lineage.findings = [*lineage.findings, *verify(lineage)]
    save(store, lineage)
    review.save(store)
    content: dict[str, Any] = {
        "format": 1, "scenario": scenario.name, "seed": seed, "assets": lineage.assets(),
        "edges": [edge.to_dict() for edge in lineage.edges],
        "decisions": lineage.decisions, "findings": [finding.to_dict() for finding in lineage.findings]}
    content["activities"] = lineage.acting()
    content["consent"] = [{"purpose": purpose, "checked": checked, "withheld": withheld}
                          for purpose, (checked, withheld) in sorted(lineage.consent.items())]
    if lineage.origin:
        content["origin"] = [{"purpose": purpose, "checked": checked, "withheld": withheld}
                             for purpose, (checked, withheld) in sorted(lineage.origin.items())]
    graph = Graph(content)
    rules = [requirement.parse(text, deployment.requirements / f"{name}.yaml")
             for name, text in sorted(requirements.items())]
    zones = [place(one, graph, lineage.purposes()) for one in rules]
    content["zones"] = [zone.to_dict() for zone in zones]
    content["evidence"] = [evidence(zone, content["decisions"], content["findings"]).to_dict() for zone in zones]
    return content
