"""How the reference monitor (``sim.truth.reference``) looks at a run, and what is left for it: its construction.

The construction is what the scenario submitted, step by step: jobs, manifests, exports, with their texts.  From it the
monitor knows what was attempted, also where nothing moved; it is no part of what a run has to have the same byte for
byte, and nothing of the PAI reads it.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sim.world.clock import START
from sim.world.device import LABELS

_READ = ("RunJob", "Train", "Export", "RunSchedule")
_MODE = re.compile(r"^mode\s*:\s*enforcement\b", re.MULTILINE)


@dataclass(frozen=True)
class Examined:
    """``values``: what the app sends is looked for in the services' messages (in one process only), and what the
    warehouse holds is kept before each request of the operator's that may read it.

    ``logging``: the deployed requirements are all put into logging mode, so that what the steps attempt happens.
    ``library``: makes a service's PrivacyLib in another way, such as without a guard: the monitor's positive control.
    """

    values: bool = False
    logging: bool = False
    library: Callable[..., Any] | None = None

    def deployed(self, requirements: Path) -> None:
        """Changes the files that a run is about to be started with."""
        for path in requirements.glob("*.yaml") if self.logging else ():
            path.write_text(self.rewritten(path.read_text(encoding="utf-8")), encoding="utf-8")

    def before(self, warehouse: Path, snapshots: Path) -> Callable[[int, str], None]:
        """Keeps what the warehouse holds before each request that may read it, in ``snapshots/<place>``."""
        def keep(at: int, method: str) -> None:
            if self.values and method in _READ:
                (snapshots / str(at)).mkdir(parents=True)
                for path in sorted(warehouse.glob("*.db")):
                    with closing(sqlite3.connect(path)) as own, closing(
                            sqlite3.connect(snapshots / str(at) / path.name)) as copy:
                        own.backup(copy)

        return keep

    def rewritten(self, requirement: str) -> str:
        """The text of a requirement that the run is told of."""
        return _MODE.sub("mode: logging", requirement) if self.logging else requirement


AS_IT_IS = Examined()


def write_construction(path: Path, given: Examined, steps: Sequence[dict[str, Any]],
                       sent: Sequence[dict[str, Any]], faults: Iterable[str] = ()) -> None:
    """``sent``: what the operator sent, in order, each with the number of its ``step`` (-1: before the first);
    ``faults``: their kinds."""
    devices = {f"device:{place}#{name}": sorted(label.annotations) for place, of in LABELS.items()
               for name, label in of.items()}
    said = {"format": 1, "logging": given.logging, "steps": list(steps), "sent": list(sent), "devices": devices,
            "faults": sorted(set(faults)), "day": START.date().isoformat()}
    path.write_text(json.dumps(said, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
