"""PrivacyLib as it is deployed (capture, and the guard enforcing the bundled requirement), around stubs.

The collector's own sink is used, and what it would ship is encoded and not sent.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from lineage.enforce.guard import Guard
from lineage.enforce.identity import Identity
from lineage.enforce.rules import Rules
from lineage.enforce.tokens import Grant, Signer, Verifier
from lineage.model import Label
from lineage.privacylib import Capture, CollectorSink, Operation, PrivacyLib, claims
from protos import collector_pb2, inference_pb2_grpc
from sim.load import stub
from sim.stack.deployment import bundled

GOVERNED = ("GLASSES_INTERACTION",)
SOURCES = {"prompt": ["web:ask#utterance"], "image": ["web:ask#photo"], "location": ["web:ask#location"]}
_KEY = "0af7651916cd43dd8448eb211c80319c"
# Seconds.
_FLUSH = 30.0


class EncodingSink(CollectorSink):
    """The collector's sink up to the bytes; ``sent`` counts them."""

    def __init__(self, emitter: str) -> None:
        super().__init__(emitter, "127.0.0.1:9")  # gRPC connects at the first call, and none is made
        self.sent = 0
        collector: Any = self
        self._stub = collector

    def Ship(self, batch: Any, timeout: float | None = None) -> collector_pb2.ShipAck:
        self.sent += len(batch.SerializeToString())
        return collector_pb2.ShipAck()


def rules() -> Rules:
    return Rules(bundled().load_requirements())


def _vouched(signer: Signer, lifetime: int, nonce: str = "") -> bytes:
    now = int(time.time())
    return signer.sign(Grant("web", "assistance", "", (), (), issued=now, expires=now + lifetime, nonce=nonce,
                             kind=claims.PRINCIPAL))


class _Ours:
    name = ""
    service = ""

    def __init__(self, sink: EncodingSink, guard: Guard | None = None) -> None:
        """``guard``: another than Policy Zones'."""
        self.sink = sink
        self.guard = guard or Guard(rules())
        self.lib = PrivacyLib(self.service, [Capture(sink), self.guard], family="C")
        self.lib.register("web:ask", {name: Label(f"user.{name}", GOVERNED)
                                      for name in ("utterance", "photo", "location")})

    def prepare(self, count: int, block: int) -> Sequence[Any]:
        return range(count)

    async def bare(self, inputs: Sequence[Any]) -> None:
        for _ in inputs:
            pass


class Server(_Ours):
    """A unary handler, wrapped at registration."""

    name = "server_us"
    service = "inference"

    def __init__(self, sink: EncodingSink, guard: Guard | None = None) -> None:
        super().__init__(sink, guard)
        plain, wrapped = stub.CatchingServer(), stub.CatchingServer()
        model = stub.Model()
        inference_pb2_grpc.add_InferenceServicer_to_server(model, plain)
        inference_pb2_grpc.add_InferenceServicer_to_server(model, self.lib.server(wrapped))
        self._plain = plain.handlers["Generate"].unary_unary
        self._wrapped = wrapped.handlers["Generate"].unary_unary
        signer = Signer("load")
        self.lib.postures.identify = Identity(bundled().load_principals(), Verifier(signer.public_key))
        self._policy = _vouched(signer, 86_400)

    def prepare(self, count: int, block: int) -> Sequence[Any]:
        return stub.rpcs(count, block, self._policy)

    async def full(self, inputs: Sequence[Any]) -> None:
        handle, request = self._wrapped, stub.REQUEST
        for rpc in inputs:
            await handle(request, rpc)
        self.sink.flush(_FLUSH)

    async def bare(self, inputs: Sequence[Any]) -> None:
        handle, request = self._plain, stub.REQUEST
        for rpc in inputs:
            await handle(request, rpc)


