"""Who a request is of: verified once, its end looked at each time, and nothing that claims say can widen anything."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from math import inf
from typing import Any

import grpc.aio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.enforce.guard import Guard
from lineage.enforce.identity import SKEW, Identity, caller, entitled
from lineage.enforce.passport import Passport
from lineage.enforce.principal import Principal, Principals
from lineage.enforce.principals import LIFETIME, PATIENCE, PrincipalService
from lineage.enforce.requirement import Requirement
from lineage.enforce.rules import Rules
from lineage.enforce.tokens import Grant, Signer, Verifier
from lineage.errors import PolicyDenied, RunError
from lineage.model import Label
from lineage.privacylib import Capture, MemorySink, PrivacyLib, claims
from lineage.privacylib.claims import PRINCIPAL
from lineage.privacylib.context import POLICY, TRACEPARENT
from lineage.privacylib.posture import Who
from lineage.privacylib.scope import Entered, apart
from protos import principals_pb2 as pb
from protos import principals_pb2_grpc
from tests.services.fakes import TRACEPARENT as PARENT
from tests.services.fakes import serving, stub

PES = Signer("1")
KNOWN = Principals({"web": Principal("web", "o", frozenset({"assistance"}), frozenset({"query:*"})),
                    "ads": Principal("ads", "o", frozenset({"ads"}), frozenset({"job:*"}), frozenset({"EU"}))})
NOW = 1_000_000


class Clock:
    def __init__(self) -> None:
        self.at = float(NOW)

    def __call__(self) -> float:
        return self.at


class Counting(Verifier):
    """How often a signature was really verified."""

    def __init__(self) -> None:
        super().__init__(PES.public_key)
        self.verified = 0

    def _check(self, token: bytes) -> claims.Claims | None:
        self.verified += 1
        return super()._check(token)


GRANT = Grant("web", "assistance", "", (), (), issued=NOW, expires=NOW + 100, kind=PRINCIPAL)


def signed(signer: Signer = PES, **changed: Any) -> bytes:
    return signer.sign(replace(GRANT, **changed))


def library(clock: Clock, *, mode: str = "enforcement", verifier: Verifier | None = None, service: str = "inference",
            ) -> tuple[PrivacyLib, MemorySink]:
    sink = MemorySink()
    rules = Rules([Requirement("r", 1, "o", "z", mode, frozenset({"G"}),  # type: ignore[arg-type]
                               frozenset({"assistance"}))])
    lib = PrivacyLib(service, [Capture(sink), Guard(rules)])
    lib.postures.now = clock
    lib.postures.identify = Identity(KNOWN, verifier or Verifier(PES.public_key), clock)
    lib.register("rpc:x.Y.request", {"said": Label("user.utterance", ("G",)), "count": Label(operational="count")})
    lib.register("rpc:z.W.request", {"said": Label("user.utterance", ("G",))})
    sink.records.clear()
    return lib, sink


def request(lib: PrivacyLib, policy: bytes | None, *fields: str) -> str:
    """The code of the refusal of a request with these claims, or nothing."""
    metadata: dict[str, Any] = {TRACEPARENT: PARENT, **({} if policy is None else {POLICY: policy})}
    try:
        with lib.handling("rpc:x.Y", metadata), lib.read("rpc:x.Y.request", fields=fields or ("said",)):
            return ""
    except PolicyDenied as denied:
        return denied.code


def codes(sink: MemorySink, kind: str) -> list[str]:
    import json

    return [json.loads(one.detail)["code"] for one in sink.records if one.site.op == kind]


CASES = [
    (signed(), ""), (claims.under("query:x", signed(), ["G"]), ""),
    (None, "PAI314"), (b"", "PAI314"), (claims.encode(principal="web", purpose="assistance"), "PAI314"),
    (b"\xff", "PAI311"), (signed()[:-1] + b"!", "PAI311"), (signed(Signer("2")), "PAI311"),
    (signed().replace(b"assistance", b"safety"), "PAI311"),
    (claims.encode(claims.decode(signed()).signature, principal="ads"), "PAI311"),
    (signed(issued=NOW - 200, expires=NOW - 100), "PAI312"), (signed(issued=NOW + 100, expires=NOW + 200), "PAI312"),
    (signed(purpose="ads"), "PAI313"), (signed(principal="nobody"), "PAI313")]


@pytest.mark.parametrize(("policy", "code"), CASES)
def test_governed_data_needs_claims_that_hold(policy: bytes | None, code: str) -> None:
    lib, sink = library(Clock())
    assert request(lib, policy) == code
    assert codes(sink, "decision") == ([code] if code else [])
    assert [one.site.op for one in sink.records].count("read") == (not code), "nothing of a refused request was read"
    # Where nothing is governed it goes on, and is counted; each time.
    sink.records.clear()
    assert [request(lib, policy, "count") for _ in range(3)] == [""] * 3
    assert codes(sink, "gap") == [code] * 3 * bool(code)


@pytest.mark.parametrize(("policy", "code"), CASES)
def test_in_logging_mode_everything_goes_on_and_is_counted(policy: bytes | None, code: str) -> None:
    lib, sink = library(Clock(), mode="logging")
    assert request(lib, policy) == ""
    # A purpose that is not permitted is recorded, too, as what it would have been.
    assert codes(sink, "gap") == [code] * bool(code) and set(codes(sink, "decision")) <= {"PAI301"}


@pytest.mark.parametrize(("issued", "expires", "code"), [
    (-100, -SKEW, ""), (-100, -SKEW - 1, "PAI312"), (SKEW, 100, ""), (SKEW + 1, 100, "PAI312")])
def test_clocks_may_differ_by_the_allowance(issued: int, expires: int, code: str) -> None:
    lib, _ = library(Clock())
    assert request(lib, signed(issued=NOW + issued, expires=NOW + expires)) == code


def test_claims_are_verified_once_per_distinct_value_and_their_end_is_looked_at_each_time() -> None:
    clock, verifier = Clock(), Counting()
    lib, _ = library(clock, verifier=verifier)
    one, other, added = signed(), signed(expires=NOW + 50), claims.under("query:x", signed())
    assert [request(lib, policy) for policy in (one, other, added) * 50] == [""] * 150
    assert verifier.verified == 2, "what is added to claims is not signed, so the same claims are not verified again"
    clock.at = NOW + 50 + SKEW + 1
    assert [request(lib, policy) for policy in (one, other) * 50] == ["", "PAI312"] * 50
    assert verifier.verified == 2
    clock.at -= 50  # back again: nothing was remembered that was wrong
    assert request(lib, other) == ""


def test_over_the_edge_nobody_has_to_say_who_they_are_but_what_is_said_is_verified() -> None:
    lib, _ = library(Clock())
    with lib.handling("rpc:x.Y", {TRACEPARENT: PARENT}, edge=True, purpose="assistance") as context:
        with lib.read("rpc:x.Y.request", fields=("said",)):
            pass
        assert caller(context) == "" and context.purpose == "assistance"
    with pytest.raises(PolicyDenied), lib.handling("rpc:x.Y", {TRACEPARENT: PARENT, POLICY: b"{"}, edge=True):
        with lib.read("rpc:x.Y.request", fields=("said",)):
            pass


def test_a_service_does_not_lend_its_name_to_a_request_without_one() -> None:
    """The confused deputy's way: what came without claims leaves without, and its scopes apart as well."""
    lib, _ = library(Clock())
    lib.postures.passport = Held()
    with lib.handling("rpc:x.Y", {TRACEPARENT: PARENT}) as context:
        assert POLICY not in dict(context.outgoing)
        with apart(lib, context.key) as own:
            assert own.outer is None and POLICY not in dict(own.outgoing)
            assert entitled(KNOWN, own, "assistance", "query:x").wrong.startswith("PAI314")
    with lib.scope(purpose="assistance") as began:
        assert dict(began.outgoing)[POLICY] == Held().claims("assistance", "")


