"""The expectation of a certificate of non-use: given, and then verified, or refused because her rows had a part.

That it cannot be told is neither: the expectation is then unknown, unless just that is expected.  A certificate can be
spoiled before it is verified, and has to be found out.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

from lineage import dsse
from lineage.demonstrate.certificate import ISSUER
from lineage.demonstrate.certified import verify
from lineage.enforce.tokens import Signer
from lineage.errors import InputError, SightlineError
from sim.scenario.expectations import EXPECTATIONS, Seen
from sim.scenario.history import History

_SAYS = {"PAI410": "refused", "PAI411": "untold", "PAI412": "broken", "PAI413": "broken"}


def asked(data: Path, lineage: Mapping[str, Any]) -> Callable[[str, str, str, str], str]:
    """``History.certified``, from a run's data folder and the content of its lineage.json."""

    @cache
    def issued(wearer: str, checkpoint: str) -> bytes:
        from sim.stack.certifying import issue  # training's code, where it is needed

        return issue(data, lineage["seed"], lineage["decisions"], wearer, checkpoint)

    def certified(wearer: str, checkpoint: str, how: str, other: str) -> str:
        from sim.stack.certifying import public_keys

        made = issued(wearer, checkpoint)
        if how:
            made = _spoiled(made, how, data / "checkpoints" / other / "manifest.json", lineage["seed"])
        found = verify(made, public_keys(lineage["seed"]), wearer=wearer)
        return "; ".join(f"{link.name}: {link.said}" for link in found.links if link.name.startswith("snapshots"))

    return certified


def _spoiled(made: bytes, how: str, manifest: Path, seed: int) -> bytes:
    """Cut off; with another statement under the signature; or signed anew by its issuer, who has no key of training's,
    around the executed manifest of another checkpoint."""
    if how == "cut":
        return made[:len(made) // 2]
    envelope = json.loads(made)
    statement = json.loads(base64.b64decode(envelope["payload"]))
    if how == "altered":
        statement["predicate"]["checkpoints"][0]["decision"]["verdict"] = "blocked"
        signature = base64.b64decode(envelope["signatures"][0]["sig"])
        return dsse.sealed(statement, lambda encoded: signature, ISSUER)
    if not manifest.is_file():
        raise InputError("PAI004", f"the store has no checkpoint {manifest.parent.name}", where="with")
    statement["predicate"]["checkpoints"][0]["manifest"] = json.loads(manifest.read_bytes())
    return dsse.sealed(statement, Signer(str(seed), ISSUER).attest, ISSUER)


@EXPECTATIONS.register("certificate", {"wearer": str, "checkpoint": str,
                                       "is": Literal["given", "refused", "untold", "broken"]},
                       optional={"how": Literal["cut", "altered", "swapped"], "with": str},
                       stage="demonstrate", doc="Whether it is certified that no row of a wearer had a part in a "
                                                "checkpoint: it is trained again without them; or that it cannot be "
                                                "told, or that one that was spoiled (`how`; `swapped`: `with` the "
                                                "manifest of another checkpoint) is found out.")
def certificate(history: History, given: Mapping[str, Any]) -> Seen:
    how, other = given.get("how", ""), given.get("with", "")
    if (how == "") is (given["is"] == "broken") or (other == "") is (how == "swapped"):
        return Seen("unknown", "one that is broken was spoiled: `how` says how, and `with` by what it was swapped")
    try:
        said = history.certified(given["wearer"], given["checkpoint"], how, other)
    except SightlineError as error:
        saw = _SAYS.get(error.code)
        if saw == given["is"]:
            return Seen("pass", str(error))
        return Seen("unknown" if saw in (None, "untold") else "fail", str(error))
    return Seen("pass" if given["is"] == "given" else "fail", f"given, and verified; {said}")
