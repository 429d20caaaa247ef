"""PrivacyLib: what an operation leaves behind, and what a lost context does."""

from __future__ import annotations

import asyncio
import json

import pytest

from lineage.errors import PolicyDenied
from lineage.model import Label
from lineage.privacylib import Capture, Extension, MemorySink, Operation, PrivacyLib, Probes

KEY = "0af7651916cd43dd8448eb211c80319c"


def recording(*more: Extension) -> tuple[PrivacyLib, MemorySink]:
    sink = MemorySink()
    return PrivacyLib("web", [Capture(sink), *more], family="A"), sink


def ops(sink: MemorySink) -> list[tuple[str, str]]:
    return [(record.site.op, record.site.asset) for record in sink.records]


def test_a_write_keeps_its_links_and_its_key() -> None:
    lib, sink = recording()
    with lib.scope(key=KEY, purpose="assistance"), lib.write("logger:x", sources={"b": ["web:ask#b"], "a": []}):
        pass
    record = sink.records[0]
    assert record.site.links == (("b", ("web:ask#b",)),)
    assert record.site.linked
    assert (record.key, record.purpose, record.site.family) == (KEY, "assistance", "A")


def test_a_write_without_sources_is_not_linked() -> None:
    lib, sink = recording()
    with lib.scope(key=KEY), lib.write("logger:x", fields=("a",)):
        pass
    assert not sink.records[0].site.linked


def test_what_the_io_raises_passes_through_and_is_told() -> None:
    lib, sink = recording()
    with pytest.raises(KeyError), lib.scope(key=KEY), lib.read("file:x"):
        raise KeyError("gone")
    assert json.loads(sink.records[0].detail) == {"error": "KeyError"}


class Refusing(Extension):
    guards = True

    def before(self, op: Operation) -> None:
        raise PolicyDenied("PAI301", "no")


def test_a_refused_operation_leaves_no_signal_and_does_no_io() -> None:
    lib, sink = recording(Refusing())
    touched = False
    with pytest.raises(PolicyDenied), lib.scope(key=KEY), lib.read("file:x"):
        touched = True
    assert not touched
    assert sink.records == []


class Changing(Extension):
    def before(self, op: Operation) -> None:
        op.fields = ("changed",)


class Seeing(Extension):
    guards = True

    def __init__(self) -> None:
        self.fields: tuple[str, ...] = ()

    def before(self, op: Operation) -> None:
        self.fields = op.fields


def test_the_guard_is_last_and_sees_the_final_arguments() -> None:
    guard = Seeing()
    lib, _ = recording(guard, Changing())
    with lib.scope(key=KEY), lib.read("file:x", fields=("first",)):
        pass
    assert guard.fields == ("changed",)


def test_an_operation_outside_every_scope_is_a_gap() -> None:
    lib, sink = recording()

    async def orphan() -> None:
        with lib.read("file:x"):
            pass

    asyncio.run(orphan())
    assert ("gap", "web") in ops(sink)
    assert ("read", "file:x") in ops(sink)


def test_a_request_without_a_traceparent_is_a_gap_and_gets_a_key_of_its_own() -> None:
    lib, sink = recording()
    with lib.handling("rpc:logger.Append", {}) as context:
        pass
    assert ops(sink) == [("gap", "rpc:logger.Append")]
    assert len(context.key) == 32


def test_malformed_claims_are_ignored_and_counted() -> None:
    lib, sink = recording()
    metadata = {"traceparent": f"00-{KEY}-b7ad6b7169203331-01", "sightline-policy-bin": b"{not json"}
    with lib.handling("rpc:logger.Append", metadata) as context:
        assert context.claims == b""
    assert "claims were ignored" in json.loads(sink.records[0].detail)["why"]


def test_scopes_of_concurrent_tasks_do_not_mix() -> None:
    lib, sink = recording()

    async def one(number: int) -> None:
        with lib.scope(key=f"{number:032x}"):
            await asyncio.sleep(0)
            with lib.read("web:ask", fields=(str(number),)):
                await asyncio.sleep(0)

    async def many() -> None:
        await asyncio.gather(*(one(number) for number in range(1, 20)))

    asyncio.run(many())
    assert {(int(record.key, 16), record.site.fields[0]) for record in sink.records} == {
        (number, str(number)) for number in range(1, 20)}


def test_a_sub_field_has_its_parents_label() -> None:
    lib, _ = recording()
    lib.register("web:ask", {"photo": Label("user.scene_image", ("GLASSES_INTERACTION",))})
    assert lib.label("web:ask", "photo.exif.gps").annotations == ("GLASSES_INTERACTION",)
    assert not lib.label("web:ask", "other").annotated
    assert not lib.label("web:other", "photo").annotated


def test_probes_compare_within_a_scope_and_keep_the_payload_to_themselves() -> None:
    lib, sink = recording(Probes())
    lib.register("web:ask", {"utterance": Label("user.utterance"), "region": Label(operational="region")})
    lib.register("logger:x", {"said": Label("user.utterance"), "note": Label("user.utterance")})
    secret = "What is that building?"
    with lib.scope(key=KEY):
        lib.source("web:ask", {"utterance": secret, "region": "US"})
        with lib.write("logger:x", sources={}, payload={"said": f"Q: {secret}", "note": "nothing"}):
            pass
    probe = next(record for record in sink.records if record.site.op == "probe")
    assert json.loads(probe.detail)["pairs"] == [
        ["web:ask#utterance", "logger:x#said", "CONTAINS", "HIGH"],
        ["web:ask#utterance", "logger:x#note", "NO_MATCH", "LOW"]]
    assert all(secret not in str(record) for record in sink.records)


def test_another_scope_is_not_compared() -> None:
    lib, sink = recording(Probes())
    lib.register("web:ask", {"utterance": Label("user.utterance")})
    with lib.scope(key=KEY):
        lib.source("web:ask", {"utterance": "What is that building?"})
    with lib.scope(key=KEY), lib.write("logger:x", sources={}, payload={"said": "What is that building?"}):
        pass
    assert not [record for record in sink.records if record.site.op == "probe"]