class Held:
    """A passport for assistance only."""

    ends = inf
    away = False

    def claims(self, purpose: str, region: str) -> bytes:
        return signed(principal="inference") if (purpose, region) == ("assistance", "") and not self.away else b""

    def missing(self, purpose: str) -> tuple[str, str]:
        return ("PAI305", "away") if self.away else ("PAI313", f"not for {purpose}")


@pytest.mark.parametrize(("purpose", "away", "code"), [
    ("assistance", False, ""), ("ads", False, "PAI313"), ("assistance", True, "PAI305")])
def test_governed_data_does_not_leave_without_own_claims(purpose: str, away: bool, code: str) -> None:
    lib, sink = library(Clock())
    lib.postures.passport = held = Held()
    held.away = away
    try:
        with lib.scope(purpose=purpose), lib.call("rpc:z.W", fields=("request.said",)):
            refused = ""
    except PolicyDenied as denied:
        refused = denied.code
    assert refused == code
    assert [one.site.op for one in sink.records].count("call") == (not code)


def test_claims_that_came_are_forwarded_for_their_purpose_and_no_other() -> None:
    lib, _ = library(Clock())
    lib.postures.passport = Held()
    came = signed()
    with lib.handling("rpc:x.Y", {TRACEPARENT: PARENT, POLICY: came}) as context:
        assert dict(context.outgoing)[POLICY] == came
        with lib.activity("query:x") as inner:
            assert claims.decode(dict(inner.outgoing)[POLICY]).added == "query:x"
        with lib.activity("query:x", purpose="ads") as inner:
            sent = claims.decode(dict(inner.outgoing)[POLICY])
            assert not sent.signature and sent.purpose == "ads", "not under the name of who asked for assistance"


