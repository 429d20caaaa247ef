"""Whose data is in what: what a finished run's lineage says, and the expectations of it and of the journal.

Discover [D].  The lineage knows people by pseudonyms; who asks here knows the run's secret, and names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, Literal

from lineage.discover import declare
from lineage.discover.impact import Impact, Impacts
from lineage.errors import InputError
from lineage.model import Signal
from lineage.names import asset_of, parse
from lineage.pseudonyms import Pseudonyms, secret_of
from sim.scenario.compare import Comparable, matches
from sim.scenario.expectations import EXPECTATIONS, Seen, counted
from sim.scenario.history import History
from sim.stack.deployment import Deployment

_register = EXPECTATIONS.register


def asked(lineage: dict[str, Any], signals: Callable[[], Iterable[Signal]],
          deployment: Deployment) -> Callable[[str], Impact]:
    """Wearer → what holds her data.  The run is looked through when it is first asked."""
    names = Pseudonyms(secret_of(str(lineage["seed"])))
    whole = cache(lambda: Impacts(lineage, signals(), declare.declared(deployment.configs).schema))
    return cache(lambda wearer: whole().of(names.of(wearer)))


@_register("impact", {"wearer": str, "asset": str, "is": Literal["holds", "may hold", "gone", "unknown"]},
           optional={"rows": Comparable, "answers": Comparable}, stage="discover",
           doc="What `sightline impact` says of one asset: does it hold data of a wearer, and how many answers did "
               "it give.")
def impact(history: History, given: Mapping[str, Any]) -> Seen:
    asset = asset_of(str(parse(given["asset"])))
    if not history.knows(asset):
        raise InputError("PAI001", f"nothing in this run is named {asset}")
    found = history.impact(given["wearer"])
    if not found.keys:
        return Seen("pass" if given["is"] == "unknown" else "unknown",
                    f"PAI416: the lineage knows no row of {given['wearer']}")
    item = found.of(asset)
    confidence = item.confidence if item is not None else "gone"
    if confidence != given["is"]:
        why = f": {'; '.join(item.because)}" if item is not None and item.because else ""
        return Seen("unknown" if confidence == "unknown" else "fail", f"{asset} {confidence}{why}")
    answers = sum(count for counts in found.answers.get(asset, {}).values() for count in counts.values())
    for key, seen in (("rows", item.rows if item is not None else 0), ("answers", answers)):
        if key in given and not matches(given[key], seen):
            return counted(given[key], seen, key)
    said = f"; {item.rows} of her rows, {answers} answers" if item is not None else ""
    return Seen("pass", f"{asset}: {confidence}, of {found.keys} keys that are {given['wearer']}'s{said}")


@_register("trained_on", {"wearer": str, "checkpoint": str, "rows": Comparable}, stage="enforce",
           doc="Rows of a wearer that physically went into a checkpoint (\"assistant@3\"), by the journal.")
def trained_on(history: History, given: Mapping[str, Any]) -> Seen:
    checkpoint = given["checkpoint"].removeprefix("checkpoint:")
    rows, unclear, armed = history.held(given["wearer"], checkpoint)
    if not armed:
        return Seen("unknown", f"the journal saw {checkpoint} not being made, or no row go into any checkpoint")
    if unclear:
        return Seen("unknown", f"{rows} rows of {given['wearer']}, and {unclear} of which none can say whose they are")
    return counted(given["rows"], rows, f"rows of {given['wearer']} in {checkpoint}")
