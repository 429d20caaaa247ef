"""The links of one checkpoint in a certificate of non-use: weights → executed manifest → snapshots, decision, token →
the weights that came of it again.  Each is held to what the one before it says; nothing is asked of anybody.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from lineage import dsse
from lineage.demonstrate.certificate import POLICY, RUN, TRAINER
from lineage.enforce.gate import identity_of
from lineage.enforce.tokens import Verifier
from lineage.errors import InputError
from lineage.names import join
from lineage.privacylib.claims import Claims

_KEYS = ("checkpoint", "weights", "manifest", "decision", "snapshots", "retrained", "control")
_DIGEST = re.compile(r"[0-9a-f]{64}")


class Broken(Exception):
    """``link`` is where it breaks, ``why`` says how."""

    def __init__(self, link: str, why: str) -> None:
        super().__init__(link, why)
        self.link = link
        self.why = why


def exactly(link: str, given: Any, keys: Iterable[str]) -> None:
    """Raises Broken unless ``given`` is an object of these keys and no others."""
    wanted = sorted(keys)
    if not isinstance(given, dict) or sorted(given) != wanted:
        raise Broken(link, f"it has other fields than {', '.join(wanted)}")


def linked(one: Mapping[str, Any], keys: Mapping[str, bytes]) -> Iterator[tuple[str, str]]:
    """(link, what it shows) of each that holds.  Raises Broken for the first that does not."""
    exactly("statement", one, _KEYS)
    name = one["checkpoint"]
    run = _manifest(one, keys[TRAINER])
    yield f"manifest of {name}", f"signed by {TRAINER}, of the weights {one['weights'][:12]}…, made by {run['run']}"
    used = _snapshots(one, run)
    yield f"snapshots of {name}", f"{len(one['snapshots'])} inputs, {used} of her rows among them"
    _decision(one, run)
    yield f"decision of {name}", f"{one['decision']['id']} by {', '.join(run['requirements']) or 'no requirement'}"
    _token(one, run, keys[POLICY])
    yield f"token of {name}", f"signed by the policy service, in consent epoch {run['epoch']}"
    _weights(one, run)
    yield f"weights of {name}", "the same without her rows, and with them altered"


def _manifest(one: Mapping[str, Any], key: bytes) -> Mapping[str, Any]:
    """What the run has done, from the envelope that training has signed."""
    link = f"manifest of {one['checkpoint']}"
    envelope = one["manifest"]
    exactly(link, envelope, ("payload", "payloadType", "signatures"))
    data = (json.dumps(envelope, sort_keys=True, indent=1) + "\n").encode()
    try:
        statement = dsse.opened(data, {TRAINER: key})
        spelled = _spelled(link, envelope)
    except (InputError, ValueError, TypeError, KeyError) as error:
        raise Broken(link, error.what if isinstance(error, InputError) else "it is no envelope") from None
    if not spelled:
        raise Broken(link, "it is not spelled as training has signed it")
    subject = [{"name": f"checkpoint:{one['checkpoint']}", "digest": {"sha256": one["weights"]}}]
    if statement.get("predicateType") != RUN or statement.get("subject") != subject:
        raise Broken(link, "it is about other weights")
    run: Mapping[str, Any] = statement["predicate"]
    missing = [name for name in ("run", "purpose", "inputs", "decisions", "requirements", "epoch", "token", "code")
               if name not in run]
    if missing:
        raise Broken(link, f"it does not say {missing[0]}")
    return run


def _spelled(link: str, envelope: Mapping[str, Any]) -> bool:
    """In the one way in which ``dsse.sealed`` writes it."""
    [signature] = envelope["signatures"]
    exactly(link, signature, ("keyid", "sig"))
    return all(base64.b64encode(base64.b64decode(text, validate=True)).decode() == text
               for text in (envelope["payload"], signature["sig"]))


def _snapshots(one: Mapping[str, Any], run: Mapping[str, Any]) -> int:
    """How many of her rows were among those that the run read."""
    link = f"snapshots of {one['checkpoint']}"
    read = [item for item in run["inputs"] if not item["asset"].startswith("checkpoint:")]
    shown = one["snapshots"]
    if not isinstance(shown, list) or len(shown) != len(read):
        raise Broken(link, "they are not of the inputs that the executed manifest names")
    for item, snapshot in zip(read, shown, strict=True):
        exactly(link, snapshot, ("asset", "rows", "with", "without", "altered", "hers", "used"))
        if (snapshot["asset"], snapshot["rows"], snapshot["with"]) != (item["asset"], item["rows"], item["sha256"]):
            raise Broken(link, f"{item['asset']} is not as the executed manifest has it")
        digests, used = [snapshot[name] for name in ("without", "altered")], snapshot["used"]
        if not all(isinstance(text, str) and _DIGEST.fullmatch(text) for text in digests):
            raise Broken(link, f"a snapshot of {item['asset']} has no digest")
        if type(used) is not int or type(snapshot["hers"]) is not int or not 0 <= used <= snapshot["hers"]:
            raise Broken(link, f"how many of her rows {item['asset']} has is no number")
        if used > snapshot["rows"]:
            raise Broken(link, f"more of her rows were read than {item['asset']} had")
        if (used > 0) != (snapshot["without"] != snapshot["with"]) or (not used and digests[1] != snapshot["with"]):
            raise Broken(link, f"{item['asset']} with and without her rows do not fit how many were read")
        if used and snapshot["altered"] in (snapshot["with"], snapshot["without"]):
            raise Broken(link, f"her rows of {item['asset']} were not altered: the same weights say nothing")
    return sum(snapshot["used"] for snapshot in shown)


def _decision(one: Mapping[str, Any], run: Mapping[str, Any]) -> None:
    link, decision = f"decision of {one['checkpoint']}", one["decision"]
    exactly(link, decision, ("id", "activity", "purpose", "principal", "where", "verdict", "code", "reason", "inputs",
                             "requirements"))
    fields = {name: value for name, value in decision.items() if name != "id"}
    try:
        identity = identity_of(**fields)
    except TypeError:
        identity = ""
    if identity != decision["id"]:
        raise Broken(link, "its id is not that of what it says")
    if decision["id"] not in run["decisions"]:
        raise Broken(link, "the run was not admitted by it")
    if decision["verdict"] not in ("allowed", "remediated"):
        raise Broken(link, f"it was {decision['verdict']}")
    if [decision[name] for name in ("activity", "purpose", "requirements")] != [
            run[name] for name in ("run", "purpose", "requirements")]:
        raise Broken(link, "it is about another run")


def _token(one: Mapping[str, Any], run: Mapping[str, Any], key: bytes) -> None:
    link = f"token of {one['checkpoint']}"
    try:
        claims = Verifier(key).claims(base64.b64decode(run["token"], validate=True)) or Claims()
    except (ValueError, TypeError):
        claims = Claims()
    if not claims.signature:
        raise Broken(link, "the policy service has not signed it")
    said = claims.activity, claims.purpose, list(claims.requirements), claims.epoch
    if said != (run["run"], run["purpose"], run["requirements"], run["epoch"]):
        raise Broken(link, "it was given to another run, or in another consent epoch")
    wanted = {join(item["asset"], column) for item in run["inputs"] for column in item.get("columns", ())}
    if not wanted <= set(claims.inputs):
        raise Broken(link, f"it does not admit {sorted(wanted - set(claims.inputs))[0]}")


def _weights(one: Mapping[str, Any], run: Mapping[str, Any]) -> None:
    link, retrained, control = f"weights of {one['checkpoint']}", one["retrained"], one["control"]
    exactly(link, retrained, ("code", "again", "without", "altered"))
    if retrained["code"] != run["code"]["sha256"]:
        raise Broken(link, "they were made again by other code")
    for name in ("again", "without", "altered"):
        if retrained[name] != one["weights"]:
            raise Broken(link, f"training {'with her rows ' if name == 'altered' else ''}{name} made others")
    used, read = sum(snapshot["used"] for snapshot in one["snapshots"]), _of_people(run)
    if control is not None:
        exactly(link, control, ("rows", "weights"))
        if type(control["rows"]) is not int or control["rows"] < 1 or not _DIGEST.fullmatch(str(control["weights"])):
            raise Broken(link, "the control says nothing")
        if control["rows"] > sum(item["rows"] for item in read) - used:
            raise Broken(link, "the control is of more rows than were read of others")
        if control["weights"] == one["weights"]:
            raise Broken(link, "the control has the same weights: removing rows would not have shown")
    elif used or any(item["rows"] and _personal(item) for item in read):
        raise Broken(link, "rows of people were read, and no control says that removing some would have shown")


def _of_people(run: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The inputs that may hold rows of somebody: a corpus is nobody's."""
    return [item for item in run["inputs"] if item["asset"].startswith("warehouse:")]


def _personal(item: Mapping[str, Any]) -> bool:
    """By the labels that training has signed; of such a table the issuer has to know whose its rows are."""
    return any(label["category"] or label["annotations"] for label in item.get("labels", {}).values())
