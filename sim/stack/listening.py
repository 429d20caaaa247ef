"""A node's gRPC server begins to listen: with health and reflection, at the address as bound."""

from __future__ import annotations

from typing import Any

from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from lineage.errors import RunError

# What each offers; all others their own service, and ``Control``.
_OFFERED = {"web": ["Control"], "collector": ["Collector"], "policy": ["Policy", "Rulebook", "Following", "Principals",
                                                                                    "Control"]}


async def listen(server: Any, address: str, name: str) -> str:
    """The address as bound.  Raises RunError (PAI030) when it cannot be used."""
    servicer = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    await servicer.set("", health_pb2.HealthCheckResponse.SERVING)
    offered = _OFFERED.get(name, [name.capitalize(), "Control"])
    reflection.enable_server_reflection(
        [*(f"sightline.{service}" for service in offered), health.SERVICE_NAME, reflection.SERVICE_NAME], server)
    host = address.rpartition(":")[0]
    try:
        port = server.add_insecure_port(address)
    except RuntimeError as error:
        raise RunError("PAI030", f"{name} cannot listen at {address}", where=name,
                       next=f"sightline node {name} --listen 127.0.0.1:0") from error
    await server.start()
    return f"{'127.0.0.1' if host == '0.0.0.0' else host}:{port}"
