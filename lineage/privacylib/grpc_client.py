"""grpc.aio channels: each unary method is wrapped once, when the stub is made.

A wrapped method takes ``sources=`` (request field → names), ``via=`` and ``payload=`` beside
gRPC's own keywords, sends the context along, and always has a deadline.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lineage.errors import RunError
from lineage.privacylib.contract import Method, method_of
from lineage.privacylib.operation import Sources

if TYPE_CHECKING:
    from lineage.privacylib.library import PrivacyLib

# Seconds; a call without a deadline could wait for ever.
DEADLINE = 5.0


class InstrumentedChannel:
    """Stands in for a channel in front of a generated stub."""

    def __init__(self, channel: Any, lib: PrivacyLib) -> None:
        self._channel = channel
        self._lib = lib

    def unary_unary(self, method: str, *args: Any, **options: Any) -> Any:
        contract = method_of(method)
        if contract is None:
            raise RunError("PAI004", f"no contract is loaded for {method}", where=self._lib.service)
        self._lib.register(f"{contract.asset}.request", contract.request.labels, contract.owner,
                           contract.family)
        self._lib.register(f"{contract.asset}.response", contract.response.labels, contract.owner,
                           contract.family)
        return InstrumentedMethod(self._channel.unary_unary(method, *args, **options), contract, self._lib)

    def _refuse(self, method: str, *args: Any, **options: Any) -> Any:
        raise RunError("PAI004", f"{method} streams; only unary methods are instrumented", where=self._lib.service)

    unary_stream = stream_unary = stream_stream = _refuse


class InstrumentedMethod:
    """``await stub.Generate(request, sources={"prompt": ["web:ask#utterance"]})``."""

    def __init__(self, method: Any, contract: Method, lib: PrivacyLib) -> None:
        self._method = method
        self._contract = contract
        self._lib = lib

    async def __call__(self, request: Any, *, sources: Sources | None = None, via: str = "", payload: Any = None,
                       timeout: float = DEADLINE, metadata: tuple[tuple[str, Any], ...] = (), **options: Any) -> Any:
        contract, lib = self._contract, self._lib
        sent = tuple(f"request.{field}" for field in contract.request.fields(request))
        with lib.call(contract.asset, fields=sent, sources=sources, via=via, family=contract.family,
                      rows=contract.request.row_count(request), keys=contract.request.row_keys(request),
                      payload=payload or request) as op:
            response = await self._method(request, timeout=timeout, metadata=(*metadata, *lib.outgoing()), **options)
            op.fields += tuple(f"response.{field}" for field in contract.response.fields(response))
            if not op.keys:
                op.keys = contract.response.row_keys(response)
        return response
