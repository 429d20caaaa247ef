"""The composition root: seven real servers, each healthy, reflected, and watched below PrivacyLib."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import httpx
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from lineage.enforce.pes import PolicyService
from lineage.errors import InputError, RunError
from sim.stack import companion as companions
from sim.stack import node
from sim.stack.config import SERVICES, NodeConfig, from_environment
from sim.stack.deployment import bundled, deploy
from sim.stack.injected import Seams
from sim.stack.inproc import InprocStack
from sim.stack.listening import listen
from sim.stack.node import serve
from sim.truth.journal import Journal
from sim.world.clock import SimClock

REQUIREMENTS = sorted(bundled().requirements.glob("*.yaml"))


def stack(tmp_path: Path) -> InprocStack:
    deploy(tmp_path / "deploy", REQUIREMENTS)

    def seams(service: str) -> Seams:
        tap = Journal(tmp_path / "journal" / f"{service}.db", service)
        return Seams(SimClock(), tap, flush=tap.flush)

    return InprocStack(NodeConfig(tmp_path), seams)


def shippers(before: list[threading.Thread]) -> list[str]:
    return [one.name for one in threading.enumerate() if one not in before and one.name.startswith("ship-")]


async def reflected(channel: Any) -> set[str]:
    async def asked() -> Any:
        yield reflection_pb2.ServerReflectionRequest(list_services="")

    call = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(asked(), timeout=5)
    return {service.name async for answer in call for service in answer.list_services_response.service}


async def test_every_service_is_healthy_and_says_what_it_offers(tmp_path: Path) -> None:
    async with stack(tmp_path) as running:
        assert set(running.addresses) == set(SERVICES)
        assert all(str(address["grpc"]).startswith("127.0.0.1:") for address in running.addresses.values())
        for name, address in running.addresses.items():
            async with grpc.aio.insecure_channel(str(address["grpc"])) as channel:
                answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=5)
                assert answer.status == health_pb2.HealthCheckResponse.SERVING
                own = {"web": "sightline.Control"}.get(name, f"sightline.{name.capitalize()}")
                assert own in await reflected(channel)
        async with httpx.AsyncClient(base_url=f"http://{running.addresses['web']['http']}") as client:
            assert (await client.get("/healthz")).is_success


async def test_a_taken_address_is_a_clear_error_and_nothing_is_left(tmp_path: Path) -> None:
    async with stack(tmp_path) as running:
        taken = str(running.addresses["collector"]["grpc"])
        other = tmp_path / "other"
        other.mkdir()
        tap = Journal(other / "journal" / "x.db", "collector")
        with pytest.raises(RunError) as refused:
            await serve("collector", NodeConfig(other, listen=taken), Seams(SimClock(), tap))
    assert refused.value.code == "PAI030"
    assert taken in refused.value.what


async def test_a_service_that_cannot_start_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It listens already when it fails; neither the port nor the thread that ships is left."""
    heard: list[str] = []
    before = threading.enumerate()

    async def listening(*given: Any) -> str:
        heard.append(await listen(*given))
        return heard[-1]

    async def failing(service: PolicyService) -> None:
        raise RunError("PAI031", "it cannot start")

    monkeypatch.setattr(node, "listen", listening)
    monkeypatch.setattr(PolicyService, "start", failing)
    with pytest.raises(RunError, match="cannot start"):
        async with stack(tmp_path):
            pass
    assert len(heard) == 2  # the collector, and the one that failed
    for address in heard:
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(*address.split(":"))
    assert not shippers(before)


async def test_a_node_that_fails_to_stop_does_not_keep_the_others(tmp_path: Path) -> None:
    async def failing() -> None:
        raise RunError("PAI031", "it cannot stop")

    before = threading.enumerate()
    running = stack(tmp_path)
    with pytest.raises(RunError, match="cannot stop"):
        async with running:
            addresses = [str(address["grpc"]) for address in running.addresses.values()]
            running._nodes["training"].stopping.insert(0, failing)
    for address in addresses:
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(*address.split(":"))
    assert len(addresses) == len(SERVICES) and not shippers(before)


async def test_an_app_that_cannot_start_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def failing(*given: Any) -> None:
        raise RunError("PAI305", "nobody vouches")

    deploy(tmp_path / "deploy", REQUIREMENTS)
    monkeypatch.setattr(companions, "vouching", failing)
    before = threading.enumerate()
    tap = Journal(tmp_path / "journal" / "app.db", "app")
    with pytest.raises(RunError, match="nobody vouches"):
        async with companions.companion(NodeConfig(tmp_path, addresses={"collector": "127.0.0.1:9"}),
                                        Seams(SimClock(), tap), "127.0.0.1:9"):
            pass
    assert not shippers(before)


@pytest.mark.parametrize(("variable", "value"), [
    ("SIGHTLINE_LISTEN", "7001"), ("SIGHTLINE_LISTEN", "host:port"), ("SIGHTLINE_LISTEN", "host:70000"),
    ("SIGHTLINE_COLLECTOR", ":1"), ("SIGHTLINE_SEED", "-1"), ("SIGHTLINE_SEED", "one"),
    ("SIGHTLINE_ANSWERS", "many")])
def test_a_malformed_environment_names_the_variable(variable: str, value: str) -> None:
    with pytest.raises(InputError, match=variable):
        from_environment({variable: value})


def test_the_environment_of_the_compose_file_is_read() -> None:
    config = from_environment({"SIGHTLINE_DATA": "/data", "SIGHTLINE_SEED": "7", "SIGHTLINE_LISTEN": "0.0.0.0:7001",
                               "SIGHTLINE_COLLECTOR": "collector:7001"})
    assert (config.data, config.seed, config.listen) == (Path("/data"), 7, "0.0.0.0:7001")
    assert config.addresses == {"collector": "collector:7001"}
