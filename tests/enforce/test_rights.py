"""Who may say what a wearer consents to, who may change a requirement, and where: by the verified principal."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest

from lineage.enforce.identity import Identity
from lineage.enforce.pes import PolicyService
from lineage.enforce.principal import Principal, Principals, load
from lineage.enforce.requirement import Requirement
from lineage.enforce.requiring import RulebookService
from lineage.enforce.rulebook import Rulebook
from lineage.enforce.rules import Rules
from lineage.enforce.tokens import Grant, Signer, Verifier
from lineage.errors import InputError
from lineage.privacylib import PrivacyLib
from lineage.privacylib.claims import PRINCIPAL, decode
from protos import policy_pb2, policy_pb2_grpc, rulebook_pb2, rulebook_pb2_grpc
from sim.stack.deployment import bundled
from tests.enforce.test_pes import Files
from tests.enforce.test_requiring import text
from tests.services.fakes import META, serving, stub

SIGNER = Signer("1")


def claims(name: str, **changed: Any) -> bytes:
    now = int(time.time())
    said = {"issued": now, "expires": now + 60, "kind": PRINCIPAL} | changed
    return SIGNER.sign(Grant(name, "", "", (), (), **said))


@pytest.mark.parametrize(("region", "code"), [("", ""), ("SE", ""), ("US", "PAI313")])
async def test_nobody_has_a_job_run_outside_their_regions(region: str, code: str) -> None:
    known = Principals({"ann": Principal("ann", "o", frozenset({"*"}), frozenset({"job:*"}), frozenset({"EU"}))})
    lib = PrivacyLib("policy")
    lib.postures.identify = Identity(known, Verifier(SIGNER.public_key))
    rules = Rules([Requirement("r", 1, "o", "z", "enforcement", frozenset({"G"}), frozenset({"assistance"}))])
    policy = PolicyService(lib, rules, SIGNER, Files(), principals=known)
    meta = (*(one for one in META if one[0] != "sightline-policy-bin"), ("sightline-policy-bin", claims("ann")))
    async with serving(lambda server: policy.register(lib.server(server))) as address:
        async with stub(policy_pb2_grpc.PolicyStub, address) as asked:
            request = policy_pb2.AdmitRequest(
                activity="job:x", purpose="assistance", principal="o", region=region,
                inputs=[policy_pb2.Labelled(asset="file:x#said", annotations=["G"], annotated=True)])
            verdict, again = [await asked.Admit(request, metadata=meta, timeout=10) for _ in range(2)]
    assert (verdict.code, verdict.allowed, bool(verdict.token)) == (code, not code, not code)
    # Also within a second: what is judged with each is told of each, whenever they were given.
    assert code or verdict.token != again.token


@pytest.mark.parametrize(("region", "code"), [("", ""), ("SE", ""), ("US", "PAI313")])
def test_claims_do_not_hold_outside_their_principal_s_regions(region: str, code: str) -> None:
    """They were given before the regions were."""
    known = Principals({"ann": Principal("ann", "o", frozenset({"*"}), regions=frozenset({"EU"}))})
    wrong, _ = Identity(known, Verifier(SIGNER.public_key))(decode(claims("ann", region=region)), sent=True)
    assert wrong.partition(" ")[0] == code


async def ask(what: str, shown: bytes, principals: Principals | None) -> tuple[str, Files]:
    """The text of the refusal, and what was written."""
    lib, files, book = PrivacyLib("policy"), Files(), Rulebook([])
    if principals is not None:
        lib.postures.identify = Identity(principals, Verifier(SIGNER.public_key))
    policy = PolicyService(lib, book, SIGNER, files, principals=principals)
    rulebook = RulebookService(lib, book, (), files, principals=principals)
    for service in (policy, rulebook):
        await service.start()

    def register(server: Any) -> None:
        policy.register(lib.server(server))
        rulebook.register(lib.server(server), server)

    meta = tuple(one for one in META if one[0] != "sightline-policy-bin") + (
        (("sightline-policy-bin", shown),) if shown else ())
    async with serving(register) as address:
        try:
            if what == "consents":
                async with stub(policy_pb2_grpc.PolicyStub, address) as asked:
                    await asked.Consent(policy_pb2.ConsentRequest(wearer="w1", purpose="assistance", granted=True),
                                        metadata=meta, timeout=10)
            else:
                async with stub(rulebook_pb2_grpc.RulebookStub, address) as asked:
                    await asked.Require(rulebook_pb2.RequireRequest(text=text(1)), metadata=meta, timeout=10)
        except grpc.aio.AioRpcError as error:
            assert error.code() is grpc.StatusCode.PERMISSION_DENIED
            return error.details() or "", files
    return "", files


@pytest.mark.parametrize("what", ["consents", "requires"])
@pytest.mark.parametrize(("shown", "code"), [
    # Signed when they are shown: they would have ended before a long run of tests comes here.
    (lambda: claims("operator"), ""), (lambda: claims("ads-ranking"), "PAI313"), (lambda: claims("mallory"), "PAI313"),
    (lambda: b"", "PAI314"), (lambda: claims("operator")[:-1] + b"x", "PAI311"),
    (lambda: claims("operator", issued=1, expires=2), "PAI312"),
    # A token for an activity, had on the operator's request, says only what may be run.
    (lambda: claims("warehouse", kind="", holder="operator"), "PAI313")])
async def test_it_is_taken_only_of_who_may_say_it(what: str, shown: Callable[[], bytes], code: str) -> None:
    refusal, files = await ask(what, shown(), bundled().load_principals())
    assert (code in refusal) if code else refusal == ""
    assert bool(files.content) is not bool(code)  # before anything is written


@pytest.mark.parametrize(("what", "good"), [("consents", True), ("requires", False)])
async def test_each_is_a_right_of_its_own(what: str, good: bool) -> None:
    refusal, _ = await ask(what, claims("app"), bundled().load_principals())
    assert (refusal == "") is good


@pytest.mark.parametrize("what", ["consents", "requires"])
async def test_where_a_deployment_has_no_principals_nobody_is_held_to_it(what: str) -> None:
    assert (await ask(what, b"", None))[0] == ""


@pytest.mark.parametrize("key", ["consents", "requires"])
@pytest.mark.parametrize("value", ["1", "[true]", "'true'", "null"])
def test_a_right_that_is_no_truth_value_is_a_mistake(tmp_path: Path, key: str, value: str) -> None:
    path = tmp_path / "principals.yaml"
    path.write_text(f"principals:\n  web:\n    owner: a\n    {key}: {value}\n", encoding="utf-8")
    with pytest.raises(InputError, match=f"{key} is true or false") as refused:
        load(path)
    assert (refused.value.code, refused.value.where) == ("PAI022", f"{path}:4")
