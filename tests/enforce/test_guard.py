"""The guard: last before the I/O, judging use, flow and token; what it refuses never happens."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext

import pytest

from lineage.enforce.guard import Guard
from lineage.enforce.requirement import Requirement
from lineage.enforce.rules import Rules
from lineage.enforce.tokens import Grant, Signer, Verifier
from lineage.errors import PolicyDenied
from lineage.model import Label
from lineage.privacylib import Capture, MemorySink, PrivacyLib
from lineage.privacylib.claims import encode

KEY = "0af7651916cd43dd8448eb211c80319c"
G = ("GLASSES_INTERACTION",)


def rules(mode: str = "enforcement") -> Rules:
    return Rules([Requirement("glasses", 1, "owner", "zone", mode, frozenset(G),  # type: ignore[arg-type]
                              frozenset({"assistance"}))])


def library(guard: Guard) -> tuple[PrivacyLib, MemorySink]:
    sink = MemorySink()
    lib = PrivacyLib("warehouse", [Capture(sink), guard])
    lib.register("warehouse:core.a", {"said": Label("user.utterance", G), "ds": Label(operational="date")})
    lib.register("warehouse:core.bare", {"said": Label("user.utterance"), "ds": Label(operational="date")})
    lib.register("warehouse:core.kept", {"said": Label("user.utterance", G)})
    lib.register("rpc:x.Y.request", {"note": Label("user.utterance")})
    lib.register("rpc:x.Ack.response", {"count": Label(operational="count")})
    sink.records.clear()
    return lib, sink


def token(signer: Signer, *, activity: str = "job:j", purpose: str = "assistance",
          inputs: Sequence[str] = ("warehouse:core.a#said",), requirements: Sequence[str] = ("glasses@1",)) -> bytes:
    return signer.sign(Grant("warehouse", purpose, activity, tuple(inputs), tuple(requirements)))


def test_a_read_for_a_purpose_that_is_not_permitted_is_refused_even_if_nothing_is_written() -> None:
    lib, sink = library(Guard(rules()))
    with lib.scope(key=KEY, activity="query:ads", purpose="ads_ranking"):
        with pytest.raises(PolicyDenied) as refused, lib.read("warehouse:core.a", fields=("said",)):
            pytest.fail("the read happened")
    assert refused.value.code == "PAI301"
    assert [record.site.op for record in sink.records] == ["decision"]


def test_operational_columns_are_free() -> None:
    lib, _ = library(Guard(rules()))
    with lib.scope(key=KEY, activity="query:ads", purpose="ads_ranking"), lib.read("warehouse:core.a", fields=("ds",)):
        pass


@pytest.mark.parametrize(("fields", "refused"), [
    ({"said": Label("user.utterance"), "note": Label(operational="note", annotations=G)}, False),
    ({"note": Label(operational="note", annotations=G)}, False), ({"note": Label(operational="note")}, False),
    ({"said": Label("user.utterance"), "note": Label(operational="note")}, True),
    ({"note": Label(operational="note", annotations=("OTHER",))}, True)])
def test_an_annotation_of_an_operational_column_counts_towards_its_table(fields: dict[str, Label],
                                                                         refused: bool) -> None:
    lib, _ = library(Guard(rules()))
    lib.register("warehouse:core.mixed", fields)
    with lib.scope(key=KEY):
        with lib.read("warehouse:core.a", fields=("said",)):
            pass
        with pytest.raises(PolicyDenied) if refused else nullcontext(), lib.write("warehouse:core.mixed"):
            pass


@pytest.mark.parametrize(("sink", "code"), [("warehouse:core.kept", ""), ("warehouse:core.bare", "PAI302")])
def test_a_flow_needs_a_sink_that_carries_the_annotation(sink: str, code: str) -> None:
    lib, _ = library(Guard(rules()))
    with lib.scope(key=KEY):
        operation = lib.write(sink, sources={"said": ["warehouse:core.a#said"]})
        if not code:
            with operation:
                return
        with pytest.raises(PolicyDenied) as refused, operation:
            pytest.fail("the write happened")
    assert refused.value.code == code


def test_naming_other_sources_does_not_narrow_what_is_enforced() -> None:
    lib, _ = library(Guard(rules()))
    with lib.scope(key=KEY):
        with lib.read("warehouse:core.a", fields=("said",)):
            pass
        with pytest.raises(PolicyDenied, match=r"core\.a#said"), \
                lib.write("warehouse:core.bare", sources={"said": []}):
            pytest.fail("the write happened")


def test_the_label_floats_through_an_activity_inside_the_scope() -> None:
    lib, _ = library(Guard(rules()))
    with lib.scope(key=KEY):
        with lib.activity("job:j", purpose="assistance"), lib.read("warehouse:core.a", fields=("said",)):
            pass
        with pytest.raises(PolicyDenied), lib.call("rpc:x.Y", sources={"note": []}):
            pytest.fail("the call happened")


def test_an_acknowledgement_may_leave() -> None:
    lib, _ = library(Guard(rules()))
    with lib.scope(key=KEY):
        with lib.read("warehouse:core.a", fields=("said",)):
            pass
        with lib.write("rpc:x.Ack.response", fields=("count",)):
            pass


def test_logging_mode_refuses_nothing() -> None:
    signer = Signer("7")
    lib, _ = library(Guard(rules("logging"), Verifier(signer.public_key)))
    with lib.scope(key=KEY, activity="query:ads", purpose="ads_ranking"):
        with lib.read("warehouse:core.a", fields=("said",)):
            pass
        with lib.write("warehouse:core.bare", sources={"said": ["warehouse:core.a#said"]}):
            pass


def test_at_the_boundary_a_genuine_token_of_the_activity_is_needed() -> None:
    signer = Signer("7")
    guard = Guard(rules(), Verifier(signer.public_key))
    lib, sink = library(guard)
    with lib.scope(key=KEY), lib.activity("job:j", purpose="assistance", claims=token(signer)):
        with lib.read("warehouse:core.a", fields=("said",)):
            pass
    assert [record.site.op for record in sink.records] == ["decision", "read"]


SIGNER = Signer("7")


@pytest.mark.parametrize("shown", [
    b"", token(Signer("8")), token(SIGNER, activity="job:other"), token(SIGNER, inputs=["warehouse:core.b#said"]),
    token(SIGNER, requirements=["glasses@0"]), token(SIGNER).replace(b"job:j", b"job:k")])
def test_another_token_does_not_do(shown: bytes) -> None:
    lib, _ = library(Guard(rules(), Verifier(SIGNER.public_key)))
    with lib.scope(key=KEY), lib.activity("job:j", purpose="assistance", claims=shown):
        with pytest.raises(PolicyDenied) as refused, lib.read("warehouse:core.a", fields=("said",)):
            pytest.fail("the read happened")
    assert refused.value.code == "PAI303"


def test_a_token_does_not_help_a_purpose_that_is_not_permitted() -> None:
    lib, _ = library(Guard(rules(), Verifier(SIGNER.public_key)))
    shown = token(SIGNER, purpose="ads_ranking")
    with lib.scope(key=KEY), lib.activity("job:j", purpose="assistance", claims=shown):
        with pytest.raises(PolicyDenied) as refused, lib.read("warehouse:core.a", fields=("said",)):
            pytest.fail("the read happened")
    assert refused.value.code == "PAI301"


def test_what_was_permitted_once_is_judged_again_when_the_scope_has_read_more() -> None:
    lib, _ = library(Guard(rules()))
    with lib.scope(key=KEY), lib.write("warehouse:core.bare", sources={"said": []}):
        pass
    with lib.scope(key=KEY):
        with lib.read("warehouse:core.a", fields=("said",)):
            pass
        with pytest.raises(PolicyDenied), lib.write("warehouse:core.bare", sources={"said": []}):
            pytest.fail("the write happened")


def test_what_was_permitted_is_judged_again_when_a_label_is_registered_anew() -> None:
    lib, _ = library(Guard(rules()))
    with lib.scope(key=KEY, activity="query:ads", purpose="ads_ranking"):
        with lib.read("warehouse:core.a", fields=("ds",)):
            pass
        lib.register("warehouse:core.a", {"said": Label("user.utterance", G), "ds": Label("user.utterance", G)})
        with pytest.raises(PolicyDenied), lib.read("warehouse:core.a", fields=("ds",)):
            pytest.fail("the read happened")


def test_what_was_permitted_is_judged_again_when_a_verifier_comes() -> None:
    guard = Guard(rules())
    lib, _ = library(guard)
    with lib.scope(key=KEY):
        with lib.read("warehouse:core.a", fields=("said",)):
            pass
        guard.verifier = Verifier(SIGNER.public_key)
        with pytest.raises(PolicyDenied) as refused, lib.read("warehouse:core.a", fields=("said",)):
            pytest.fail("the read happened")
    assert refused.value.code == "PAI303"


def test_a_field_that_nobody_labelled_cannot_be_judged_and_is_refused() -> None:
    lib, _ = library(Guard(rules()))
    with lib.scope(key=KEY, activity="query:x", purpose="assistance"):
        with pytest.raises(PolicyDenied) as refused, lib.read("warehouse:core.a", fields=("unheard_of",)):
            pytest.fail("the read happened")
    assert refused.value.code == "PAI304"


def test_a_read_that_names_no_field_reads_all_of_them() -> None:
    lib, _ = library(Guard(rules()))
    with lib.scope(key=KEY, activity="query:ads", purpose="ads_ranking"):
        with pytest.raises(PolicyDenied) as refused, lib.read("warehouse:core.a"):
            pytest.fail("the read happened")
    assert refused.value.code == "PAI301"
    with lib.scope(key=KEY):
        with lib.read("warehouse:core.a"):
            pass
        with pytest.raises(PolicyDenied) as stopped, lib.write("warehouse:core.bare", fields=("said",)):
            pytest.fail("the write happened")
    assert stopped.value.code == "PAI302"


def test_a_scope_inside_an_activity_has_the_activitys_purpose() -> None:
    lib, _ = library(Guard(rules()))
    with lib.scope(key=KEY), lib.activity("training:ads", purpose="ads_ranking"):
        with lib.scope(purpose="assistance") as context:
            assert context.purpose == "ads_ranking"
            with pytest.raises(PolicyDenied), lib.read("warehouse:core.a", fields=("said",)):
                pytest.fail("the read happened")


@pytest.mark.parametrize("said", [None, {}, {"text": ["warehouse:core.a#said"]}])
def test_a_sink_that_nobody_registered_takes_nothing_governed(said: dict[str, list[str]] | None) -> None:
    lib, _ = library(Guard(rules()))
    with lib.scope(key=KEY):
        with lib.write("file:scratch", fields=("text",)):
            pass  # nothing has been read
        with lib.read("warehouse:core.a", fields=("said",)):
            pass
        with pytest.raises(PolicyDenied) as refused, lib.write("file:scratch", fields=("text",), sources=said):
            pytest.fail("it was written")
    assert refused.value.code == "PAI302" and "file:scratch" in refused.value.what


HOME = Rules([Requirement("glasses", 1, "owner", "zone", "enforcement", frozenset(G), frozenset({"assistance"}),
                          {"EU": ("EU",), "*": ("*",)}, (), {"NO": frozenset({"safety"})})])


@pytest.mark.parametrize(("region", "origins", "asset", "code"), [
    ("US", ("warehouse:core.a=US",), "warehouse:core.a", ""),
    ("US", ("warehouse:core.a=SE US",), "warehouse:core.a", "PAI309"),
    ("", ("warehouse:core.a=-NO",), "warehouse:core.a", ""),
    # Norwegian data is not for assistance, so of an unknown origin nothing is.
    ("", (), "warehouse:core.a", "PAI310"), ("US", (), "warehouse:core.a", "PAI310"),
    ("US", ("warehouse:core.b=US",), "warehouse:core.a", "PAI310"),
    # A message is no place, and its rows were chosen where they are kept.
    ("US", (), "rpc:x.Said.request", ""), ("", (), "rpc:x.Said.request", "")])
def test_a_use_is_judged_where_it_takes_place_and_by_the_origins_that_were_signed(
        region: str, origins: tuple[str, ...], asset: str, code: str) -> None:
    lib, _ = library(Guard(HOME, Verifier(SIGNER.public_key)))
    lib.register("rpc:x.Said.request", {"said": Label("user.utterance", G)})
    claims = SIGNER.sign(Grant("warehouse", "assistance", "job:j", ("warehouse:core.a#said",), ("glasses@1",), region,
                               origins=origins))
    with lib.scope(key=KEY, activity="job:j", purpose="assistance", region=region, claims=claims):
        if not code:
            with lib.read(asset, fields=("said",)):
                return
        with pytest.raises(PolicyDenied) as refused, lib.read(asset, fields=("said",)):
            pytest.fail("the read happened")
    assert refused.value.code == code


def test_origins_that_nobody_signed_count_for_nothing() -> None:
    lib, _ = library(Guard(HOME, Verifier(SIGNER.public_key)))
    claims = encode(principal="warehouse", purpose="assistance", activity="job:j", region="US",
                    inputs=["warehouse:core.a#said"], requirements=["glasses@1"], origins=["warehouse:core.a=US"])
    with lib.scope(key=KEY, activity="job:j", purpose="assistance", region="US", claims=claims), \
            pytest.raises(PolicyDenied) as refused, lib.read("warehouse:core.a", fields=("said",)):
        pytest.fail("the read happened")
    assert refused.value.code == "PAI310"


def test_a_message_for_a_purpose_that_no_origin_permits_is_refused() -> None:
    lib, _ = library(Guard(HOME))
    lib.register("rpc:x.Said.request", {"said": Label("user.utterance", G)})
    with lib.scope(key=KEY, activity="job:j", purpose="ads_ranking"), pytest.raises(PolicyDenied) as refused, \
            lib.read("rpc:x.Said.request", fields=("said",)):
        pytest.fail("the read happened")
    assert refused.value.code == "PAI301"
