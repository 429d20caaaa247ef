"""The tapped wire over real gRPC and HTTP: every message and body, once, with its size."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import httpx
import pytest

from protos import inference_pb2, inference_pb2_grpc
from sim.stack.wire import TappedChannel, TappedServer, TappedTransport, asgi
from sim.truth.journal import Journal

GENERATE = "/sightline.Inference/Generate"
REQUEST = inference_pb2.GenerateRequest(model="assistant", prompt="What is that building?")
RESPONSE = inference_pb2.GenerateResponse(answer="A lighthouse")
SENT, BACK = len(REQUEST.SerializeToString()), len(RESPONSE.SerializeToString())


class Heard:
    """A Tap that keeps what crossed the wire."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, str, str, Any, int]] = []
        self.bodies: list[tuple[str, str, str, int]] = []
        self.begun: list[str] = []
        self.error: Exception | None = None

    def message(self, direction: str, part: str, method: str, message: Any, size: int) -> None:
        if self.error:
            raise self.error
        self.messages.append((direction, part, method, message, size))

    def began(self, method: str) -> None:
        self.begun.append(method)

    def http(self, direction: str, part: str, path: str, size: int, body: bytes = b"") -> None:
        assert len(body) in (0, size)
        self.bodies.append((direction, part, path, size))

    @property
    def short(self) -> list[tuple[str, str, int]]:
        return [(direction, part, size) for direction, part, _, _, size in self.messages]


