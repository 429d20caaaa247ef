"""What scenarios say of canaries: where they are planted, which checkpoint knows them; and a flow that hides.

Demonstrate.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from sim.scenario.expectations import EXPECTATIONS, Seen
from sim.scenario.faults import _COUNTS, FAULTS, Fault
from sim.scenario.history import History
from sim.scenario.schema import Scenario, Step

# Captures with a canary, so that the test can say something (``sim.truth.exposure``), and a few to spare.
_ENOUGH = 24
HIDDEN_READ = "hidden_read"


@EXPECTATIONS.register("exposure", {"from": str, "to": str, "is": Literal["exposed", "not exposed", "unknown"]},
                       optional={"canaries": str, "lineage": Literal["yes", "no", "other rows"]}, stage="demonstrate",
                       doc="Whether a checkpoint behaves as if it had learnt from a field (of a group of canaries), "
                           "and what lineage says of that.")
def exposure(history: History, given: Mapping[str, Any]) -> Seen:
    found = [row for row in history.exposure().get("rows", ()) if row["from"] == given["from"]
             and row["to"] == given["to"] and given.get("canaries", row["group"]) == row["group"]]
    if not found:
        return Seen("unknown", f"no such canaries were planted at {given['from']}, or {given['to']} is no language "
                               "model of this run")
    verdicts = {row["verdict"] for row in found}
    saw = "; ".join(_saw(row) for row in found)
    if given["is"] != "unknown" and "unknown" in verdicts:
        return Seen("unknown", saw)
    held = verdicts == {given["is"]} and all(given.get("lineage", row["lineage"]) == row["lineage"] for row in found)
    return Seen("pass" if held else "fail", saw)


def _saw(row: Mapping[str, Any]) -> str:
    told = row["why"] or f"{row['bits']} bits [{', '.join(map(str, row['interval']))}], p = {row['p']}"
    return f"{row['group']}: {row['verdict']}, {told}; lineage: {row['lineage']}"


@FAULTS.register(HIDDEN_READ, {"corpus": str, "table": str, "from": str, "to": str}, optional=_COUNTS,
                 stage="demonstrate",
                 doc="Whoever reads a corpus gets a table's rows with it (`from` and `to`: its columns), which came "
                     "there beside PrivacyLib.")
class HiddenRead(Fault):
    """Below the service's storage, and beside the tap: no signal, no journal, and no decision has it.

    Fires where the table has rows."""

    def reading(self, path: str, data: Path) -> bytes:
        """What the corpus has more."""
        if path != f"corpus/{self.given['corpus']}.tsv":
            return b""
        rows = list(self._rows(data))
        if not rows or not self.fires():
            return b""
        return "".join("\t".join(" ".join(str(cell).split()) for cell in row) + "\n" for row in rows).encode()

    def _rows(self, data: Path) -> Iterable[tuple[Any, ...]]:
        database, _, table = self.given["table"].partition(".")
        try:
            with closing(sqlite3.connect(f"{(data / 'warehouse' / database).as_uri()}.db?mode=ro", uri=True)) as own:
                columns = ", ".join(f'"{self.given[key]}"' for key in ("from", "to"))
                return own.execute(f'SELECT {columns} FROM "{table}"').fetchall()
        except sqlite3.OperationalError:  # there is no such table yet
            return ()


def with_canaries(scenario: Scenario) -> Scenario:
    """The same story, in which wearers ask each of its questions again, with canaries; as it is where it has some.

    After each ``ask``: so they go wherever what was asked goes."""
    if any("canaries" in step.given for step in scenario.steps):
        return scenario
    steps: list[Step] = []
    for number, step in enumerate(scenario.steps, 1):
        steps.append(step)
        if step.kind == "ask":
            steps += [_again(scenario, step, f"step {number}", place) for place in _places(step)]
    return replace(scenario, steps=tuple(steps))


def _places(step: Step) -> list[str]:
    return ["utterance", "sign"] if "sign" in step.given and "photo" not in step.given else ["utterance"]


def _again(scenario: Scenario, step: Step, name: str, place: str) -> Step:
    wearers = step.given.get("wearers", "all")
    count = scenario.world.wearers if wearers == "all" else wearers if isinstance(wearers, int) else len(wearers)
    return replace(step, given={**step.given, "times": -(-_ENOUGH // max(1, count)), "go_on": True,
                                "canaries": {"name": f"{name}, {place}", "in": place}})
