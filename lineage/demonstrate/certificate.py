"""A certificate of non-use: that no row of a wearer had a part in a checkpoint's weights, and in what it answered.

Training is deterministic: it was done again by the same code and manifest without her rows, and with them altered, and
the weights are the same, byte for byte.  Whoever trains again is not here (``sim/stack/certifying.py``); here is what
the certificate says, and what it says that it does not prove.  ``certified`` checks one.

A DSSE envelope around an in-toto Statement about the weights, all JSON.  Its predicate:

    wearer       {salt, scrypt}: a salted digest of her id
    answer       null, or {trace, sha256, checkpoints}: a digest of salt, trace id and text; whose answer it is
    checkpoints  for each, the one that it is about first and then what those were made of: {checkpoint, weights,
                 manifest (its envelope as it is in the store), decision, snapshots, retrained, control}
    limits       what it does not prove
    issuer, keys who signs, and the public keys by which all of it was signed
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lineage import dsse

TYPE = "urn:sightline:non-use:v1"
# Of an executed manifest, as services/checkpoint.py has it.
RUN = "urn:sightline:training-run:v1"
# Key ids: who issues, who signs executed manifests, and the policy service, whose tokens have no key id.
ISSUER, TRAINER, POLICY = "operator", "training", "policy"
KEYS = (ISSUER, POLICY, TRAINER)
# Bytes of a certificate; one has a few thousand for each checkpoint.
MAX_BYTES = 4 << 20
LIMITS = (
    "A row is hers where the table's subject column says so. What other wearers' rows repeat of her words, and what "
    "jobs made of her rows earlier and keep under another subject, was not removed.",
    "Only the tables that the runs read were changed. A file of the deployment (a corpus) counts as nobody's rows.",
    "That training was done again, and what came of it, is the issuer's word: the file holds no rows to do it with.",
    "It is about weights. What stood beside a question when it was asked (a photo, a place, a stored profile) is no "
    "part of them.",
    "The signatures are worth what the keys are: by the keys of the certificate itself it shows only that nothing was "
    "changed since. In a simulated run every private key follows from the seed.",
    "Her id is not in it, but whoever can list all ids can try each of them against the salted digest.",
)


def wearer_digest(salt: str, wearer: str) -> str:
    """Slow on purpose: an id is soon guessed.  ``salt``: hex."""
    return hashlib.scrypt(wearer.encode("utf-8", "surrogatepass"), salt=bytes.fromhex(salt), n=1 << 13, r=8, p=1,
                          dklen=32).hex()


def answer_digest(salt: str, trace: str, text: str) -> str:
    said = f"{trace}\n{text}".encode("utf-8", "surrogatepass")
    return hashlib.sha256(bytes.fromhex(salt) + said).hexdigest()


def salt(sign: Callable[[bytes], bytes], wearer: str, checkpoint: str) -> str:
    """Always the same for the same certificate, and known to nobody without the issuer's key before it is made."""
    return hashlib.sha256(sign(dsse.encoded(f"{checkpoint}\n{wearer}".encode(), TYPE))).hexdigest()[:32]


def certificate(wearer: Mapping[str, str], links: Sequence[Mapping[str, Any]], answer: Mapping[str, Any] | None,
                keys: Mapping[str, bytes], sign: Callable[[bytes], bytes]) -> bytes:
    """The file.  ``links``: the predicate's ``checkpoints``; ``keys``: the public key of each of KEYS."""
    first = links[0]
    return dsse.sealed({
        "_type": dsse.STATEMENT, "predicateType": TYPE,
        "subject": [{"name": f"checkpoint:{first['checkpoint']}", "digest": {"sha256": first["weights"]}}],
        "predicate": {"wearer": dict(wearer), "answer": answer, "checkpoints": list(links), "limits": list(LIMITS),
                      "issuer": ISSUER, "keys": written(keys)}}, sign, ISSUER)


def written(keys: Mapping[str, bytes]) -> dict[str, str]:
    return {name: base64.b64encode(keys[name]).decode() for name in KEYS}


def key_file(keys: Mapping[str, bytes]) -> bytes:
    """What `--keys` reads: whoever verifies gets it on another way than the certificate."""
    return (json.dumps({"format": 1, "keys": written(keys)}, sort_keys=True, indent=1) + "\n").encode()
