"""A signed statement comes back whole, or not at all."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from lineage import dsse
from lineage.enforce.tokens import Signer
from lineage.errors import InputError

SIGNER = Signer("1", "training")
KEYS = {"training": SIGNER.public_key}
STATEMENT = {"_type": dsse.STATEMENT, "predicate": {"é": [1, None, "\ud800"]}, "subject": []}
SEALED = dsse.sealed(STATEMENT, SIGNER.attest, "training")


def changed(**keys: Any) -> bytes:
    return json.dumps({**json.loads(SEALED), **keys}).encode()


def refused(data: bytes, keys: dict[str, bytes] = KEYS) -> str:
    with pytest.raises(InputError) as caught:
        dsse.opened(data, keys, "here")
    assert caught.value.code == "PAI330" and caught.value.where == "here"
    return caught.value.what


def test_it_comes_back_and_is_signed_as_the_specification_says() -> None:
    assert dsse.opened(SEALED, KEYS) == STATEMENT
    envelope = json.loads(SEALED)
    payload = base64.b64decode(envelope["payload"])
    assert envelope["payloadType"] == "application/vnd.in-toto+json"
    assert dsse.encoded(payload) == (f"DSSEv1 28 application/vnd.in-toto+json {len(payload)} ".encode() + payload)
    Ed25519PublicKey.from_public_bytes(SIGNER.public_key).verify(
        base64.b64decode(envelope["signatures"][0]["sig"]), dsse.encoded(payload))


def test_equal_statements_give_equal_bytes() -> None:
    assert dsse.sealed(dict(reversed(STATEMENT.items())), SIGNER.attest, "training") == SEALED


def test_only_its_own_signer_counts() -> None:
    assert "signed by 'training', not by policy" in refused(SEALED, {"policy": SIGNER.public_key})
    assert "not of this statement" in refused(SEALED, {"training": Signer("1", "ads-ranking").public_key})
    assert "not by anybody" in refused(SEALED, {})
    assert "nobody has signed" in refused(changed(signatures=[]))
    stranger = {"keyid": "ann", "sig": "AAAA"}
    genuine = json.loads(SEALED)["signatures"][0]
    assert dsse.opened(changed(signatures=[stranger, genuine]), KEYS) == STATEMENT, "one that is known is enough"


@pytest.mark.parametrize(("keys", "what"), [
    ({"payload": "*"}, "payload is not base64"), ({"payload": 7}, "payload is not base64"),
    ({"payload": "e30="}, "not of this statement"), ({"payloadType": "text/plain"}, "no envelope"),
    ({"signatures": None}, "signatures is a list"), ({"signatures": [7]}, "has a keyid"),
    ({"signatures": [{"keyid": "training", "sig": "é"}]}, "sig is not base64"),
    ({"signatures": [{"keyid": "training", "sig": ""}] * 17}, "at most 16"),
])
def test_what_is_wrong_is_said(keys: dict[str, Any], what: str) -> None:
    assert what in refused(changed(**keys))


def test_a_genuine_signature_of_something_else_is_no_statement() -> None:
    assert "no https://in-toto.io/Statement/v1" in refused(dsse.sealed({"_type": "x"}, SIGNER.attest, "training"))
    assert "not JSON" in refused(b"[" * 100_000)


def test_a_principals_key_attests_nothing_but_statements() -> None:
    with pytest.raises(ValueError, match="encoded statement"):
        SIGNER.attest(b'{"purpose":"ads_ranking"}')


@given(st.binary(max_size=200) | st.text(max_size=50).map(str.encode))
def test_any_bytes_are_refused(data: bytes) -> None:
    refused(data)


@given(st.integers(0, len(SEALED) - 1), st.integers(1, 255))
def test_any_changed_byte_is_refused_or_changes_nothing(at: int, by: int) -> None:
    """White space, or the spelling of a base64 letter that no bit hangs on: what is said is what was signed."""
    data = SEALED[:at] + bytes([SEALED[at] ^ by]) + SEALED[at + 1:]
    try:
        assert dsse.opened(data, KEYS) == STATEMENT
    except InputError as error:
        assert error.code == "PAI330"
