"""What a run left behind, for the expectations to look at: the PAI's own account, and the truth."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lineage.discover.calls import Call
from lineage.discover.graph import Graph
from lineage.discover.impact import Impact
from lineage.errors import InputError, RunError
from lineage.model import Signal
from sim.scenario.stored import Stored


def uncertified(wearer: str, checkpoint: str, how: str = "", other: str = "") -> str:
    raise RunError("PAI032", "nothing was kept of the run", where=checkpoint)


@dataclass
class History:
    """``lineage``: the content of lineage.json.  ``operations``: the score against the journal.

    ``moved(source, activity)`` asks the journal: (rows, armed); ``carried(field, asset)``: (messages, armed).
    ``answers``: (text, checkpoint).  ``audit``: service → what a watch saw of its I/O
    (``lineage.privacylib.mediation.Watch.account``).  ``truth``: (process, operation, asset) → how often it really
    happened.
    """

    lineage: dict[str, Any]
    operations: dict[str, Any]
    moved: Callable[[str, str], tuple[int, bool]]
    answers: list[tuple[str, str]]
    steps: list[dict[str, Any]] = field(default_factory=list)
    audit: dict[str, dict[str, Any]] = field(default_factory=dict)
    carried: Callable[[str, str], tuple[int, bool]] = lambda what, to: (0, False)
    truth: Mapping[tuple[str, str, str], int] = field(default_factory=dict)
    # Asks the journal for rows that arrived for a table or a column: (rows, armed).
    appended: Callable[[str], tuple[int, bool]] = lambda target: (0, False)
    # Searches what the run left: (value → the assets that hold it, all assets that were searched).
    remains: Callable[[], tuple[Mapping[str, frozenset[str]], frozenset[str]]] = lambda: ({}, frozenset())
    # The recorded signals, in the order of each emitter.
    signals: Callable[[], list[Signal]] = list
    # Asks the journal for a wearer's rows in a checkpoint: (rows, rows that are nobody's, armed); and the lineage for
    # all that holds data of a wearer.
    held: Callable[[str, str], tuple[int, int, bool]] = lambda wearer, checkpoint: (0, 0, False)
    impact: Callable[[str], Impact] = lambda wearer: Impact(0)
    # What models were asked and answered, and how often each in the same way.
    calls: Callable[[], Mapping[Call, int]] = dict
    # (wearer, checkpoint, how it is spoiled before it is verified, by which other checkpoint) → what the certificate of
    # non-use shows; raises SightlineError where none is given, or it does not hold.
    certified: Callable[[str, str, str, str], str] = uncertified
    # What checkpoints show of planted canaries (``sim.truth.exposure.table``); {} where none were.
    exposure: Callable[[], dict[str, Any]] = dict
    # What lies in the checkpoints' folder.
    stored: Callable[[], Mapping[str, Stored]] = dict

    def __post_init__(self) -> None:
        self.graph = Graph(self.lineage)

    def knows(self, asset: str) -> bool:
        """The run has an asset or an activity of this name, at whatever level."""
        try:
            self.graph.resolve(asset)
        except InputError:
            activities = {decision["activity"] for decision in self.lineage["decisions"]}
            return asset in activities or any(one["name"] == asset or one["name"].startswith(f"{asset}.")
                                              for one in self.lineage["assets"])
        return True

    def decisions(self, activity: str) -> list[dict[str, Any]]:
        return [decision for decision in self.lineage["decisions"] if decision["activity"] == activity]

    def findings(self, code: str, asset: str = "") -> list[dict[str, Any]]:
        """Findings of a code, at an asset (its fields and parts included) or anywhere; of what checkpoints show too."""
        every = (*self.lineage["findings"], *self.exposure().get("findings", ()))
        return [finding for finding in every if finding["code"] == code
                and (not asset or finding["asset"] == asset or finding["asset"].startswith((f"{asset}#", f"{asset}.")))]
