"""grpc.aio servers: unary handlers whose messages carry no other schema, which is nearly all.

Both sites are found at registration.  A request whose metadata is in order, in a posture where both
messages were permitted before, and that no hook wants to see each time, has nothing done for it but a
scope and two entries in the buffer.  All of that stands in one function, because calls are what costs
here; any other request takes the way of every operation, ``_within``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import grpc

from lineage.errors import PolicyDenied
from lineage.privacylib.context import Context, Started
from lineage.privacylib.exchange import Endpoint
from lineage.privacylib.extension import Pen
from lineage.privacylib.operation import Operation, quick
from lineage.privacylib.refusal import details
from lineage.privacylib.site import Known
from lineage.privacylib.traceparent import DIGITS, POLICY, SHAPE, TRACEPARENT, ZEROS, received

Handler = Callable[[Any, Any], Awaitable[Any]]


def instrument(endpoint: Endpoint, handler: Handler, incoming: tuple[str, ...], outgoing: tuple[str, ...]) -> Handler:
    """``incoming`` and ``outgoing``: the fields of every request and response."""
    find, family = endpoint.lib.sites.find, endpoint.family or endpoint.lib.family
    reads = find("read", endpoint.request_asset, incoming, None, family)
    writes = find("write", endpoint.response_asset, outgoing, None, family)
    every = _every(endpoint, _within(handler, reads, writes))
    if not (reads.quick and writes.quick) or reads.pen is None:
        return every
    return _quick(endpoint, handler, reads, writes, reads.pen, every)


def _quick(endpoint: Endpoint, handler: Handler, reads: Known, writes: Known, pen: Pen, every: Handler) -> Handler:
    lib, places, count, put, mark = endpoint.lib, _Places(), pen.count, pen.put, pen.mark
    callers, now = lib.postures.callers(lib.service, endpoint.family, "").get, lib.postures.now
    ordinal, enter, leave = lib.ordinal.__next__, lib.current.set, lib.current.reset

    async def handle(request: Any, rpc: Any) -> Any:
        metadata, after = rpc.invocation_metadata(), None
        try:
            (name, traceparent), (other, policy) = metadata[places.traceparent], metadata[places.policy]
            if (name == TRACEPARENT and other == POLICY and traceparent.encode().translate(DIGITS) == SHAPE
                    and traceparent[0] != "f" and ZEROS not in traceparent
                    and (caller := callers(policy)).ends > now()):  # type: ignore[union-attr]
                after = caller.permitted.get(reads)  # type: ignore[union-attr]
        except (AttributeError, LookupError, TypeError, ValueError):
            pass
        if after is None:
            places.find(metadata)
            return await every(request, rpc)
        context = Started()
        context.trace = trace = (traceparent[3:35], ordinal(), after.who)
        context.posture, context.arrived = after, metadata
        context.response = context.outer = context.inner = context.sent = None
        token = enter(context)
        try:
            mark[0] = number = count()
            if number > pen.ceiling:
                pen.crowded(number, reads, trace, 1, "")
            else:
                put((reads, trace))
            response = await handler(request, rpc)
            posture = context.posture
            if context.response is not None or posture.permitted.get(writes) is not posture:
                return _respond(context, writes, response)
            mark[0] = number = count()
            if number > pen.ceiling:
                pen.crowded(number, writes, trace, 1, "")
            else:
                put((writes, trace))
            return response
        except PolicyDenied as denied:
            await rpc.abort(grpc.StatusCode.PERMISSION_DENIED, details(denied))
        finally:
            leave(token)

    return handle


class _Places:
    """Where the two stood in the last request's metadata: one caller sends it in one order."""

    __slots__ = ("policy", "traceparent")

    def __init__(self) -> None:
        self.traceparent, self.policy = 0, 1

    def find(self, metadata: Any) -> None:
        """Leaves them where they are unless each is there once."""
        names = [name for name, _ in metadata or ()]
        if names.count(TRACEPARENT) == 1 == names.count(POLICY):
            self.traceparent, self.policy = names.index(TRACEPARENT), names.index(POLICY)


def _every(endpoint: Endpoint, within: Callable[[Context, Any, Any], Awaitable[Any]]) -> Handler:
    async def handle(request: Any, rpc: Any) -> Any:
        with endpoint.lib.handling(endpoint.asset, received(rpc.invocation_metadata()),
                                   family=endpoint.family) as context:
            return await within(context, request, rpc)

    return handle


def _within(handler: Handler, reads: Known, writes: Known) -> Callable[[Context, Any, Any], Awaitable[Any]]:
    """What is done inside the scope, each operation seen by every hook."""

    async def within(context: Context, request: Any, rpc: Any) -> Any:
        try:
            with quick(context, reads, request):
                pass
            response = await handler(request, rpc)
            return _respond(context, writes, response)
        except PolicyDenied as denied:
            await rpc.abort(grpc.StatusCode.PERMISSION_DENIED, details(denied))

    return within


def _respond(context: Context, site: Known, response: Any) -> Any:
    """The response, made from what the handler said with ``lib.respond``."""
    sources, via, payload, detail = context.response or (None, "", None, None)
    with Operation(site.lib, context, "write", site.asset, fields=site.fields, sources=sources, via=via,
                   family=site.family, payload=payload or response, detail=detail):
        pass
    return response
