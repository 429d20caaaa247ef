"""Faults of what is deployed: what runs is another file than the one that was reviewed, and that lineage is told of.

Demonstrate.  Nobody declares the change, and each rule is asked about what really runs: that the two differ is for a
verifier to say.
"""

from __future__ import annotations

from pathlib import Path

from lineage.privacylib.operation import Operation
from sim.scenario.faults import FAULTS, Fault
from sim.scenario.schema import Scenario
from sim.scenario.stage import find_file

# Of each fault: which of its keys says what is changed, and which by what; and where that is deployed.
_CHANGES = {"changed_sql": ("job", "sql", "jobs/{}.sql"), "changed_manifest": ("manifest", "by", "manifests/{}.yaml")}


@FAULTS.register("changed_sql", {"job": str, "sql": str}, stage="demonstrate",
                 doc="The warehouse runs another SQL file under the name of a job than the one that is declared.")
class ChangedSql(Fault):
    """Deployed before anything starts; ``hits``: reads and writes of the job in the warehouse."""

    def before(self, op: Operation) -> None:
        if op.asset.startswith("warehouse:") and op.context.activity == f"job:{self.given['job']}":
            self.fires()


@FAULTS.register("changed_manifest", {"manifest": str, "by": str}, stage="demonstrate",
                 doc="Training is given another manifest (`by`: a file) under the name of the one that is declared.")
class ChangedManifest(Fault):
    """Deployed before anything starts; ``hits``: what training writes in its runs."""

    def before(self, op: Operation) -> None:
        training = op.lib.service == "training" and op.context.activity == f"training:{self.given['manifest']}"
        if training and op.kind == "write":
            self.fires()


def changed(scenario: Scenario) -> dict[str, Path]:
    """What the faults of a scenario put in the place of a deployed file, as :func:`sim.stack.deployment.deploy` takes
    it.  Raises InputError (PAI012) for a file that is not there."""
    found = {}
    for fault in scenario.faults:
        if fault.kind in _CHANGES:
            what, by, place = _CHANGES[fault.kind]
            found[place.format(fault.given[what])] = find_file(scenario, fault.given[by], fault.where)
    return found
