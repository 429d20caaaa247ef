"""Checks a certificate of non-use link by link, offline, from nothing but its bytes (and public keys, where given).

The links in their order: keys, signature, envelope, statement, wearer, answer; then of each checkpoint manifest,
snapshots, decision, token, weights; and chain, that every checkpoint that another was made of is there.  The first
that fails is named.  A file that another spelling of the same certificate would pass for is refused: one certificate
has one spelling.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from lineage import dsse
from lineage.demonstrate import certificate as made
from lineage.demonstrate.certificate import ISSUER, KEYS, LIMITS, MAX_BYTES, RUN, TYPE
from lineage.demonstrate.links import Broken, exactly, linked
from lineage.errors import InputError, NotProved

_HEX = re.compile(r"[0-9a-f]+")


class Link(NamedTuple):
    name: str
    said: str


@dataclass
class Verified:
    """``checkpoint`` is "checkpoint:assistant@3"; ``links``: each that was checked, and holds; ``own_keys``: by no
    other keys than those that the certificate brings; ``limits``: what it does not prove."""

    checkpoint: str
    own_keys: bool
    links: list[Link] = field(default_factory=list)
    limits: tuple[str, ...] = LIMITS

    def to_dict(self) -> dict[str, Any]:
        return {"verdict": "holds", "checkpoint": self.checkpoint, "keys": "its own" if self.own_keys else "given",
                "links": [link._asdict() for link in self.links], "limits": list(self.limits)}


def verify(data: bytes, keys: Mapping[str, bytes] | None = None, *, wearer: str | None = None,
           answer: str | None = None, where: str = "") -> Verified:
    """``keys``: of each of KEYS, from elsewhere (``read_keys``); ``wearer``, ``answer``: whom and what it should be
    about.  Raises NotProved (PAI413) for the first link that fails, InputError (PAI412) for what is no certificate.
    """
    envelope, statement = _read(data, where)
    try:
        return _verified(data, envelope, statement, keys, wearer, answer)
    except Broken as broken:
        told = broken
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        told = Broken("statement", "it is not put together as a certificate is")
    raise NotProved("PAI413", f"{told.link}: {told.why}", where=where or told.link)


def _verified(data: bytes, envelope: Mapping[str, Any], statement: Mapping[str, Any],
              keys: Mapping[str, bytes] | None, wearer: str | None, answer: str | None) -> Verified:
    own = _keys(statement, keys)
    _signed(data, envelope, own)
    predicate = _predicate(statement)
    said = _stated(statement, predicate)
    found = Verified(said, keys is None, [
        Link("keys", "its own: nothing was changed since it was signed; who signed it, they cannot say"
             if keys is None else "yours, and the certificate brings the same"),
        Link("signature", f"by {ISSUER}"), Link("envelope", f"{len(data):,} bytes, spelled as they were issued"),
        Link("statement", f"that no row of hers had a part in {said}"), *_about(predicate, wearer, answer)])
    for one in predicate["checkpoints"]:
        found.links += [Link(*pair) for pair in linked(one, own)]
    found.links.append(Link("chain", _chained(predicate)))
    return found


def read_keys(data: bytes, where: str) -> dict[str, bytes]:
    """A key file.  Raises InputError (PAI412)."""
    try:
        content = json.loads(data)
        if content["format"] != 1:
            raise ValueError
        return _decoded(content["keys"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise InputError("PAI412", f"this is no file of public keys: {{format: 1, keys: {{{', '.join(KEYS)}}}}}",
                         where=where, next="sightline certify WEARER CHECKPOINT -o FILE --public-keys KEYS") from None


def _read(data: bytes, where: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The envelope and what it says, not trusted yet.  Raises InputError (PAI412)."""
    why = ""
    try:
        if len(data) > MAX_BYTES:
            why = f"it has more than {MAX_BYTES:,} bytes"
        elif not isinstance(envelope := json.loads(data), dict) or envelope.get("payloadType") != dsse.PAYLOAD_TYPE:
            why = f"it is JSON, and no envelope of {dsse.PAYLOAD_TYPE}"
        elif not isinstance(statement := json.loads(base64.b64decode(envelope["payload"], validate=True)), dict) \
                or statement.get("predicateType") != TYPE:
            why = f"its statement is not about {TYPE}"
        else:
            return envelope, statement
    except (ValueError, KeyError, TypeError, RecursionError):
        why = "it is cut off, or something else"
    raise InputError("PAI412", f"envelope: this is no certificate: {why}", where=where)


def _predicate(statement: Mapping[str, Any]) -> Mapping[str, Any]:
    exactly("statement", statement, ("_type", "predicateType", "subject", "predicate"))
    predicate: Mapping[str, Any] = statement["predicate"]
    exactly("statement", predicate, ("wearer", "answer", "checkpoints", "limits", "issuer", "keys"))
    return predicate


def _keys(statement: Mapping[str, Any], given: Mapping[str, bytes] | None) -> Mapping[str, bytes]:
    """Those that the certificate brings, which have to be the ``given`` ones."""
    try:
        own = _decoded(statement["predicate"]["keys"])
    except (ValueError, TypeError, KeyError):
        raise Broken("keys", "they are no public keys") from None
    if given is not None and dict(given) != own:
        other = next(name for name in KEYS if given.get(name) != own[name])
        raise Broken("keys", f"the certificate brings another key of {other!r} than yours")
    return own


