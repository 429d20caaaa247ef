"""Physical locators to names: every form, and every method of every contract."""

from __future__ import annotations

import pytest

from lineage import names
from sim.truth.naming import CONTRACTS, FAMILIES, Named, family, name
from sim.truth.record import Record


def named(process: str, op: str, locator: str) -> Named | None:
    return name(Record(process, 1, op, locator, {}, 0, 0))  # type: ignore[arg-type]


GENERATE = "grpc:/sightline.Inference/Generate"


@pytest.mark.parametrize(("process", "op", "locator", "expected"), [
    ("web", "sent", f"{GENERATE}:request", ("call", "rpc:inference.Generate", "C")),
    ("inference", "received", f"{GENERATE}:request", ("read", "rpc:inference.Generate.request", "C")),
    ("inference", "sent", f"{GENERATE}:response", ("write", "rpc:inference.Generate.response", "C")),
    ("web", "received", f"{GENERATE}:response", None),
    ("training", "sent", "grpc:/sightline.Warehouse/Read:request", ("call", "rpc:warehouse.Read", "D")),
    ("training", "sent", "grpc:/sightline.Inference/Load:request", ("call", "rpc:inference.Load", "D")),
    ("app", "sent", "http:/v1/ask:request", ("call", "web:ask", "A")),
    ("web", "received", "http:/v1/ask:request", ("read", "web:ask", "A")),
    ("web", "sent", "http:/v1/ask:response", ("write", "response:ask", "A")),
    ("app", "received", "http:/v1/ask:response", None),
    ("app", "read", "device:glasses", ("read", "device:glasses", "A")),
    ("app", "write", "device:glasses", ("write", "device:glasses", "A")),
    ("app", "write", "file:app/ask", ("write", "app:ask", "A")),
    ("warehouse", "read", "sql:core.sessions", ("read", "warehouse:core.sessions", "B")),
    ("warehouse", "write", "sql:core.sessions", ("write", "warehouse:core.sessions", "B")),
    ("logger", "write", "file:queue/glasses_session/00000001.log", ("write", "logger:glasses_session", "B")),
    ("training", "write", "file:checkpoints/assistant@2/weights.safetensors", ("write", "checkpoint:assistant@2", "D")),
    ("inference", "read", "file:checkpoints/assistant@2/manifest.json", ("read", "checkpoint:assistant@2", "C")),
    ("training", "read", "file:corpus/landmarks.tsv", ("read", "file:corpus/landmarks.tsv", "D")),
    ("inference", "read", "file:checkpoints/index.json", ("read", "file:checkpoints/index.json", "C")),
])
def test_locator(process: str, op: str, locator: str, expected: tuple[str, str, str] | None) -> None:
    found = named(process, op, locator)
    assert found == (expected and Named(process, *expected))  # type: ignore[arg-type]
    if found is not None:
        assert str(names.parse(found.asset)) == found.asset


def test_every_method_has_a_family_and_a_name() -> None:
    for contract in CONTRACTS:
        for service in contract.DESCRIPTOR.services_by_name.values():
            for method in service.methods:
                # A stream of requests is one call, where it begins.
                part = "call" if method.client_streaming else "request"
                found = named("anyone", "sent", f"grpc:/{service.full_name}/{method.name}:{part}")
                assert found is not None
                assert found.family in FAMILIES, found.asset
                assert names.parse(found.asset).kind == "rpc"


def test_a_method_without_contract_has_no_family() -> None:
    assert family("web", "rpc:elsewhere.Do") == ""
    assert family("policy", "file:x") == ""
