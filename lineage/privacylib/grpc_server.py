"""gRPC servers, aio and sync: each handler is wrapped once, when it is registered.

No interceptor: a context variable that an interceptor sets is lost in some handlers, and
wrapping costs about half (PERFORMANCE, first table).  A handler is wrapped in its own colour:
a plain function, also one on an aio server, which runs it in a thread, by ``grpc_sync``; a
coroutine function here or by ``grpc_unary``; a streaming one by ``grpc_stream``.

>>> from concurrent import futures
>>> from lineage.privacylib import PrivacyLib
>>> from protos import inference_pb2_grpc
>>> server = PrivacyLib("inference").server(grpc.server(futures.ThreadPoolExecutor(1)))
>>> inference_pb2_grpc.add_InferenceServicer_to_server(inference_pb2_grpc.InferenceServicer(), server)
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import grpc

from lineage.errors import PolicyDenied
from lineage.privacylib import grpc_stream, grpc_sync, grpc_unary
from lineage.privacylib.context import received
from lineage.privacylib.exchange import Endpoint, endpoint
from lineage.privacylib.grpc_unary import Handler
from lineage.privacylib.refusal import details

if TYPE_CHECKING:
    from lineage.privacylib.library import PrivacyLib

STYLES = ("unary_unary", "unary_stream", "stream_unary", "stream_stream")


class InstrumentedServer:
    """Stands in for a server in front of ``add_XServicer_to_server``."""

    def __init__(self, server: Any, lib: PrivacyLib) -> None:
        self._server = server
        self._lib = lib

    def add_generic_rpc_handlers(self, handlers: Sequence[Any]) -> None:
        """Generated code calls this first, with the handlers that it then registers by name."""

    def add_registered_method_handlers(self, service: str, handlers: dict[str, Any]) -> None:
        """Raises RunError (PAI004) for a method without a contract."""
        wrapped = {name: self._wrap(f"/{service}/{name}", handler) for name, handler in handlers.items()}
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, wrapped),))
        self._server.add_registered_method_handlers(service, wrapped)

    def _wrap(self, path: str, handler: Any) -> Any:
        style = STYLES[2 * bool(handler.request_streaming) + bool(handler.response_streaming)]
        point = endpoint(self._lib, path)
        return getattr(grpc, f"{style}_rpc_method_handler")(
            _instrumented(point, getattr(handler, style), style),
            request_deserializer=_counting(point, handler.request_deserializer),
            response_serializer=handler.response_serializer)


def _counting(endpoint: Endpoint, deserialize: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    """What is no message (a text that is not UTF-8) gRPC refuses before any handler; here it is counted."""

    def counting(data: bytes) -> Any:
        try:
            return deserialize(data)
        except Exception:
            endpoint.lib.gap(endpoint.request_asset, "a request could not be decoded", "PAI004")
            raise

    return counting


def _instrumented(endpoint: Endpoint, handler: Any, style: str) -> Any:
    if not (inspect.iscoroutinefunction(handler) or inspect.isasyncgenfunction(handler)):
        return grpc_sync.instrument(endpoint, handler, style)
    return instrument(endpoint, handler) if style == "unary_unary" else grpc_stream.instrument(endpoint, handler, style)


def instrument(endpoint: Endpoint, handler: Handler) -> Handler:
    """Reads the request, runs the handler in the request's scope, writes the response."""
    lib, asset, family, request_asset, response_asset, incoming, outgoing = endpoint
    if incoming.fixed is not None and outgoing.fixed is not None:
        return grpc_unary.instrument(endpoint, handler, incoming.fixed, outgoing.fixed)

    async def handle(request: Any, rpc: Any) -> Any:
        with lib.handling(asset, received(rpc.invocation_metadata()), family=family) as context:
            try:
                with lib.read(request_asset, fields=incoming.fields(request), keys=incoming.row_keys(request),
                              rows=incoming.row_count(request), payload=request):
                    pass
                response = await handler(request, rpc)
                sources, via, payload, detail = context.response or (None, "", None, None)
                with lib.write(response_asset, fields=outgoing.fields(response), sources=sources, via=via,
                               keys=outgoing.row_keys(response), rows=outgoing.row_count(response),
                               payload=payload or response, detail=detail):
                    pass
            except PolicyDenied as denied:
                await rpc.abort(grpc.StatusCode.PERMISSION_DENIED, details(denied))
        return response

    return handle