class Client(_Ours):
    """A unary method of a stub, wrapped when the stub is made; the caller names its sources."""

    name = "client_us"
    service = "web"

    def __init__(self, sink: EncodingSink, guard: Guard | None = None) -> None:
        super().__init__(sink, guard)
        self._wrapped = inference_pb2_grpc.InferenceStub(self.lib.channel(stub.AnsweringChannel())).Generate

    async def full(self, inputs: Sequence[Any]) -> None:
        generate, request = self._wrapped, stub.REQUEST
        with self.lib.scope(key=_KEY, purpose="assistance", region="US"):
            for _ in inputs:
                await generate(request, sources=SOURCES, via="web:prompt", timeout=5.0)
        self.sink.flush(_FLUSH)

    async def bare(self, inputs: Sequence[Any]) -> None:
        generate, request = stub.call, stub.REQUEST
        for _ in inputs:
            await generate(request, timeout=5.0)


class Event(_Ours):
    """One read in a scope that has read the same before: its decision is cached.  As the ASGI wrapper reads."""

    name = "io_event_us"
    service = "web"

    def __init__(self, sink: EncodingSink, guard: Guard | None = None) -> None:
        super().__init__(sink, guard)
        self._read = self.lib.reader("web:ask", ("utterance",))

    async def full(self, inputs: Sequence[Any]) -> None:
        read = self._read
        with self.lib.scope(key=_KEY, activity="query:load", purpose="assistance"):
            for _ in inputs:
                with read:
                    pass
        self.sink.flush(_FLUSH)


class Check(_Ours):
    """One decision by the rules, not cached: in turn of a use, of one in a region by data of a known and of an unknown
    origin, and of a flow."""

    name = "policy_check_us"
    service = "web"

    def __init__(self, sink: EncodingSink) -> None:
        super().__init__(sink)
        self._rules = rules()

    async def full(self, inputs: Sequence[Any]) -> None:
        use, flow, origin = self._rules.use, self._rules.flow, ("NO",)
        for _ in inputs[::4]:
            use(GOVERNED, "assistance")
            use(GOVERNED, "assistance", "EU")
            use(GOVERNED, "assistance", "US", origin)
            flow(GOVERNED, GOVERNED)


class FirstDecision(_Ours):
    """The guard's whole decision on a read that it has not judged before."""

    name = "first_decision_us"
    service = "web"

    def prepare(self, count: int, block: int) -> Sequence[Any]:
        return [self._operation(f"query:load-{block}-{number}") for number in range(count)]

    def _operation(self, activity: str) -> Operation:
        with self.lib.scope(key=_KEY, activity=activity, purpose="assistance"):
            return self.lib.read("web:ask", fields=("utterance",))

    async def full(self, inputs: Sequence[Any]) -> None:
        before = self.guard.before
        for operation in inputs:
            before(operation)

    async def bare(self, inputs: Sequence[Any]) -> None:
        before = _nothing
        for operation in inputs:
            before(operation)


class _Claims(_Ours):
    """A request's claims, as whoever gets them looks into them."""

    service = "inference"

    def __init__(self, sink: EncodingSink) -> None:
        super().__init__(sink)
        self._signer = Signer("load")
        self.lib.postures.identify = Identity(bundled().load_principals(), Verifier(self._signer.public_key))

    async def full(self, inputs: Sequence[Any]) -> None:
        caller = self.lib.postures.caller
        for policy in inputs:
            caller(policy, "inference", "C", "")

    async def bare(self, inputs: Sequence[Any]) -> None:
        for policy in inputs:
            _nothing(policy)


class ClaimsCold(_Claims):
    """Claims that were not seen before: decoded, their signature verified, their principal held to its purpose."""

    name = "claims_cold_us"

    def prepare(self, count: int, block: int) -> Sequence[Any]:
        return [_vouched(self._signer, 300, str(count * block + number)) for number in range(count)]


class ClaimsWarm(_Claims):
    """Claims that were seen before: only their end is looked at."""

    name = "claims_warm_us"

    def prepare(self, count: int, block: int) -> Sequence[Any]:
        one = _vouched(self._signer, 300)
        self.lib.postures.caller(one, "inference", "C", "")
        return [one] * count


def _nothing(operation: object) -> None:
    """What a hook costs that does nothing."""


@contextmanager
def subjects() -> Iterator[list[stub.Subject]]:
    sink = EncodingSink("load")
    try:
        yield [Server(sink), Client(sink), Event(sink), Check(sink), FirstDecision(sink),
               ClaimsCold(sink), ClaimsWarm(sink)]
    finally:
        sink.close()
