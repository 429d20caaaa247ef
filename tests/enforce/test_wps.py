"""The permission service holds a token to everything that it is bound to: each binding broken alone, and all kept."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

import pytest

from lineage.enforce.requirement import Requirement
from lineage.enforce.rules import Rules
from lineage.enforce.tokens import Grant, Signer, Verifier, digest
from lineage.enforce.wps import SKEW, WarehousePermission
from lineage.errors import PolicyDenied
from lineage.privacylib import Capture, MemorySink, PrivacyLib

SIGNER = Signer("1")
SQL = ("DELETE FROM core.b", "INSERT INTO core.b (x) SELECT x FROM core.a")
A, B = frozenset({"warehouse:core.a#x"}), frozenset({"warehouse:core.b#x"})
SNAPSHOTS = frozenset({"core.a=1", "core.b=7"})
NOW = 1_000_000


@dataclass(frozen=True)
class Run:
    activity: str = "job:j"
    purpose: str = "assistance"
    region: str = "US"
    statements: tuple[str, ...] = SQL
    reads: frozenset[str] = A
    writes: frozenset[str] = B
    snapshots: frozenset[str] = SNAPSHOTS
    owner: str = "warehouse"


GRANT = Grant("warehouse", "assistance", "job:j", tuple(A), ("r@1",), "US", statement=digest(SQL), outputs=tuple(B),
              snapshots=tuple(sorted(SNAPSHOTS)), epoch=3, issued=NOW, expires=NOW + 60, nonce="n1")


class Clock:
    now = float(NOW)

    def __call__(self) -> float:
        return self.now


def permission(mode: str = "enforcement", clock: Clock | None = None) -> tuple[WarehousePermission, MemorySink]:
    sink = MemorySink()
    rules = Rules([Requirement("r", 1, "o", "z", mode, frozenset({"G"}), frozenset({"assistance"}))])  # type: ignore[arg-type]
    lib = PrivacyLib("warehouse", [Capture(sink)])
    return WarehousePermission(lib, rules, Verifier(SIGNER.public_key), clock or Clock()), sink


def test_a_token_that_keeps_every_binding_runs_once() -> None:
    wps, sink = permission()
    token = SIGNER.sign(GRANT)
    assert wps.execute(token, Run()).epoch == 3
    with pytest.raises(PolicyDenied, match="used before"):
        wps.execute(token, Run())
    assert [record.site.op for record in sink.records] == ["decision"]


@pytest.mark.parametrize(("grant", "run", "why"), [
    ({}, {"activity": "job:k"}, "given to job:j"),
    ({}, {"purpose": "safety"}, "for assistance, not for safety"),
    ({}, {"owner": "ads-ranking"}, "warehouse's, not ads-ranking's"),
    ({"holder": "ads-ranking"}, {}, "given to ads-ranking, and somebody else shows it"),
    ({}, {"region": "EU"}, "in US, not in EU"), ({"region": ""}, {}, "in the region of the data, not in US"),
    ({}, {"statements": (SQL[0], SQL[1] + " ")}, "not the one that was judged"),
    ({}, {"statements": SQL[::-1]}, "not the one that was judged"),
    ({}, {"statements": (SQL[0] + SQL[1],)}, "not the one that was judged"),
    ({}, {"reads": A | {"warehouse:core.a#y"}}, "core.a#y was not admitted"),
    ({}, {"writes": B | {"warehouse:core.c#x"}}, "core.c#x may not be written"),
    ({}, {"snapshots": frozenset({"core.a=2", "core.b=7"})}, "tables have changed"),
    ({}, {"snapshots": frozenset({"core.a=1"})}, "tables have changed"),
    ({"requirements": ("r@0",)}, {}, "judged by r@0"),
    ({"expires": NOW - SKEW - 1}, {}, "expired"),
    ({"issued": NOW - 1}, {}, "older than the warehouse's present start"),
    ({"nonce": ""}, {}, "used before"),
    ({"statement": ""}, {}, "not the one that was judged"),
])
def test_one_binding_that_is_broken_is_enough(grant: dict[str, object], run: dict[str, object], why: str) -> None:
    wps, _ = permission()
    with pytest.raises(PolicyDenied, match=why) as refused:
        wps.execute(SIGNER.sign(replace(GRANT, **grant)), replace(Run(), **run))  # type: ignore[arg-type]
    assert refused.value.code == "PAI303"


def test_a_token_is_good_for_whom_it_was_given_to() -> None:
    """By the verified principal of the request that shows it; where none was verified, nobody is held to it."""
    wps, _ = permission()
    lib = wps._lib
    with lib.scope(principal="ann"):
        assert wps.execute(SIGNER.sign(replace(GRANT, holder="ann")), Run())
    with lib.scope(principal="ann"), pytest.raises(PolicyDenied, match="somebody else"):
        wps.execute(SIGNER.sign(replace(GRANT, holder="bob", nonce="n2")), Run())


def test_a_job_s_token_reads_no_rows_and_neither_does_another_s() -> None:
    wps, sink = permission()
    reader = replace(GRANT, statement="", outputs=(), nonce="", holder="ann")
    with wps._lib.scope(principal="ann"):
        assert wps.read(SIGNER.sign(reader), "job:j").inputs == tuple(A)
        assert wps.read(SIGNER.sign(reader), "job:j").inputs == tuple(A)
        with pytest.raises(PolicyDenied, match="for the statements that were judged"):
            wps.read(SIGNER.sign(replace(GRANT, holder="ann")), "job:j")
    with wps._lib.scope(principal="bob"), pytest.raises(PolicyDenied, match="somebody else"):
        wps.read(SIGNER.sign(reader), "job:j")
    assert [json.loads(record.detail)["verdict"] for record in sink.records] == ["blocked", "blocked"]


def test_a_refused_token_is_not_used_up() -> None:
    wps, _ = permission()
    token = SIGNER.sign(GRANT)
    with pytest.raises(PolicyDenied):
        wps.execute(token, Run(purpose="safety"))
    assert wps.execute(token, Run())


@pytest.mark.parametrize("token", [b"", b"{}", Signer("2").sign(GRANT), SIGNER.sign(GRANT)[:-1],
                                   SIGNER.sign(GRANT).replace(b"job:j", b"job:k")])
def test_what_the_policy_service_did_not_sign_is_no_token(token: bytes) -> None:
    wps, _ = permission()
    with pytest.raises(PolicyDenied, match="no genuine token"):
        wps.execute(token, Run())
    assert wps.read(token, "training:x").consenting == ()


def test_time_goes_by_and_used_tokens_are_forgotten_only_when_they_are_over() -> None:
    clock = Clock()
    wps, _ = permission(clock=clock)
    token = SIGNER.sign(GRANT)
    wps.execute(token, Run())
    for clock.now in (NOW + 59.0, NOW + 60.0 + SKEW):
        with pytest.raises(PolicyDenied, match="used before"):
            wps.execute(token, Run())
        wps.execute(SIGNER.sign(replace(GRANT, nonce=f"at {clock.now}", expires=NOW + 200)), Run())
    clock.now = NOW + 61.0 + SKEW
    with pytest.raises(PolicyDenied, match="expired"):
        wps.execute(token, Run())


def test_consent_of_another_epoch_refuses() -> None:
    wps, _ = permission()
    claims = wps.execute(SIGNER.sign(GRANT), Run())
    wps.epoch(claims, "job:j", 3)
    with pytest.raises(PolicyDenied, match="epoch 3; it is 4 now"):
        wps.epoch(claims, "job:j", 4)


def test_logging_mode_refuses_nothing() -> None:
    wps, sink = permission("logging")
    wps.execute(b"", Run())
    wps.execute(SIGNER.sign(replace(GRANT, requirements=())), Run(purpose="safety"))
    # It says what it would have refused, so that enforcement can be simulated.
    told = [json.loads(record.detail) for record in sink.records]
    assert {(one["verdict"], one["code"]) for one in told} == {("allowed", "PAI303")}
    assert all(one["reason"].startswith("in logging mode only: ") for one in told) and len(told) >= 2
