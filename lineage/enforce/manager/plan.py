"""The Policy Zone Manager's plan (S2, S3): assets, flows, violations, and the cheapest remedies, each with its reason.

It proposes; it changes nothing, and nothing asks it at run time.  For one requirement it is optimal at the stated
costs; for several that share remedies it says by how much it may miss the optimum at most.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lineage.discover.graph import ANY
from lineage.enforce.manager.candidates import Decided, Flows, discover
from lineage.enforce.manager.costs import Costs
from lineage.enforce.manager.cut import Arc, Solution, joint
from lineage.enforce.manager.model import Crossing, Model, Remedy
from lineage.enforce.manager.seen import Part, PlanRun
from lineage.errors import InputError
from lineage.names import kind_of

_ENTRIES = ("device", "app", "web", "file")
_NOTHING, _USUAL = Decided(), Costs()


@dataclass(frozen=True)
class Planned:
    """Of one requirement."""

    run: PlanRun
    flows: Flows
    model: Model

    @property
    def crossings(self) -> list[Crossing]:
        return [self.model.crossings[sink] for sink in sorted(self.model.crossings)]


@dataclass(frozen=True)
class Plan:
    requirements: tuple[Planned, ...]
    solution: Solution
    costs: Costs
    decided: Decided

    @property
    def violations(self) -> int:
        return sum(len(planned.crossings) for planned in self.requirements)

    @property
    def open(self) -> list[Crossing]:
        """Violations whose denial nobody has agreed to."""
        return [one for planned in self.requirements for one in planned.crossings
                if one.sink not in self.decided.block]

    @property
    def undecided(self) -> list[str]:
        return sorted({one.asset for planned in self.requirements for one in planned.flows.undecided})

    @property
    def remedies(self) -> list[Remedy]:
        """The chosen ones, by key."""
        every = {key: remedy for planned in self.requirements for key, remedy in planned.model.remedies.items()}
        return [every[key] for key in sorted(self.solution.chosen)]

    def accepted(self, despite: int | None, path: Path, name: str) -> int:
        """How many violations enforcing would deny that are still open: all of them accepted, as ``despite`` says.

        Raises InputError (PAI322), which names the requirement's file and its name, where it says another number.
        """
        left = len(self.open)
        count = f"{left} violation{'s are' if left != 1 else ' is'} open"
        if despite is not None and despite != left:
            raise InputError("PAI322", f"--despite is {despite}, and {count}", where=str(path),
                             next=f"sightline zones plan {name}")
        if left and despite is None:
            raise InputError("PAI322", f"{count}: {', '.join(one.sink for one in self.open)}", where=str(path),
                             next=f"sightline zones plan {name}, or sightline zones enforce {name} --despite {left}")
        return left

    def to_dict(self) -> dict[str, Any]:
        return {"requirements": [_requirement(planned, self) for planned in self.requirements],
                "violations": self.violations, "open": len(self.open), "undecided": self.undecided,
                "remedies": [self._remedy(remedy) for remedy in self.remedies],
                "cost": self.solution.cost, "bound": self.solution.bound, "gap": round(self.solution.gap, 4),
                "costs": self.costs.to_dict()}

    def why(self, remedy: Remedy) -> tuple[str, list[str]]:
        """The requirement, and the way that this remedy alone closes, as names."""
        index, way = self.solution.ways[remedy.key]
        return self.requirements[index].run.requirement.id, _names(way)

    def _remedy(self, remedy: Remedy) -> dict[str, Any]:
        requirement, way = self.why(remedy)
        return {"remedy": remedy.kind, "at": remedy.at, "from": remedy.source, "fields": sorted(remedy.fields - {""}),
                "cost": remedy.cost, "needed": {"requirement": requirement, "way": way}}


def plan(runs: Sequence[PlanRun], decided: Decided = _NOTHING, costs: Costs = _USUAL) -> Plan:
    """``runs``: the same run, through the eyes of each requirement.

    Raises InputError: PAI321 for decisions that contradict, PAI323 where nothing of the run is governed.
    """
    made = []
    for run in runs:
        if not run.sources:
            governs = ", ".join(sorted(run.requirement.governs))
            raise InputError("PAI323", f"nothing in this run carries {governs}, which {run.requirement.id} governs; "
                             "there is nothing to plan with",
                             next="sightline run scenarios/01_ask_a_landmark.yaml")
        flows = discover(run.sources, run.edges, decided)
        made.append(Planned(run, flows, Model(run, flows, costs)))
    _known(decided, runs)
    # A remedy that several requirements ask for costs what the dearest of them says.
    prices: dict[str, int] = {}
    for planned in made:
        for key, cost in planned.model.costs.items():
            prices[key] = max(cost, prices.get(key, 0))
    for planned in made:
        for key, remedy in planned.model.remedies.items():
            remedy.cost = prices[key]
    return Plan(tuple(made), joint([planned.model.problem for planned in made], prices), costs, decided)


def _known(decided: Decided, runs: Sequence[PlanRun]) -> None:
    """Raises InputError (PAI001) for a name that the run does not have."""
    for name in sorted(decided.include | decided.exclude | decided.block):
        runs[0].graph.resolve(name)


def _requirement(planned: Planned, of: Plan) -> dict[str, Any]:
    run, flows = planned.run, planned.flows
    return {"requirement": run.requirement.id, "owner": run.requirement.owner, "mode": run.requirement.mode,
            "assets": run.identified(),
            "flows": {"reached": sorted({run.part(name).asset for name in flows.reached}), "rounds": flows.rounds,
                      "undecided": [{"asset": one.asset, "from": one.by["from"], "to": one.by["to"]}
                                    for one in flows.undecided],
                      "included": list(flows.included), "excluded": list(flows.excluded),
                      "cascade": list(flows.cascade)},
            "violations": [_violation(planned, one, of) for one in planned.crossings]}


def _violation(planned: Planned, crossing: Crossing, of: Plan) -> dict[str, Any]:
    run = planned.run
    return {"sink": crossing.sink, "code": crossing.code, "rule": crossing.rule, "owner": run.owner(crossing.sink),
            "edges": [{"from": edge["from"], "to": edge["to"], "state": edge["state"], "count": edge["count"]}
                      for edge in crossing.edges],
            "path": path(planned, crossing), "agreed": crossing.sink in of.decided.block,
            "remedies": sorted(of.solution.chosen & crossing.keys)}


def path(planned: Planned, crossing: Crossing) -> list[dict[str, Any]]:
    """From where the data entered to the sink: edges of the run.  What was really seen before what is declared, and the
    glasses before the app, before web; of several, a shortest."""
    graph = planned.run.graph
    ends = sorted(crossing.edges, key=lambda edge: (edge["state"] == "declared", edge["from"]))
    for states in ({"observed"}, ANY):
        for kind in _ENTRIES:
            starts = [name for name in planned.run.sources if kind_of(name) == kind]
            found = [[*way, last] for last in ends if starts
                     and (way := [] if last["from"] in starts else graph.path_between(starts, [last["from"]], states))
                     is not None]
            if found:
                return min(found, key=len)
    return [ends[0]]


def _names(way: Sequence[Arc]) -> list[str]:
    found: list[str] = []
    for arc in way:
        for node in (arc.source, arc.target):
            name = node.asset if isinstance(node, Part) else str(node[1]) if isinstance(node, tuple) else ""
            if name and (not found or found[-1] != name):
                found.append(name)
    return found
