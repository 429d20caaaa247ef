"""A certificate as a run would issue it, made without a run: every part signed by keys of its own."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from typing import Any

from lineage import dsse
from lineage.demonstrate import certificate as made
from lineage.demonstrate.certificate import ISSUER, POLICY, TRAINER
from lineage.enforce.gate import identity_of
from lineage.enforce.tokens import Grant, Signer

WEARER, ANSWER, TRACE = "w-0002", "That is a tower.", "0af7651916cd43dd8448eb211c80319c"
INPUT = "warehouse:core.daily_sessions"
RULES = ["glasses-interaction-purpose@3"]


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


class Signers:
    """Whoever signs; ``seed`` "1" are the genuine ones."""

    def __init__(self, seed: str = "1") -> None:
        self.issuer, self.trainer, self.policy = Signer(seed, ISSUER), Signer(seed, TRAINER), Signer(seed)

    @property
    def keys(self) -> dict[str, bytes]:
        return {ISSUER: self.issuer.public_key, TRAINER: self.trainer.public_key, POLICY: self.policy.public_key}


def run(signers: Signers, name: str, base: str = "") -> dict[str, Any]:
    """The executed manifest's predicate."""
    token = signers.policy.sign(Grant("training", "assistance", "training:x",
                                      tuple(f"{INPUT}#{column}" for column in ("answer", "utterance", "wearer")),
                                      tuple(RULES), consenting=("core.daily_sessions",), epoch=1, issued=5, expires=65))
    label = {"category": "user.utterance", "annotations": ["GLASSES_INTERACTION"], "operational": ""}
    inputs: list[dict[str, Any]] = [{"asset": INPUT, "columns": ["utterance", "answer"], "rows": 6,
                                     "sha256": sha(f"rows of {name}"), "labels": {"utterance": label, "answer": label},
                                     "where": "", "withheld": {}}]
    if base:
        inputs.append({"asset": f"checkpoint:{base}", "sha256": sha(base),
                       "manifest": dsse.digest(manifest(base, run(signers, base)))})
    return {"run": "training:x", "purpose": "assistance", "inputs": inputs, "decisions": [decision()["id"]],
            "requirements": RULES, "epoch": 1, "token": base64.b64encode(token).decode(),
            "code": {"sha256": sha("code")}}


def manifest(name: str, ran: dict[str, Any], of: str = "") -> dict[str, Any]:
    return {"_type": dsse.STATEMENT, "predicateType": made.RUN, "predicate": ran,
            "subject": [{"name": f"checkpoint:{name}", "digest": {"sha256": sha(of or name)}}]}


def decision(verdict: str = "allowed") -> dict[str, Any]:
    fields = {"activity": "training:x", "purpose": "assistance", "principal": "training", "where": "gate",
              "verdict": verdict, "code": "", "reason": "permitted", "inputs": [f"{INPUT}#answer"],
              "requirements": RULES}
    return {"id": identity_of(**fields), **fields}


def link(signers: Signers, name: str, base: str = "", *, but: Callable[[dict[str, Any]], None] = lambda run: None,
         of: str = "") -> dict[str, Any]:
    """One checkpoint; ``but`` changes what training signs, ``of``: it is signed about another one's weights."""
    ran = run(signers, name, base)
    but(ran)
    digest = sha(name)
    rows = sha(f"rows of {name}")
    return {"checkpoint": name, "weights": digest,
            "manifest": json.loads(dsse.sealed(manifest(name, ran, of), signers.trainer.attest, TRAINER)),
            "decision": decision(),
            "snapshots": [{"asset": INPUT, "rows": 6, "with": rows, "without": rows, "altered": rows, "hers": 2,
                           "used": 0}],
            "retrained": {"code": sha("code"), "again": digest, "without": digest, "altered": digest},
            "control": {"rows": 2, "weights": sha("others")}}


def statement(signers: Signers, links: list[dict[str, Any]]) -> dict[str, Any]:
    salt = made.salt(signers.issuer.attest, WEARER, links[0]["checkpoint"])
    answer = {"trace": TRACE, "sha256": made.answer_digest(salt, TRACE, ANSWER),
              "checkpoints": [{"checkpoint": links[0]["checkpoint"], "weights": links[0]["weights"]}]}
    data = made.certificate({"salt": salt, "scrypt": made.wearer_digest(salt, WEARER)}, links, answer, signers.keys,
                            signers.issuer.attest)
    found: dict[str, Any] = json.loads(base64.b64decode(json.loads(data)["payload"]))
    return found


def sealed(signers: Signers, content: dict[str, Any]) -> bytes:
    return dsse.sealed(content, signers.issuer.attest, ISSUER)
