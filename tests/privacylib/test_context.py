"""Context: W3C trace context in, and nothing that is not one."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.privacylib import claims
from lineage.privacylib.context import Context, parse_traceparent

KEY = "0af7651916cd43dd8448eb211c80319c"


@pytest.mark.parametrize("text", [
    f"00-{KEY}-b7ad6b7169203331", f"00-{KEY}-b7ad6b7169203331-01-extra", f"ff-{KEY}-b7ad6b7169203331-01",
    f"00-{KEY.upper()}-b7ad6b7169203331-01", f"00-{'0' * 32}-b7ad6b7169203331-01", f"00-{KEY}-{'0' * 16}-01",
    f"00-{KEY}-b7ad6b7169203331-01\n", "", None, b"00", f"01-{KEY}-b7ad6b7169203331-01-" + "x" * 600])
def test_a_malformed_traceparent_gives_no_key(text: object) -> None:
    assert parse_traceparent(text) is None


def test_a_later_version_with_more_parts_is_read() -> None:
    assert parse_traceparent(f"01-{KEY}-b7ad6b7169203331-01-later") == KEY


@given(st.text())
def test_any_text_is_refused_or_gives_32_hex_digits(text: str) -> None:
    key = parse_traceparent(text)
    assert key is None or (len(key) == 32 and int(key, 16) > 0)


def test_what_goes_out_is_read_again() -> None:
    assert parse_traceparent(Context(KEY, "web-1", "b7ad6b7169203331").traceparent) == KEY


def test_a_child_shares_what_its_scope_has_read() -> None:
    context = Context(KEY, "web-1", "b7ad6b7169203331", purpose="assistance")
    child = context.child(activity="job:x", purpose="")
    child.annotations["GLASSES_INTERACTION"] = "web:ask#photo"
    assert context.annotations == {"GLASSES_INTERACTION": "web:ask#photo"}
    assert (child.purpose, child.scope, child.activity) == ("assistance", "web-1", "job:x")


@given(st.binary(max_size=300))
def test_claims_are_decoded_or_refused_with_value_error(data: bytes) -> None:
    with contextlib.suppress(ValueError):
        claims.decode(data)


@given(st.text(), st.text(), st.lists(st.text()), st.one_of(st.just(b""), st.binary(min_size=64, max_size=64)))
def test_claims_come_back_as_they_went(principal: str, purpose: str, inputs: list[str], signature: bytes) -> None:
    sent = claims.encode(signature, principal=principal, purpose=purpose, inputs=inputs)
    if len(sent) > claims.MAX_BYTES:
        return
    got = claims.decode(sent)
    assert (got.principal, got.purpose, list(got.inputs), got.signature) == (principal, purpose, inputs, signature)


def test_claims_over_the_limit_are_refused() -> None:
    with pytest.raises(ValueError, match="at most"):
        claims.decode(b"{" + b" " * claims.MAX_BYTES + b"}")
