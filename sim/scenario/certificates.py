"""The expectation of a certificate of non-use: given, and then verified, or refused because her rows had a part.

That it cannot be told is neither: the expectation is then unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from lineage.demonstrate.certified import verify
from lineage.errors import NotProved, SightlineError
from sim.scenario.expectations import EXPECTATIONS, Seen
from sim.scenario.history import History


def asked(data: Path, lineage: Mapping[str, Any]) -> Callable[[str, str], str]:
    """``History.certified``, from a run's data folder and the content of its lineage.json."""

    def certified(wearer: str, checkpoint: str) -> str:
        from sim.stack.certifying import issue, public_keys  # training's code, where it is needed

        made = issue(data, lineage["seed"], lineage["decisions"], wearer, checkpoint)
        found = verify(made, public_keys(lineage["seed"]), wearer=wearer)
        return "; ".join(f"{link.name}: {link.said}" for link in found.links if link.name.startswith("snapshots"))

    return certified


@EXPECTATIONS.register("certificate", {"wearer": str, "checkpoint": str, "is": Literal["given", "refused"]},
                       stage="demonstrate", doc="Whether it is certified that no row of a wearer had a part in a "
                                                "checkpoint: it is trained again without them.")
def certificate(history: History, given: Mapping[str, Any]) -> Seen:
    try:
        said = history.certified(given["wearer"], given["checkpoint"])
    except NotProved as error:
        return Seen("pass" if error.code == "PAI410" and given["is"] == "refused" else "fail", str(error))
    except SightlineError as error:
        return Seen("unknown", str(error))
    return Seen("pass" if given["is"] == "given" else "fail", f"given, and verified; {said}")
