"""What a remedy costs, in whole units that a person states: the plan is the cheapest, so they are its only preference.

``annotate``: for each field (whoever uses the sink is then held to the requirement too, which the plan works out, and
pays for).  ``block``: for each request that uses the flow now, one at least.  ``reclassify``: for each review.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lineage.errors import InputError
from lineage.names import parse
from lineage.yaml_file import located, tree_of

KINDS = ("annotate", "block", "reclassify")
MOST = 10**9


@dataclass(frozen=True)
class Costs:
    """``at``: asset or activity → kind → the whole cost of that remedy there."""

    annotate: int = 2
    block: int = 1
    reclassify: int = 20
    at: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def of(self, kind: str, place: str, units: int) -> int:
        """At least 1: what costs nothing would be proposed for nothing."""
        told = self.at.get(place, {}).get(kind)
        return max(1, told if told is not None else getattr(self, kind) * units)

    def to_dict(self) -> dict[str, Any]:
        return {"annotate": self.annotate, "block": self.block, "reclassify": self.reclassify,
                "at": {place: dict(told) for place, told in sorted(self.at.items())}}


def load(path: Path) -> Costs:
    """{annotate, block, reclassify: N, at: {ASSET: {KIND: N}}}; what is missing is as it is without a file.

    Raises InputError (PAI024) with the line.
    """
    try:
        data = tree_of(path, "PAI024")
    except OSError as error:
        raise InputError("PAI024", f"cannot be read: {error.strerror}", where=str(path)) from error
    except InputError as error:
        raise InputError("PAI024", f"cannot be read: {error.what}", where=error.where) from error
    if not isinstance(data, dict):
        raise InputError("PAI024", f"expected a mapping with {', '.join(KINDS)} or at", where=f"{path}:1")
    places: dict[str, dict[str, int]] = {}
    for place, told in (_mapping(data, "at", path) if "at" in data else {}).items():
        parse(str(place))
        places[str(place)] = _costs(told, path, data["at"], place)
    return Costs(**_costs({key: value for key, value in data.items() if key != "at"}, path, data, None), at=places)


def _mapping(data: Any, key: str, path: Path) -> dict[str, Any]:
    found = data[key]
    if not isinstance(found, dict):
        raise InputError("PAI024", f"{key} is a mapping", where=located(path, data, key))
    return found


def _costs(told: Any, path: Path, around: Any, place: Any) -> dict[str, int]:
    if not isinstance(told, dict):
        raise InputError("PAI024", f"{place} has a mapping of {', '.join(KINDS)}", where=located(path, around, place))
    for key, value in told.items():
        where = located(path, told if hasattr(told, "lines") else around, key)
        if key not in KINDS:
            raise InputError("PAI024", f"unknown key {str(key)!r}; keys are {', '.join((*KINDS, 'at'))}", where=where)
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MOST:
            raise InputError("PAI024", f"{key} costs a whole number from 1 to {MOST:,}", where=where)
    return {str(key): int(value) for key, value in told.items()}

