"""What an instrumentation stands around in the self-time benchmark: messages, metadata, no network.

Both instrumentations are given the same request, the same metadata (a correlation key of its own
for each request, as on a real wire) and a continuation that answers at once.
"""

from __future__ import annotations

import itertools
from collections.abc import Generator, Sequence
from typing import Any, NamedTuple, Protocol

import grpc

from protos import inference_pb2 as pb
from protos import inference_pb2_grpc
from sim.world.random import key_id

METHOD = "/sightline.Inference/Generate"
# About 500 bytes, as in the figures that the goals come from.
REQUEST = pb.GenerateRequest(model="assistant", prompt="What is that building?",
                             image=b"\xff\xd8" + bytes(range(200)) * 2, location="40.7484,-73.9857")
DISTINCT = 100
RESPONSE = pb.GenerateResponse(answer="That is the Empire State Building.", checkpoint="assistant@1",
                               scene="Empire State Building")


class Subject(Protocol):
    """One thing to be timed, and the same loop without it.

    ``full`` includes turning what was recorded into the bytes that would be sent.
    """

    name: str

    def prepare(self, count: int, block: int) -> Sequence[Any]:
        """The inputs of ``count`` operations; not timed."""

    async def full(self, inputs: Sequence[Any]) -> None: ...

    async def bare(self, inputs: Sequence[Any]) -> None: ...


class Metadatum(NamedTuple):
    """As grpc.aio gives it."""

    key: str
    value: str | bytes


class Rpc:
    """The part of a servicer context that an instrumentation asks."""

    __slots__ = ("_metadata",)

    def __init__(self, metadata: tuple[Metadatum, ...]) -> None:
        self._metadata = metadata

    def invocation_metadata(self) -> tuple[Metadatum, ...]:
        return self._metadata

    def peer(self) -> str:
        return "ipv4:127.0.0.1:54321"


class Call:
    """A call of grpc.aio that has been answered."""

    __slots__ = ()

    def __await__(self) -> Generator[None, None, pb.GenerateResponse]:
        yield from ()
        return RESPONSE

    async def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.OK

    async def details(self) -> str:
        return ""

    def add_done_callback(self, callback: Any) -> None:
        callback(self)


class Model(inference_pb2_grpc.InferenceServicer):
    """The stub continuation of a server."""

    async def Generate(self, request: pb.GenerateRequest, context: Any) -> pb.GenerateResponse:
        return RESPONSE


class CatchingServer:
    """Stands in for a server: keeps the handlers that it is given, by method name."""

    def __init__(self) -> None:
        self.handlers: dict[str, Any] = {}

    def add_generic_rpc_handlers(self, handlers: Sequence[Any]) -> None:
        """Generated code gives each handler twice; by name is enough."""

    def add_registered_method_handlers(self, service: str, handlers: dict[str, Any]) -> None:
        self.handlers.update(handlers)


class AnsweringChannel:
    """Stands in for a channel: every call has been answered."""

    def unary_unary(self, method: str, *args: Any, **options: Any) -> Any:
        return call

    unary_stream = stream_unary = stream_stream = unary_unary


def call(request: Any, *, timeout: float | None = None, metadata: Any = None, **options: Any) -> Call:
    """The stub continuation of a client."""
    return Call()


def rpcs(count: int, block: int, policy: bytes = b"") -> list[Rpc]:
    """``count`` requests as they arrive, under ``DISTINCT`` correlation keys that no earlier block had.

    Not more of them: what gRPC has just made is in the processor's cache, and thousands would not be.
    """
    claims = (Metadatum("sightline-policy-bin", policy),) if policy else ()
    made = [Rpc((Metadatum("user-agent", "grpc-python-asyncio/1.85"),
                 Metadatum("traceparent", f"00-{key_id(1, 'load', block, number)}-b7ad6b7169203331-01"), *claims))
            for number in range(min(count, DISTINCT))]
    return list(itertools.islice(itertools.cycle(made), count))