def test_a_token_is_no_proof_of_who_shows_it_and_claims_of_a_principal_are_no_token() -> None:
    """A job's token names the owner that a header told; only its holder was verified."""
    lib, _ = library(Clock())
    token = PES.sign(Grant("operator", "assistance", "job:x", ("rpc:x.Y.request#said",), (), issued=NOW,
                           expires=NOW + 50, holder="ads"))
    with lib.handling("rpc:x.Y", {TRACEPARENT: PARENT, POLICY: token}) as context:
        assert caller(context) == "ads"
        assert entitled(KNOWN, context, "assistance", "job:x").wrong.startswith("PAI313")
    with lib.handling("rpc:x.Y", {TRACEPARENT: PARENT, POLICY: claims.under("job:x", signed())}) as context:
        assert claims.decode(context.claims).activity == "" == claims.decode(context.claims).holder


def test_an_annotation_that_is_claimed_raises_the_label() -> None:
    lib, _ = library(Clock())
    with lib.handling("rpc:x.Y", {TRACEPARENT: PARENT, POLICY: claims.under("", signed(), ["G"])}) as context:
        assert list(context.annotations) == ["G"]


TEXTS = st.sampled_from(["", "assistance", "ads", "safety", "web", "operator", "EU"])
CLAIMS = st.one_of(
    st.none(), st.binary(max_size=80), st.sampled_from([policy for policy, _ in CASES]),
    st.builds(lambda principal, purpose, activity, region, annotations, genuine, kind, issued: claims.under(
        activity, (PES if genuine else Signer("2")).sign(Grant(principal, purpose, "", (), (), region, issued=issued,
                                                               expires=issued + 100, kind=kind)), annotations),
        TEXTS, TEXTS, st.sampled_from(["", "query:x"]), TEXTS, st.lists(st.sampled_from(["G", "OTHER"])),
        st.booleans(), st.sampled_from(["", PRINCIPAL]), st.sampled_from([NOW - 500, NOW, NOW + 500])))
OPERATIONS = st.sampled_from([("read", "rpc:x.Y.request", ("said",)), ("read", "rpc:x.Y.request", ("count",)),
                              ("write", "rpc:z.W.request", ("said",)), ("write", "rpc:v.U.request", ("said",))])


def permitted(lib: PrivacyLib, scope: Any, op: tuple[str, str, tuple[str, ...]]) -> bool:
    try:
        with scope, getattr(lib, op[0])(op[1], fields=op[2]):
            return True
    except PolicyDenied:
        return False


@given(CLAIMS, st.lists(OPERATIONS, min_size=1, max_size=3))
def test_with_claims_nothing_is_allowed_that_is_not_allowed_without(policy: bytes | None, ops: list[Any]) -> None:
    """decision with claims ⊑ decision without, for the same activity, purpose and region in a scope that is trusted."""
    lib, _ = library(Clock())
    lib.register("rpc:v.U.request", {"said": Label("user.utterance")})
    metadata = {TRACEPARENT: PARENT, **({} if policy is None else {POLICY: policy})}
    with lib.handling("rpc:x.Y", metadata) as came:
        who = came.trace[2]
    with lib.root(traceparent=PARENT, activity=who.activity, purpose=who.purpose, region=who.region) as own:
        for op in ops:
            with_claims, without = (permitted(lib, Entered(lib.current, context), op) for context in (came, own))
            assert without or not with_claims
            if with_claims != without:  # from here on the two have not read the same
                return