def _decoded(keys: Mapping[str, str]) -> dict[str, bytes]:
    """Raises ValueError, TypeError or KeyError."""
    found = {name: base64.b64decode(keys[name], validate=True) for name in KEYS}
    if keys != made.written(found) or any(len(key) != 32 for key in found.values()):
        raise ValueError
    return found


def _signed(data: bytes, envelope: Mapping[str, Any], keys: Mapping[str, bytes]) -> None:
    exactly("signature", envelope, ("payload", "payloadType", "signatures"))
    try:
        dsse.opened(data, {ISSUER: keys[ISSUER]})
    except InputError as error:
        raise Broken("signature", error.what) from None
    if not same_spelling(data, envelope):
        raise Broken("envelope", "it is not spelled as it was issued")


def same_spelling(data: bytes, envelope: Mapping[str, Any]) -> bool:
    """``data`` is what ``dsse.sealed`` makes of the envelope: without another white space, key or base64 letter."""
    try:
        payload = base64.b64decode(envelope["payload"], validate=True)
        [signature] = envelope["signatures"]
        raw = base64.b64decode(signature["sig"], validate=True)
        return data == dsse.sealed(json.loads(payload), lambda encoded: raw, signature["keyid"])
    except (ValueError, KeyError, TypeError, binascii.Error):
        return False


def _stated(statement: Mapping[str, Any], predicate: Mapping[str, Any]) -> str:
    """The checkpoint that it is about."""
    links, limits = predicate["checkpoints"], predicate["limits"]
    if predicate["issuer"] != ISSUER:
        raise Broken("statement", f"it is issued by {ISSUER}, or by nobody")
    if limits != list(LIMITS):
        raise Broken("statement", "it does not say what it does not prove")
    if not isinstance(links, list) or not links or not all(isinstance(one, dict) for one in links):
        raise Broken("statement", "it is about no checkpoint")
    first = links[0]
    name = f"checkpoint:{first.get('checkpoint')}"
    if statement["subject"] != [{"name": name, "digest": {"sha256": first.get("weights")}}]:
        raise Broken("statement", "its subject is not the first of its checkpoints")
    return name


def _about(predicate: Mapping[str, Any], wearer: str | None, answer: str | None) -> list[Link]:
    whose = predicate["wearer"]
    exactly("wearer", whose, ("salt", "scrypt"))
    if not all(isinstance(one, str) and _HEX.fullmatch(one) and not len(one) % 2 for one in whose.values()):
        raise Broken("wearer", "salt and digest are hex digits")
    if wearer is not None and made.wearer_digest(whose["salt"], wearer) != whose["scrypt"]:
        raise Broken("wearer", "it is about another wearer")
    links = [Link("wearer", "the one whom you named" if wearer is not None else "not named; check her with --wearer")]
    told = predicate["answer"]
    if told is None:
        if answer is not None:
            raise Broken("answer", "it is about a checkpoint, and no answer")
        return links
    exactly("answer", told, ("trace", "sha256", "checkpoints"))
    known = [{"checkpoint": one.get("checkpoint"), "weights": one.get("weights")} for one in predicate["checkpoints"]]
    if not told["checkpoints"] or known[:len(told["checkpoints"])] != told["checkpoints"]:
        raise Broken("answer", "it was given by another checkpoint than those that are certified")
    if answer is not None and made.answer_digest(whose["salt"], told["trace"], answer) != told["sha256"]:
        raise Broken("answer", "its text or its trace id is another")
    names = " with ".join(one["checkpoint"] for one in told["checkpoints"])
    return [*links, Link("answer", f"of trace {told['trace']}, by {names}")]


def _chained(predicate: Mapping[str, Any]) -> str:
    """Every checkpoint that one was made of is certified too, and nothing else is there."""
    known = {one["checkpoint"]: (one["weights"], dsse.digest(_statement(one))) for one in predicate["checkpoints"]}
    if len(known) != len(predicate["checkpoints"]):
        raise Broken("chain", "a checkpoint is there twice")
    told = predicate["answer"]
    wanted = {one["checkpoint"] for one in told["checkpoints"]} if told else {predicate["checkpoints"][0]["checkpoint"]}
    for one in predicate["checkpoints"]:
        for item in _run(one)["inputs"]:
            if item["asset"].startswith("checkpoint:"):
                base = item["asset"].partition(":")[2]
                if known.get(base) != (item["sha256"], item.get("manifest")):
                    raise Broken("chain", f"{one['checkpoint']} was made of {base}, which is not certified")
                wanted.add(base)
    if strange := sorted(set(known) - wanted):
        raise Broken("chain", f"nothing was made of {strange[0]}")
    return " ← ".join(known)


def _run(one: Mapping[str, Any]) -> Mapping[str, Any]:
    """The executed manifest's predicate."""
    predicate: Mapping[str, Any] = _statement(one)["predicate"]
    return predicate


def _statement(one: Mapping[str, Any]) -> Mapping[str, Any]:
    """The executed manifest; its signature is checked by then."""
    found: Mapping[str, Any] = json.loads(base64.b64decode(one["manifest"]["payload"]))
    assert found["predicateType"] == RUN
    return found