class Faults:
    """A Wire that marks what it lets through."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, Any]] = []

    def outgoing(self, method: str, metadata: Any) -> Any:
        self.seen.append((method, metadata))
        return (*metadata, ("marked", "yes"))


class Inference(inference_pb2_grpc.InferenceServicer):
    def __init__(self) -> None:
        self.metadata: dict[str, Any] = {}

    async def Generate(self, request: Any, context: Any) -> Any:
        self.metadata = dict(context.invocation_metadata())
        if request.model == "forbidden":
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, "no")
        return RESPONSE


class SyncInference(inference_pb2_grpc.InferenceServicer):
    def Generate(self, request: Any, context: Any) -> Any:
        self.metadata = dict(context.invocation_metadata())
        return RESPONSE


@pytest.fixture
def below() -> Any:
    return Heard()


@pytest.fixture
def above() -> Any:
    return Heard()


@pytest.fixture
async def served(below: Any) -> AsyncIterator[tuple[Inference, str]]:
    servicer, server = Inference(), grpc.aio.server()
    inference_pb2_grpc.add_InferenceServicer_to_server(servicer, TappedServer(server, below))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield servicer, f"127.0.0.1:{port}"
    await server.stop(None)


async def test_unary(served: tuple[Inference, str], below: Any, above: Any) -> None:
    async with TappedChannel(grpc.aio.insecure_channel(served[1]), above) as channel:
        stub = inference_pb2_grpc.InferenceStub(channel)
        assert await stub.Generate(REQUEST, timeout=5) == RESPONSE
    assert above.messages == [("sent", "request", GENERATE, REQUEST, SENT),
                              ("received", "response", GENERATE, RESPONSE, BACK)]
    assert below.messages == [("received", "request", GENERATE, REQUEST, SENT),
                              ("sent", "response", GENERATE, RESPONSE, BACK)]


async def test_a_refused_call_has_no_response(served: tuple[Inference, str], below: Any, above: Any) -> None:
    async with TappedChannel(grpc.aio.insecure_channel(served[1]), above) as channel:
        with pytest.raises(grpc.aio.AioRpcError, match="PERMISSION_DENIED"):
            await inference_pb2_grpc.InferenceStub(channel).Generate(
                inference_pb2.GenerateRequest(model="forbidden"), timeout=5)
    assert [one[:2] for one in above.short] == [("sent", "request")]
    assert [one[:2] for one in below.short] == [("received", "request")]


async def test_an_unregistered_method_is_seen_too(below: Any, above: Any) -> None:
    """Only the generic handler knows it, as older generated code does."""
    server = grpc.aio.server()

    async def generate(request: Any, context: Any) -> Any:
        return RESPONSE

    handler = grpc.unary_unary_rpc_method_handler(generate, inference_pb2.GenerateRequest.FromString,
                                                  inference_pb2.GenerateResponse.SerializeToString)
    TappedServer(server, below).add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("sightline.Inference", {"Generate": handler}),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with TappedChannel(grpc.aio.insecure_channel(f"127.0.0.1:{port}"), above) as channel:
        call = channel.unary_unary(GENERATE, inference_pb2.GenerateRequest.SerializeToString,
                                   inference_pb2.GenerateResponse.FromString)
        assert await call(REQUEST, timeout=5) == RESPONSE
    await server.stop(None)
    assert below.short == [("received", "request", SENT), ("sent", "response", BACK)]


@pytest.mark.parametrize("style", ["unary_stream", "stream_unary", "stream_stream"])
async def test_streams(below: Any, above: Any, style: str) -> None:
    server = TappedServer(grpc.aio.server(), below)

    async def many(request: Any, context: Any) -> AsyncIterator[Any]:
        if hasattr(request, "__aiter__"):
            async for _ in request:
                pass
        yield RESPONSE
        yield RESPONSE

    async def one(request: Any, context: Any) -> Any:
        async for _ in request:
            pass
        return RESPONSE

    handler = getattr(grpc, f"{style}_rpc_method_handler")(
        many if style.endswith("stream") else one, inference_pb2.GenerateRequest.FromString,
        inference_pb2.GenerateResponse.SerializeToString)
    server.add_registered_method_handlers("sightline.Inference", {"Generate": handler})
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()

    async def requests() -> AsyncIterator[Any]:
        for _ in range(3):
            yield REQUEST

    wire = Faults()
    async with TappedChannel(grpc.aio.insecure_channel(f"127.0.0.1:{port}"), above, wire) as channel:
        call = getattr(channel, style)(GENERATE, inference_pb2.GenerateRequest.SerializeToString,
                                       inference_pb2.GenerateResponse.FromString, _registered_method=True)
        answer = call(requests() if style.startswith("stream") else REQUEST, timeout=5)
        if style.endswith("stream"):
            assert [response async for response in answer] == [RESPONSE, RESPONSE]
        else:
            assert await answer == RESPONSE
    await server.stop(None)
    asked, answered = (3 if style.startswith("stream") else 1), (2 if style.endswith("stream") else 1)
    assert sorted(above.short) == sorted([("sent", "request", SENT)] * asked
                                         + [("received", "response", BACK)] * answered)
    assert sorted(below.short) == sorted([("received", "request", SENT)] * asked
                                         + [("sent", "response", BACK)] * answered)
    assert wire.seen == [(GENERATE, ())]


@pytest.mark.parametrize("metadata", [None, (("traceparent", "00-1"),), [("traceparent", "00-1")],
                                      grpc.aio.Metadata(("traceparent", "00-1"))])
async def test_wire_alters_metadata(served: tuple[Inference, str], above: Any, metadata: Any) -> None:
    wire = Faults()
    async with TappedChannel(grpc.aio.insecure_channel(served[1]), above, wire) as channel:
        await inference_pb2_grpc.InferenceStub(channel).Generate(REQUEST, timeout=5, metadata=metadata)
    assert wire.seen == [(GENERATE, () if metadata is None else (("traceparent", "00-1"),))]
    assert served[0].metadata["marked"] == "yes"
    assert served[0].metadata.get("traceparent") == (None if metadata is None else "00-1")


def test_sync(below: Any, above: Any) -> None:
    servicer, server = SyncInference(), grpc.server(futures.ThreadPoolExecutor(2))
    inference_pb2_grpc.add_InferenceServicer_to_server(servicer, TappedServer(server, below))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with TappedChannel(grpc.insecure_channel(f"127.0.0.1:{port}"), above, Faults()) as channel:
        stub = inference_pb2_grpc.InferenceStub(channel)
        assert stub.Generate(REQUEST, 5, (("a", "b"),)) == RESPONSE
        assert servicer.metadata["a"] == "b"
        assert stub.Generate.with_call(REQUEST, timeout=5)[0] == RESPONSE
        assert stub.Generate.future(REQUEST, timeout=5).result() == RESPONSE
    server.stop(None)
    assert servicer.metadata["marked"] == "yes"
    assert len(above.messages) == len(below.messages) == 6


async def test_an_error_of_the_tap_fails_the_call(served: tuple[Inference, str], below: Any, above: Any) -> None:
    below.error = RuntimeError("the journal is full")
    async with TappedChannel(grpc.aio.insecure_channel(served[1]), above) as channel:
        with pytest.raises(grpc.aio.AioRpcError):
            await inference_pb2_grpc.InferenceStub(channel).Generate(REQUEST, timeout=5)


def test_bytes_cannot_be_tapped(below: Any) -> None:
    with pytest.raises(TypeError, match="moves bytes, not messages"):
        TappedServer(grpc.server(futures.ThreadPoolExecutor(1)), below).add_registered_method_handlers(
            "x.Y", {"Z": grpc.unary_unary_rpc_method_handler(lambda request, context: request)})


async def test_concurrent_calls_keep_their_numbers(tmp_path: Path) -> None:
    """A response is journalled under the number of its request, and what a handler does under its call."""
    import asyncio

    ours, theirs = Journal(tmp_path / "web.db", "web"), Journal(tmp_path / "inference.db", "inference")

    class Slow(inference_pb2_grpc.InferenceServicer):
        async def Generate(self, request: Any, context: Any) -> Any:
            await asyncio.sleep(0.002 * (5 - len(request.prompt)))
            theirs.file("read", f"checkpoints/{request.prompt}", 1)
            await asyncio.to_thread(theirs.file, "read", f"checkpoints/{request.prompt}", 1)
            return inference_pb2.GenerateResponse(answer=request.prompt)

    server = grpc.aio.server()
    inference_pb2_grpc.add_InferenceServicer_to_server(Slow(), TappedServer(server, theirs))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with TappedChannel(grpc.aio.insecure_channel(f"127.0.0.1:{port}"), ours) as channel:
        stub = inference_pb2_grpc.InferenceStub(channel)
        await asyncio.gather(*(stub.Generate(inference_pb2.GenerateRequest(prompt="x" * n), timeout=5)
                               for n in range(1, 5)))
    await server.stop(None)
    ours.close()
    theirs.close()
    for journal, sides in ((ours, ("sent", "received")), (theirs, ("received", "sent"))):
        records = Journal.read(journal.path)
        requests = {one.detail["call"]: one.bytes for one in records if one.op == sides[0]}
        responses = {one.detail["call"]: one.bytes for one in records if one.op == sides[1]}
        assert len(requests) == 4
        assert requests == responses  # the prompt comes back as the answer
    reads = [one for one in Journal.read(theirs.path) if one.op == "read"]
    prompts = {one.detail["call"]: one.bytes - 2 for one in Journal.read(theirs.path) if one.op == "received"}
    assert len(reads) == 8
    assert all(one.locator == "file:checkpoints/" + "x" * prompts[one.detail["within"]] for one in reads)


# -- HTTP


async def application(scope: Any, receive: Any, send: Any) -> None:
    if scope["path"] == "/v1/early":  # answers without reading
        await send({"type": "http.response.start", "status": 413, "headers": []})
        await send({"type": "http.response.body", "body": b"no"})
        return
    more = True
    while more:
        more = (await receive()).get("more_body", False)
    if scope["path"] == "/v1/broken":
        raise ValueError("broken")
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"12", "more_body": True})
    await send({"type": "http.response.body", "body": b"345"})


@pytest.fixture
def client(below: Any, above: Any) -> Iterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(asgi(application, below))
    yield httpx.AsyncClient(transport=TappedTransport(transport, above), base_url="http://web")


async def test_http(client: httpx.AsyncClient, below: Any, above: Any) -> None:
    response = await client.post("/v1/ask", data={"utterance": "hello"}, files={"photo": b"\xff\xd8" * 100})
    assert response.content == b"12345"
    size = int(response.request.headers["content-length"])
    assert above.bodies == [("sent", "request", "/v1/ask", size), ("received", "response", "/v1/ask", 5)]
    assert below.bodies == [("received", "request", "/v1/ask", size), ("sent", "response", "/v1/ask", 5)]


async def test_a_body_in_chunks(client: httpx.AsyncClient, below: Any, above: Any) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"abc"

    await client.post("/v1/ask", content=chunks())
    assert above.bodies[0] == ("sent", "request", "/v1/ask", 9)
    assert below.bodies[0] == ("received", "request", "/v1/ask", 9)


async def test_get_and_early_answers_are_requests_too(client: httpx.AsyncClient, below: Any) -> None:
    await client.get("/v1/session/1")
    await client.post("/v1/early", content=b"too much")
    assert below.bodies == [("received", "request", "/v1/session/1", 0), ("sent", "response", "/v1/session/1", 5),
                            ("received", "request", "/v1/early", 0), ("sent", "response", "/v1/early", 2)]


async def test_a_broken_handler_had_its_request(client: httpx.AsyncClient, below: Any) -> None:
    with pytest.raises(ValueError, match="broken"):
        await client.post("/v1/broken", content=b"abc")
    assert below.bodies == [("received", "request", "/v1/broken", 3)]


async def test_health_is_not_data(client: httpx.AsyncClient, below: Any, above: Any) -> None:
    assert (await client.get("/healthz")).content == b"12345"
    assert below.bodies == above.bodies == []


async def test_each_message_of_a_websocket_is_seen(below: Heard) -> None:
    incoming = [{"type": "websocket.connect"}, {"type": "websocket.receive", "text": "é"},
                {"type": "websocket.receive", "bytes": b"123"}, {"type": "websocket.disconnect", "code": 1000}]

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})
        while (await receive())["type"] != "websocket.disconnect":
            pass
        await send({"type": "websocket.send", "text": "four", "bytes": None})

    async def receive() -> Any:
        return incoming.pop(0)

    async def send(message: Any) -> None:
        pass

    for path in ("/v1/talk", "/healthz"):
        given = list(incoming)
        await asgi(app, below)({"type": "websocket", "path": path}, receive, send)
        incoming = given
    assert below.bodies == [("received", "request", "/v1/talk", 2), ("received", "request", "/v1/talk", 3),
                            ("sent", "response", "/v1/talk", 4)]