# --- the policy service's half -------------------------------------------------------------------------------------


@asynccontextmanager
async def vouching(clock: Clock) -> AsyncIterator[Any]:
    keys = {name: Signer("1", name).public_key for name in ("web", "ads")}
    service = PrincipalService(KNOWN, keys, PES, lambda: 7, clock)
    async with serving(lambda server: principals_pb2_grpc.add_PrincipalsServicer_to_server(service, server)) as address:
        async with stub(principals_pb2_grpc.PrincipalsStub, address) as asked:
            yield asked


async def test_who_shows_its_key_gets_claims_for_what_it_may_act_for() -> None:
    clock = Clock()
    async with vouching(clock) as asked:
        ads = Passport("ads", Signer("1", "ads"), asked, clock)
        assert ads.claims("ads", "") == b"" and ads.missing("ads")[0] == "PAI305"
        await ads.renew()
        assert ads.public_key == PES.public_key and ads.ends == NOW + LIFETIME
        for purpose, region in (("", ""), ("ads", ""), ("", "EU"), ("ads", "EU")):
            told = Verifier(ads.public_key).claims(ads.claims(purpose, region))
            assert told is not None and told.caller == "ads" and told.activity == ""
            assert (told.purpose, told.region, told.epoch, told.issued) == (purpose, region, 7, NOW)
        assert ads.claims("assistance", "") == b"" and ads.missing("assistance")[0] == "PAI313"
        clock.at += LIFETIME
        assert ads.claims("ads", "") == b"" and ads.missing("ads")[0] == "PAI305"


async def test_nobody_gets_the_claims_of_another_or_with_a_challenge_twice() -> None:
    clock = Clock()
    async with vouching(clock) as asked:
        async def vouch(name: str, key: str, challenge: bytes, signed_for: str = "") -> bool:
            request = pb.VouchRequest(principal=name, challenge=challenge,
                                      signature=Signer("1", key).prove(challenge, signed_for or name))
            try:
                return bool((await asked.Vouch(request)).vouched)
            except grpc.aio.AioRpcError as error:
                assert "PAI311" in (error.details() or "")
                return False

        async def challenge() -> bytes:
            return bytes((await asked.Challenge(pb.ChallengeRequest())).challenge)

        one = await challenge()
        assert await vouch("web", "web", one)
        assert not await vouch("web", "web", one), "replayed"
        assert not await vouch("web", "ads", await challenge()), "another's key"
        assert not await vouch("web", "web", await challenge(), signed_for="ads")
        assert not await vouch("mallory", "mallory", await challenge())
        assert not await vouch("web", "web", b"made up")
        late = await challenge()
        clock.at += PATIENCE + 1
        assert not await vouch("web", "web", late)


async def test_claims_go_on_until_they_end_while_the_policy_service_is_away() -> None:
    clock, away = Clock(), False

    def gone() -> None:
        if away:
            raise grpc.aio.AioRpcError(grpc.StatusCode.UNAVAILABLE, grpc.aio.Metadata(), grpc.aio.Metadata())

    async with vouching(clock) as asked:
        web = Passport("web", Signer("1", "web"), asked, clock, gone)
        await web.fresh()
        first, away = web.claims("assistance", ""), True
        clock.at += LIFETIME / 2 + 1
        await web.fresh()
        assert web.claims("assistance", "") == first
        clock.at += LIFETIME
        with pytest.raises(RunError) as refused:
            await web.fresh()
        assert refused.value.code == "PAI305" and web.claims("assistance", "") == b""
        away = False
        await web.fresh()
        assert web.claims("assistance", "") not in (b"", first)


def test_what_goes_out_changes_with_the_passport_and_a_loss_is_judged_anew() -> None:
    clock = Clock()
    lib, _ = library(clock)
    lib.postures.passport = held = Held()
    held.ends = NOW + 10  # type: ignore[misc]
    who = Who("inference", purpose="assistance")
    assert claims.decode(lib.postures.policy_of(who)).signature
    generation, clock.at, held.away = lib.postures.generation, NOW + 11, True
    assert not claims.decode(lib.postures.policy_of(who)).signature
    assert lib.postures.generation > generation
