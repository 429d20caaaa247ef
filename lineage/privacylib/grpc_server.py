"""grpc.aio servers: each unary handler is wrapped once, when it is registered.

No interceptor: a context variable that an interceptor sets is lost in some handlers, and
wrapping costs about half (PERFORMANCE, first table).  Streaming methods are refused at
registration rather than left uninstrumented.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

import grpc

from lineage.errors import PolicyDenied, RunError
from lineage.privacylib.contract import Method, method_of
from lineage.privacylib.refusal import details

if TYPE_CHECKING:
    from lineage.privacylib.library import PrivacyLib

Handler = Callable[[Any, Any], Awaitable[Any]]


class InstrumentedServer:
    """Stands in for a server in front of ``add_XServicer_to_server``."""

    def __init__(self, server: Any, lib: PrivacyLib) -> None:
        self._server = server
        self._lib = lib

    def add_generic_rpc_handlers(self, handlers: Sequence[Any]) -> None:
        """Generated code calls this first, with the handlers that it then registers by name."""

    def add_registered_method_handlers(self, service: str, handlers: dict[str, Any]) -> None:
        wrapped = {name: self._wrap(f"/{service}/{name}", handler) for name, handler in handlers.items()}
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, wrapped),))
        self._server.add_registered_method_handlers(service, wrapped)

    def _wrap(self, path: str, handler: Any) -> Any:
        method = method_of(path)
        if method is None:
            raise RunError("PAI004", f"no contract is loaded for {path}", where=self._lib.service)
        if method.streaming:
            raise RunError("PAI004", f"{path} streams; only unary methods are instrumented", where=self._lib.service)
        self._lib.register(f"{method.asset}.request", method.request.labels, method.owner, method.family)
        self._lib.register(f"{method.asset}.response", method.response.labels, method.owner, method.family)
        return grpc.unary_unary_rpc_method_handler(
            instrument(self._lib, method, handler.unary_unary),
            request_deserializer=handler.request_deserializer, response_serializer=handler.response_serializer)


def instrument(lib: PrivacyLib, method: Method, handler: Handler) -> Handler:
    """Reads the request, runs the handler in the request's scope, writes the response."""
    request_asset, response_asset = f"{method.asset}.request", f"{method.asset}.response"
    incoming, outgoing = method.request, method.response

    async def handle(request: Any, rpc: Any) -> Any:
        metadata = dict(rpc.invocation_metadata() or ())
        with lib.handling(method.asset, metadata, family=method.family) as context:
            try:
                with lib.read(request_asset, fields=incoming.fields(request), keys=incoming.row_keys(request),
                              rows=incoming.row_count(request), payload=request):
                    pass
                response = await handler(request, rpc)
                sources, via, payload = context.response or (None, "", None)
                with lib.write(response_asset, fields=outgoing.fields(response), sources=sources, via=via,
                               keys=outgoing.row_keys(response), rows=outgoing.row_count(response),
                               payload=payload or response):
                    pass
            except PolicyDenied as denied:
                await rpc.abort(grpc.StatusCode.PERMISSION_DENIED, details(denied))
        return response

    return handle
