"""Does anybody vouch for what a step asked for?  By the scenario's own words and the deployed file of principals.

Truth, naive: it reads the file with a reading of its own, and knows nothing of claims, keys or signatures; what a step
shows it says itself.  Whoever stole claims that still hold is who they are of: the model's stated limit.
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

# Codes of checks that could not be made, because of a fault: whether the refusal was right nobody can say.
UNMADE = ("PAI305", "PAI312")


def vouched(deploy: Path, step: Mapping[str, Any], activity: str, purpose: str) -> bool:
    """For an attempt of this step; ``step``: its name and what it was given."""
    given = step["given"]
    if step["step"] == "relabel":
        return False
    if step["step"] != "invoke":
        return True
    shown = given.get("claims", "own")
    if shown not in ("own", "stolen"):
        return False
    listed = YAML(typ="safe").load(deploy / "principals.yaml")["principals"]
    one = listed.get("operator" if shown == "stolen" else given["as"])
    return one is not None and not {purpose, "*"}.isdisjoint(one.get("purposes", ())) and any(
        fnmatchcase(activity, pattern) for pattern in one.get("invokes", ()))
