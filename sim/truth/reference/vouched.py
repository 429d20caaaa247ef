"""Does anybody vouch for the purpose that a request states?  By what the scenario says of its credentials.

Truth.  A step that misuses a token or claims states a purpose that nobody vouches for, and so does a principal who is
not let act for it, or have such an activity run, by the deployed list of principals (read here by itself).  Governed
data may be used for no purpose that is not vouched for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

# Steps that show credentials which are not the activity's own.
MISUSES: dict[str, Callable[[Mapping[str, Any]], bool]] = {
    "present": lambda given: given.get("token") != "none",
    "relabel": lambda given: True,
    # Stolen claims that still hold are a stated limit: they vouch for whom they were given to.
    "invoke": lambda given: given.get("claims", "own") not in ("own", "stolen"),
}
# What goes wrong → the codes of checks that then cannot be made, and fail closed: no requirement asks for that, and it
# is not false.
CLOSED = {"policy_away": ("PAI305",), "unavailable": ("PAI305",), "kill": ("PAI305",), "latency": ("PAI305",),
          "clock_skew": ("PAI312",), "strip_claims": ("PAI314",), "forge_claims": ("PAI311",)}
_ANY = "*"


class Vouching:
    def __init__(self, steps: Sequence[Mapping[str, Any]], sent: Sequence[Mapping[str, Any]], deploy: Path) -> None:
        self._steps, self._sent = steps, sent
        path = deploy / "principals.yaml"
        self._principals = YAML(typ="safe").load(path)["principals"] if path.is_file() else {}
        # Of a step only its last request is the misuse; one before it may be how its credentials were got.
        self._last = {one["step"]: at for at, one in enumerate(sent) if one["method"] in (
            "RunJob", "RunSchedule", "Train", "Export")}

    def of(self, at: int, activity: str, purposes: Sequence[str]) -> bool:
        """Of the request at that place among all that were sent."""
        step = self._sent[at]["step"]
        if not 0 <= step < len(self._steps) or self._last.get(step) != at:
            return True
        told = self._steps[step]
        misuses = MISUSES.get(told["step"])
        if misuses is not None and misuses(told["given"]):
            return False
        asks = told["given"].get("as") if told["step"] == "invoke" else None
        if told["given"].get("claims") == "stolen":
            asks = "operator"
        return asks is None or self._lets(str(asks), activity, purposes)

    def _lets(self, principal: str, activity: str, purposes: Sequence[str]) -> bool:
        said = self._principals.get(principal) or {}
        acts, starts = said.get("purposes") or (), said.get("invokes") or ()
        return all(purpose in acts or _ANY in acts for purpose in purposes) and any(
            fnmatchcase(activity, pattern) for pattern in starts)


def closed(faults: Sequence[str], code: str) -> bool:
    """A refusal by this code is a check that could not be made, since something planted went wrong."""
    return any(code in CLOSED.get(fault, ()) for fault in faults)
