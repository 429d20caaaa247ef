"""Privacy probes: what they say of a hand-over, which requests they look at, and what never leaves the process."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage.model import Label
from lineage.privacylib import Capture, Extension, MemorySink, Operation, PrivacyLib, Probes
from lineage.privacylib.look import MAX_PAIRS, MAX_SOURCES
from lineage.privacylib.probes import hand_over
from lineage.privacylib.recent import COUNT, Recent
from lineage.privacylib.sampling import Sampling

KEY = "0af7651916cd43dd8448eb211c80319c"
SECRET = "Call Anna at the opera"
SAID = {"prompt": ["web:ask#utterance"]}


class Bench:
    """A web service with probes; ``told`` is every verdict, ``records`` every signal."""

    def __init__(self, **options: Any) -> None:
        self.sink = MemorySink()
        self.probes = Probes(**options)
        self.lib = PrivacyLib("web", [Capture(self.sink), self.probes], family="A")
        self.lib.register("web:ask", {"utterance": Label("user.utterance"), "note": Label("user.utterance"),
                                      "region": Label(operational="region")})

    def request(self, source: Mapping[str, object], sink: Mapping[str, object], key: str = KEY,
                sources: Mapping[str, list[str]] | None = None) -> None:
        with self.lib.scope(key=key):
            self.lib.source("web:ask", source)
            hand_over(self.lib, "web:prompt", sink, sources or {})

    def details(self) -> list[dict[str, Any]]:
        return [json.loads(record.detail) for record in self.sink.records
                if record.site.op == "probe" and record.detail]

    def told(self) -> dict[tuple[str, str], tuple[str, str]]:
        return {(source, sink): (result, confidence) for detail in self.details()
                for source, sink, result, confidence in detail.get("pairs", ()) if result != "sources"}

    def why(self) -> dict[tuple[str, str], str]:
        return {tuple(detail["pairs"][index][:2]): why for detail in self.details()
                for index, why, _ in detail.get("matched", ())}


def test_what_the_code_says_and_what_the_probe_sees_are_told_apart() -> None:
    b = Bench()
    b.request({"utterance": SECRET}, {"prompt": SECRET}, sources=SAID)
    assert [record.site.op for record in b.sink.records if record.site.asset == "web:prompt"] == ["probe", "probe"]
    pairs = [tuple(pair) for detail in b.details() for pair in detail["pairs"]]
    assert sorted(pairs) == [("web:ask#utterance", "web:prompt#prompt", "EXACT_MATCH", "HIGH"),
                             ("web:ask#utterance", "web:prompt#prompt", "sources", "HIGH")]


def test_a_hand_over_whose_sources_a_fault_took_away_says_none() -> None:
    class Unlink(Extension):
        def before(self, op: Operation) -> None:
            op.links, op.linked = (), False

    sink = MemorySink()
    lib = PrivacyLib("web", [Capture(sink), Unlink()])
    with lib.scope(key=KEY):
        hand_over(lib, "web:prompt", {"prompt": SECRET}, SAID)
    (record,) = sink.records
    assert (record.site.linked, record.detail) == (False, "")


def test_operational_fields_are_not_compared() -> None:
    b = Bench()
    b.request({"utterance": SECRET, "region": "somewhere far away"}, {"prompt": "somewhere far away"})
    assert set(b.told()) == {("web:ask#utterance", "web:prompt#prompt")}


def test_a_value_passes_from_component_to_component() -> None:
    b = Bench()
    with b.lib.scope(key=KEY):
        b.lib.source("web:ask", {"utterance": SECRET})
        hand_over(b.lib, "web:session", {"text": SECRET}, {"text": ["web:ask#utterance"]})
        hand_over(b.lib, "web:prompt", {"prompt": f"Q: {SECRET}"}, {"prompt": ["web:session#text"]})
        with b.lib.call("rpc:inference.Generate", sources={"prompt": ["web:prompt#prompt"]},
                        payload={"prompt": f"Q: {SECRET}"}):
            pass
    told, why = b.told(), b.why()
    assert told["web:ask#utterance", "web:session#text"] == ("EXACT_MATCH", "HIGH")
    assert told["web:session#text", "web:prompt#prompt"] == ("CONTAINS", "HIGH")
    assert told["web:prompt#prompt", "rpc:inference.Generate.request#prompt"] == ("EXACT_MATCH", "HIGH")
    # The same value at an earlier source, and a value inside the one that was handed over: no flows of their own.
    for source, sink in (("web:ask#utterance", "web:prompt#prompt"),
                         ("web:ask#utterance", "rpc:inference.Generate.request#prompt"),
                         ("web:session#text", "rpc:inference.Generate.request#prompt")):
        assert told[source, sink][1] == "LOW" and why[source, sink] == "explained by another source"


def test_a_flow_that_nobody_wrote_down_is_found_at_the_first_source_of_the_value() -> None:
    b = Bench()
    with b.lib.scope(key=KEY):
        b.lib.source("web:ask", {"utterance": SECRET, "note": "anna@example.org"})
        hand_over(b.lib, "web:session", {"mail": "anna@example.org"}, {"mail": ["web:ask#note"]})
        hand_over(b.lib, "web:prompt", {"prompt": f"{SECRET} (anna@example.org)"}, SAID)
    told = b.told()
    assert told["web:ask#utterance", "web:prompt#prompt"] == ("CONTAINS", "HIGH")
    assert told["web:ask#note", "web:prompt#prompt"] == ("CONTAINS", "HIGH")
    assert told["web:session#mail", "web:prompt#prompt"] == ("CONTAINS", "LOW")


def test_each_scope_is_compared_for_itself() -> None:
    b = Bench()

    async def one(number: int) -> None:
        with b.lib.scope(key=f"{number:032x}"):
            b.lib.source("web:ask", {"utterance": f"the question of wearer {number:04d}"})
            await asyncio.sleep(0)
            hand_over(b.lib, "web:prompt", {"prompt": f"the question of wearer {number ^ 1:04d}"}, {})

    async def many() -> None:
        await asyncio.gather(*(one(number) for number in range(20)))

    asyncio.run(many())
    results = [pair[2] for detail in b.details() for pair in detail["pairs"]]
    assert results == ["NO_MATCH"] * 20


# --- sampling


@pytest.mark.parametrize("rate", [-0.1, 1.1, float("nan"), float("inf")])
def test_a_rate_that_is_none_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        Probes(rate=rate)


@given(st.floats(0, 1), st.floats(0, 1), st.integers(0, 2**32), st.integers(1, 2**128 - 1))
def test_a_higher_rate_takes_all_that_a_lower_one_takes(one: float, other: float, seed: int, number: int) -> None:
    low, high = sorted((one, other))
    key = f"{number:032x}"
    assert Sampling(low, seed).takes(key) <= Sampling(high, seed).takes(key)
    assert Sampling(low, seed).takes(key) == Sampling(low, seed).takes(key)


@pytest.mark.parametrize("rate", [0.0, 0.01, 0.1, 0.5, 1.0])
def test_the_share_taken_is_the_rate(rate: float) -> None:
    keys = [f"{number:032x}" for number in range(1, 4001)]
    taken = [key for key in keys if Sampling(rate, 3).takes(key)]
    assert abs(len(taken) - rate * 4000) <= 4 * (4000 * rate * (1 - rate)) ** 0.5
    assert rate in (0.0, 1.0) or taken != [key for key in keys if Sampling(rate, 4).takes(key)], "the seed chooses"


def test_a_request_outside_the_sample_is_not_compared_and_still_told() -> None:
    sampling = Sampling(0.5, 7)
    keys = [f"{number:032x}" for number in range(1, 21)]
    b = Bench(rate=0.5, seed=7)
    for key in keys:
        b.request({"utterance": f"{SECRET} {key}"}, {"prompt": f"{SECRET} {key}"}, key, SAID)
    compared = [record.key for record in b.sink.records if "EXACT_MATCH" in record.detail]
    said = [record.key for record in b.sink.records if "sources" in record.detail]
    assert compared == [key for key in keys if sampling.takes(key)] and 0 < len(compared) < 20
    assert said == keys


def test_the_rate_can_be_changed_while_the_service_runs() -> None:
    b = Bench(rate=0.0)
    b.request({"utterance": SECRET}, {"prompt": SECRET})
    assert not b.told()
    found = Probes.of(b.lib)
    assert found is b.probes and Probes.of(PrivacyLib("logger")) is None
    found.sampling = Sampling(1.0)
    b.request({"utterance": SECRET}, {"prompt": SECRET})
    assert b.told()


# --- how common a value is


def test_what_every_request_says_is_believed_of_none() -> None:
    b = Bench()
    seen = []
    for number in range(1, 11):
        b.sink.records.clear()
        b.request({"utterance": "assistant of the first kind", "note": f"note number {number} of the day"},
                  {"a": "assistant of the first kind", "b": f"note number {number} of the day"}, f"{number:032x}")
        told = b.told()
        seen.append(told["web:ask#utterance", "web:prompt#a"][1])
        assert told["web:ask#note", "web:prompt#b"] == ("EXACT_MATCH", "HIGH")
    assert seen == ["HIGH"] * (COUNT - 1) + ["LOW"] * (11 - COUNT)
    assert b.why()["web:ask#utterance", "web:prompt#a"] == "common value"


@given(st.lists(st.lists(st.binary(max_size=2), max_size=6), max_size=60), st.integers(1, 20))
def test_the_memory_of_recent_values_is_bounded_and_true(requests: list[list[bytes]], size: int) -> None:
    recent, kept = Recent(size), []
    for values in requests:
        recent.add(values)
        kept = [*kept, *values][-size:]
        assert len(recent) == len(kept) <= size
        for value in set(kept):
            assert recent.common(value) == (kept.count(value) >= COUNT)
    assert not recent.common(b"never seen")


# --- nothing of a payload leaves


class Hostile:
    """Says the secret wherever it is asked."""

    def __str__(self) -> str:
        raise ValueError(SECRET)

    __repr__ = __str__


class Trap(Mapping[str, object]):
    def __getitem__(self, key: str) -> object:
        raise KeyError(SECRET)

    def __iter__(self) -> Iterator[str]:
        raise RuntimeError(SECRET)

    def __len__(self) -> int:
        return 1


@dataclass
class Person:
    name: str


NESTED: list[Any] = [
    SECRET, SECRET.encode(), [SECRET], {"a": {SECRET: 1}}, {SECRET: SECRET}, json.dumps({SECRET: [SECRET]}),
    {"deep": [{SECRET: {SECRET: SECRET}}]}, Hostile(), {"x": Hostile()}, Trap(), {"x": Trap()}, Person(SECRET),
    SECRET + "\udc80", b"\xff" + SECRET.encode(), {SECRET}, (SECRET, Hostile()), 10**5000, float("nan"), None, object(),
]


@pytest.mark.parametrize("source", NESTED, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("sink", NESTED, ids=lambda value: type(value).__name__)
def test_no_payload_is_in_any_signal_nor_in_an_error(source: Any, sink: Any) -> None:
    b = Bench()
    b.request({"utterance": source, "note": SECRET}, {"prompt": sink, "other": SECRET}, sources=SAID)
    with b.lib.scope(key=KEY):
        b.lib.source("web:ask", {SECRET: source})
        hand_over(b.lib, "web:prompt", {"prompt": sink}, {})
    with pytest.raises(RuntimeError), b.lib.scope(key=KEY):
        b.lib.source("web:ask", {"utterance": source})
        with b.lib.write("logger:x", payload={"said": sink}, sources={}):
            raise RuntimeError(SECRET)
    text = repr(b.sink.records)
    assert b.sink.records and SECRET not in text and "Anna" not in text and SECRET.encode().hex() not in text


def test_a_whole_payload_that_cannot_be_read_is_counted_and_the_request_goes_on() -> None:
    b = Bench()
    b.request(Trap(), {"prompt": SECRET})
    assert b.probes.limits == {"failed: RuntimeError": 1}
    assert b.details()[0] == {"limits": {"failed: RuntimeError": 1}}


payloads = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4), max_leaves=12)


@settings(deadline=None)
@given(st.dictionaries(st.text(max_size=6), payloads, max_size=3), st.dictionaries(st.text(max_size=6), payloads))
def test_any_payload_is_compared_or_counted(source: dict[str, Any], sink: dict[str, Any]) -> None:
    b = Bench()
    b.request(source, sink)
    assert not [reason for reason in b.probes.limits if reason.startswith("failed")]


def test_the_hash_tells_equal_values_in_one_run_and_nothing_across_runs() -> None:
    hashes = []
    for key in (b"first run", b"second run"):
        b = Bench(key=key)
        b.request({"utterance": SECRET, "note": "something else entirely"},
                  {"prompt": f"{SECRET}! something else entirely"})
        b.request({"utterance": SECRET}, {"prompt": SECRET}, "1" * 32)
        hashes.append([hash_ for detail in b.details() for _, _, hash_ in detail["matched"]])
        assert hashes[-1][0] == hmac.digest(key, SECRET.encode(), "sha256")[:8].hex()
    for first, other, again in hashes:
        assert first == again != other
        assert first not in hashlib.sha256(SECRET.encode()).hexdigest()
    assert not set(hashes[0]) & set(hashes[1])
    drawn = [Bench(), Bench()]
    for b in drawn:
        b.request({"utterance": SECRET}, {"prompt": SECRET})
    assert drawn[0].details()[0]["matched"] != drawn[1].details()[0]["matched"], "each run draws a key of its own"


# --- names


def test_only_names_of_code_and_contracts_are_told_never_keys_of_a_payload() -> None:
    b = Bench()
    b.lib.register("web:profile", {"person": Label("user.identifier"), "person.mail": Label("user.contact")})
    with b.lib.scope(key=KEY):
        b.lib.source("web:profile", {"person": {"mail": "anna@example.org", "anna.secret": "the blue door key"}})
        hand_over(b.lib, "web:prompt", {"mail": "anna@example.org", "key": "the blue door key"}, {})
    told = b.told()
    assert told["web:profile#person.mail", "web:prompt#mail"] == ("EXACT_MATCH", "HIGH")
    assert told["web:profile#person", "web:prompt#key"] == ("CONTAINS", "HIGH")
    assert "anna.secret" not in repr(b.sink.records)


# --- bounded work


def test_a_payload_of_100_mb_is_looked_at_within_bounds() -> None:
    big, text = bytes(100_000_000), "x" * 100_000_000
    b = Bench()
    b.request({"utterance": big, "note": text}, {"prompt": big, "other": text, "small": SECRET})
    told, why = b.told(), b.why()
    assert told["web:ask#utterance", "web:prompt#prompt"] == ("EXACT_MATCH", "LOW")
    assert why["web:ask#note", "web:prompt#other"] == "compared by its beginning"
    assert told["web:ask#utterance", "web:prompt#small"] == ("NO_MATCH", "LOW")
    assert b.probes.limits["too large to be searched in full"] == 4


def test_deep_wide_and_broken_payloads_are_counted_by_reason() -> None:
    own: list[Any] = []
    own.append(own)
    cases: list[tuple[Any, str]] = [
        ("[" * 100_000, "nested too deep"), ('{"a":' * 30_000 + "1" + "}" * 30_000, "nested too deep"),
        ([[[[0]]]] * 100_000, "too many leaves"), ({str(number): number for number in range(100_000)}, "too many"),
        (json.dumps(list(range(100_000))), "JSON too large"), (own, "nested too deep"),
        (b"caf\xe9 au lait", "not UTF-8"), ("half \udc80", "not UTF-8"), (object(), "of a type"),
        ([[[]] * 300] * 300, "too many leaves")]
    for given_, reason in cases:
        b = Bench()
        b.request({"utterance": given_}, {"prompt": given_})
        assert any(found.startswith(reason) for found in b.probes.limits), (reason, b.probes.limits)
        assert not any(found.startswith("failed") for found in b.probes.limits)


def test_a_long_conversation_keeps_a_bounded_number_of_sources_and_pairs() -> None:
    b = Bench()
    with b.lib.scope(key=KEY):
        for number in range(MAX_SOURCES + 50):
            b.lib.source(f"web:turn-{number}", {"utterance": f"what was said in turn {number}"})
        hand_over(b.lib, "web:prompt", {f"p{number}": f"prompt {number}" for number in range(40)}, {})
    assert b.probes.limits["too many sources"] == 50 + 40
    assert b.probes.limits["too many pairs"] == 40 * MAX_SOURCES - MAX_PAIRS
    assert sum(len(detail.get("pairs", ())) for detail in b.details()) == MAX_PAIRS


def test_a_silent_hand_over_leaves_no_verdict_either() -> None:
    class Silence(Extension):
        def before(self, op: Operation) -> None:
            op.silent = op.asset == "web:prompt"

    sink = MemorySink()
    lib = PrivacyLib("web", [Capture(sink), Silence(), Probes()])
    with lib.scope(key=KEY):
        lib.source("web:ask", {"utterance": SECRET})
        hand_over(lib, "web:prompt", {"prompt": SECRET}, SAID)
    assert sink.records == []
