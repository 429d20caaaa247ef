"""What a checkpoint was made of, step by step: a withdrawal, a rule or an exchange anywhere on the way is noticed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lineage import dsse
from lineage.enforce.models import ModelPermission
from lineage.enforce.pes import PolicyService
from lineage.enforce.requirement import Requirement
from lineage.enforce.rulebook import Rulebook
from lineage.enforce.rules import Rules
from lineage.enforce.tokens import Signer
from lineage.errors import InputError, PolicyDenied, SightlineError
from lineage.privacylib import PrivacyLib
from protos import policy_pb2 as pb
from services import ancestry
from services import checkpoint as checkpoints
from services.checkpoint import Checkpoint
from services.inference.registry import Registry
from services.model import Model
from tests.enforce.test_pes import Files
from tests.services.fakes import KEYS, TRAINING, FakeStore, signed
from tests.services.test_training import EVAL, Bench, bench
from tests.services.test_training_runs import CHECK, EXTRACT, STUDENT, TUNE

MINE = Requirement("mine", 1, "o", "z", "enforcement", frozenset({"GLASSES_INTERACTION"}),
                   frozenset({"assistance", "safety"}), consent=("assistance",))
SAFE = TUNE.replace("purpose: assistance", "purpose: safety")
LAST = "assistant@3"


class Ruled:
    """The policy service itself, by requirements; wearers are their own pseudonyms."""

    def __init__(self, *rules: Requirement) -> None:
        self.lib = PrivacyLib("policy")
        self.book = Rulebook(Rules(rules))
        self._service = PolicyService(self.lib, self.book, Signer("1"), Files(), pseudonym=str)

    def register(self, server: Any) -> None:
        self._service.register(self.lib.server(server))

    async def Recheck(self, request: pb.RecheckRequest, **how: Any) -> pb.RecheckResponse:
        """As a stub, for a service beside the one that trains."""
        with self.lib.scope():
            return await self._service.Recheck(request, None)

    async def withdraw(self, wearer: str, purpose: str = "assistance") -> None:
        with self.lib.scope():
            await self._service.Consent(pb.ConsentRequest(wearer=wearer, purpose=purpose, granted=False), None)

    def registry(self, store: FakeStore, lib: PrivacyLib | None = None) -> Registry:
        lib = lib or PrivacyLib("inference")
        return Registry(lib, store, KEYS, self, ModelPermission(lib, self.book))


async def chained(b: Bench, *then: str, whose: Iterable[str] = ("w-1", "w-2")) -> None:
    """assistant@1 has learnt rows; each manifest then goes on from the newest."""
    b.warehouse.whose = list(whose)
    for manifest in (EVAL, *then):
        await b.train(manifest)


async def code(doing: Any) -> str:
    """Of the refusal, or empty."""
    try:
        await doing
    except SightlineError as error:
        return error.code
    return ""


async def both(b: Bench, ruled: Ruled, manifest: str = SAFE) -> tuple[str, str]:
    """What a run is told that would go on from the last one, and what whoever loads the last one is told."""
    return await code(b.train(manifest)), await code(ruled.registry(b.store).load(LAST))


async def test_a_withdrawal_two_steps_back_is_noticed(tmp_path: Path) -> None:
    ruled = Ruled(MINE)
    async with bench(tmp_path, judge=ruled) as b:
        await chained(b, SAFE, SAFE)
        assert await both(b, ruled) == ("", "")
        await ruled.withdraw("w-9")
        assert await both(b, ruled) == ("", ""), "none of her rows is in it"
        await ruled.withdraw("w-2")
        assert await both(b, ruled) == ("PAI334", "PAI334")
        assert await code(ruled.registry(b.store).load("assistant@1")) == "PAI334"


async def test_a_rule_that_arrives_is_noticed_where_it_lets_fewer_rows_be_seen_two_steps_back(tmp_path: Path) -> None:
    ruled = Ruled(replace(MINE, consent=()))
    async with bench(tmp_path, judge=ruled) as b:
        await chained(b, TUNE, TUNE, whose=())
        assert await both(b, ruled, TUNE) == ("", "")
        ruled.book.replace([replace(MINE, version=2)])
        assert await both(b, ruled, TUNE) == ("PAI333", "PAI333")


@pytest.mark.parametrize("manifest", [STUDENT, CHECK, EXTRACT])
async def test_so_it_is_by_who_learns_from_the_last_one_or_asks_it(tmp_path: Path, manifest: str) -> None:
    ruled = Ruled(MINE)
    manifest = manifest.replace("purpose: assistance", "purpose: safety").replace("assistant@1", LAST)
    async with bench(tmp_path, judge=ruled) as b:
        await chained(b, SAFE, SAFE)
        assert await code(b.train(manifest)) == ""
        await ruled.withdraw("w-1")
        error = await b.refused(manifest)
        assert error.code == "PAI334" and "training:run goes back to checkpoint:assistant@1: " in error.what


async def test_a_student_of_a_tuned_teacher_goes_back_to_what_that_was_made_of(tmp_path: Path) -> None:
    ruled = Ruled(MINE)
    safe = STUDENT.replace("purpose: assistance", "purpose: safety")
    async with bench(tmp_path, judge=ruled) as b:
        await chained(b, SAFE, safe)
        registry = ruled.registry(b.store)
        assert await code(registry.load("student@1")) == ""
        await ruled.withdraw("w-1")
        assert await code(registry.load("student@1")) == "PAI334"


async def test_a_checkpoint_that_was_exchanged_or_is_gone_is_noticed_two_steps_on(tmp_path: Path) -> None:
    ruled = Ruled(MINE)
    async with bench(tmp_path, judge=ruled) as b:
        await chained(b, TUNE, TUNE)
        path = checkpoints.manifest_path("assistant@1")
        genuine = b.store.read(path)
        statement = dsse.opened(genuine, KEYS)
        statement["subject"][0]["digest"]["sha256"] = "0" * 64
        b.store.write(path, dsse.sealed(statement, TRAINING.attest, "training"))
        assert await both(b, ruled, TUNE) == ("PAI331", "PAI331"), "genuine, and of other weights"
        b.store.write(path, genuine[:-9])
        assert await both(b, ruled, TUNE) == ("PAI330", "PAI330")
        b.store.write(path, b.store.read(checkpoints.manifest_path("assistant@2")))
        assert await both(b, ruled, TUNE) == ("PAI331", "PAI331")
        b.store.remove(path)
        error = await b.refused(TUNE)
        assert error.code == "PAI337" and "assistant@2: it was made of assistant@1, whose manifest is not" in error.what
        assert (await both(b, ruled, TUNE)) == ("PAI337", "PAI337")
        b.store.write(path, genuine)
        b.store.remove(checkpoints.weights_path("assistant@1"))
        assert await both(b, ruled, TUNE) == ("", ""), "nobody needs its weights any more"
        assert not b.store.exists(checkpoints.manifest_path("assistant@7")), "what was refused has made nothing"


async def test_the_same_weights_under_another_manifest_are_another_checkpoint(tmp_path: Path) -> None:
    ruled = Ruled(MINE)
    async with bench(tmp_path, judge=ruled) as b:
        await chained(b, SAFE.replace("output: assistant", "output: other"))
        digest = ancestry.manifest(PrivacyLib("x"), b.store, KEYS, "assistant@1").digest
        assert await code(ruled.registry(b.store).load("other@1")) == ""
        for path in (checkpoints.manifest_path("assistant@1"), checkpoints.weights_path("assistant@1")):
            b.store.remove(path)
        await b.train(EVAL.replace("purpose: assistance", "purpose: safety"))
        assert ancestry.manifest(PrivacyLib("x"), b.store, KEYS, "assistant@1").digest == digest
        await ruled.withdraw("w-1")
        assert await code(ruled.registry(b.store).load("other@1")) == "PAI331", "it is the first run's that it used"
        assert await code(ruled.registry(b.store).load("assistant@1")) == "", "and that one needs nobody's consent"


@pytest.mark.parametrize("steps", [(), (SAFE,)])
@pytest.mark.parametrize("manifest", [TUNE, CHECK.replace("assistant@1", "assistant"), EXTRACT, STUDENT])
async def test_what_was_learnt_without_asking_for_consent_is_none_to_go_on_from_where_that_is_needed(
        tmp_path: Path, steps: tuple[str, ...], manifest: str) -> None:
    ruled = Ruled(MINE)
    async with bench(tmp_path, judge=ruled) as b:
        await b.train(EVAL.replace("purpose: assistance", "purpose: safety"))
        for step in steps:
            await b.train(step)
        before = b.store.folders("checkpoints")
        assert (await b.refused(manifest)).code == "PAI333"
        assert (b.store.folders("checkpoints"), b.store.folders("reports"), b.store.folders("features")) == (
            before, [], [])
        assert await code(b.train(manifest.replace("purpose: assistance", "purpose: safety"))) == ""


async def test_a_callers_purpose_does_not_lift_what_the_manifests_own_asks_of_the_base(tmp_path: Path) -> None:
    ruled = Ruled(MINE)
    async with bench(tmp_path, judge=ruled) as b:
        await b.train(EVAL.replace("purpose: assistance", "purpose: safety"))
        assert (await b.refused(TUNE, "safety")).code == "PAI333"
        assert await code(b.train(SAFE, "safety")) == ""


@pytest.mark.parametrize("steps", [(), (TUNE, TUNE)])
async def test_a_rule_that_arrives_and_asks_for_consent_stops_what_was_made_without_it_from_answering(
        tmp_path: Path, steps: tuple[str, ...]) -> None:
    """Where it was asked for before, the same rule changes nothing."""
    lib, later = PrivacyLib("inference"), [replace(MINE, version=2)]
    for number, (before, answers) in enumerate(((MINE, True), (replace(MINE, consent=()), False))):
        ruled = Ruled(before)
        async with bench(tmp_path / str(number), judge=ruled) as b:
            await chained(b, *steps, whose=("w-1", "w-2") if answers else ())
            registry = ruled.registry(b.store, lib)
            await registry.load(f"assistant@{len(steps) + 1}")
            with lib.scope(purpose="assistance"):
                assert registry.find("assistant", Model).checkpoint.version == len(steps) + 1
                ruled.book.replace(later)
                if answers:
                    assert registry.find("assistant", Model)
                    continue
                with pytest.raises(PolicyDenied) as caught:
                    registry.find("assistant", Model)
                assert caught.value.code == "PAI335"
            with lib.scope(purpose="safety"):
                assert registry.find("assistant", Model), "that asks for nobody's consent"


# --- the way back ------------------------------------------------------------------------------------------


def made(store: FakeStore, name: str, *of: str, purpose: str = "assistance") -> Checkpoint:
    """Its manifest alone is in the store; the digest of all weights is the same."""
    found = Checkpoint(name, 1, "a" * 64, 1, f"training:{name}", purpose, "o", False, ("G",), "user")
    store.write(checkpoints.manifest_path(found.id), signed(found, inputs=[
        {"asset": f"checkpoint:{one}@1", "sha256": "a" * 64, "manifest": stated(store, f"{one}@1")} for one in of]))
    return ancestry.manifest(PrivacyLib("x"), store, KEYS, found.id)


def stated(store: FakeStore, checkpoint: str) -> str:
    """Digest of its manifest, and of none for one that is still to come."""
    path = checkpoints.manifest_path(checkpoint)
    return dsse.digest(dsse.opened(store.read(path), KEYS)) if store.exists(path) else "0" * 64


def back(store: FakeStore, *last: Checkpoint) -> list[tuple[str, tuple[str, ...]]]:
    return [(link.checkpoint.name, link.since) for link in ancestry.back(PrivacyLib("x"), store, KEYS, *last)]


def test_each_is_asked_about_once_and_for_what_was_made_of_it(tmp_path: Path) -> None:
    store = FakeStore(tmp_path)
    made(store, "root")
    made(store, "base", "root", purpose="safety")
    made(store, "teacher", "root", purpose="research")
    last = made(store, "last", "base", "teacher")
    found = back(store, last)
    assert found[0] == ("last", ()) and dict(found[1:3]) == {"base": ("assistance",), "teacher": ("assistance",)}
    (name, since), = found[3:]
    assert name == "root" and sorted(since) == ["assistance", "research", "safety"]
    assert back(store) == []


def test_a_hundred_steps_are_followed_to_the_end(tmp_path: Path) -> None:
    store, before = FakeStore(tmp_path), list[str]()
    for number in range(100):
        last = made(store, f"m{number}", *before)
        before = [last.name]
    assert [name for name, _ in back(store, last)] == [f"m{number}" for number in range(99, -1, -1)]


def test_a_circle_is_refused(tmp_path: Path) -> None:
    """Whichever was written first told of another manifest than the one that closes the circle."""
    store = FakeStore(tmp_path)
    made(store, "a", "c")
    made(store, "b", "a")
    last = made(store, "c", "b")
    for one in (last, made(store, "d", "c"), made(store, "e", "e")):
        with pytest.raises(InputError, match="executed manifest had the digest 000000000000…") as caught:
            back(store, one)
        assert caught.value.code == "PAI331"


def test_a_manifest_that_does_not_say_what_was_said_of_its_base_is_not_followed(tmp_path: Path) -> None:
    store = FakeStore(tmp_path)
    made(store, "base")
    last = Checkpoint("x", 2, "a" * 64, 1, "training:x", "safety", "o", False,
                      executed={"inputs": [{"asset": "checkpoint:base@1", "sha256": "a" * 64}]})
    with pytest.raises(InputError, match="and not what was said of them") as caught:
        back(store, last)
    assert caught.value.code == "PAI337"


@pytest.mark.parametrize("inputs", [[{"sha256": "a"}], [{"asset": "checkpoint:x"}], ["x"], 3,
                                    [{"asset": "checkpoint:x@1"}], [{"asset": "checkpoint:../x@1", "sha256": "a"}]])
def test_a_manifest_that_does_not_say_it_is_not_followed(tmp_path: Path, inputs: object) -> None:
    one = Checkpoint("x", 2, "a" * 64, 1, "training:x", "safety", "o", False, executed={"inputs": inputs})
    with pytest.raises(InputError) as caught:
        back(FakeStore(tmp_path), one)
    assert caught.value.code == "PAI330"
