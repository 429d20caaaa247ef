"""Sync gRPC clients (``grpc.insecure_channel``): one ``call`` per RPC, of all four kinds.

Streams are sent by a thread of gRPC's, which takes a copy of its maker's context variables along;
what is judged and counted there goes by the RPC's own context all the same.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from typing import Any

import grpc

from lineage.errors import PolicyDenied
from lineage.privacylib.context import Context
from lineage.privacylib.exchange import Endpoint, Made, prefixed
from lineage.privacylib.operation import Operation, Sources

Metadata = tuple[tuple[str, Any], ...] | None


class SyncMethod:
    """``stub.Generate(request, sources={"prompt": ["web:ask#utterance"]})``, ``.with_call`` and ``.future``."""

    def __init__(self, method: Any, endpoint: Endpoint, deadline: float) -> None:
        self._method = method
        self._endpoint = endpoint
        self._deadline = deadline

    def __call__(self, request: Any, timeout: float | None = None, metadata: Metadata = None, *,
                 sources: Sources | None = None, via: str = "", payload: Any = None, **options: Any) -> Any:
        with self._call(request, sources, via, payload) as op:
            response = self._method(request, **self._options(op.context, timeout, metadata), **options)
            self._answered(op, response)
        return response

    def with_call(self, request: Any, timeout: float | None = None, metadata: Metadata = None, *,
                  sources: Sources | None = None, via: str = "", payload: Any = None, **options: Any) -> Any:
        with self._call(request, sources, via, payload) as op:
            response, rpc = self._method.with_call(request, **self._options(op.context, timeout, metadata), **options)
            self._answered(op, response)
        return response, rpc

    def future(self, request: Any, timeout: float | None = None, metadata: Metadata = None, *,
               sources: Sources | None = None, via: str = "", payload: Any = None, **options: Any) -> Any:
        """The call is signalled when the future is done, before ``result`` gives anything away."""
        made = Made(self._endpoint, sources, via)
        made.leaving(request, payload=payload)
        return _future(self._method, request, made, self._options(made.context, timeout, metadata) | options)

    def _call(self, request: Any, sources: Sources | None, via: str, payload: Any) -> Operation:
        lib, asset, family, _, _, outgoing, _ = self._endpoint
        return lib.call(asset, fields=prefixed("request", outgoing.fields(request)), sources=sources, via=via,
                        family=family, rows=outgoing.row_count(request), keys=outgoing.row_keys(request),
                        payload=payload or request)

    def _answered(self, op: Operation, response: Any) -> None:
        contract = self._endpoint.response
        op.fields += prefixed("response", contract.fields(response))
        if not op.keys:
            op.keys = contract.row_keys(response)

    def _options(self, context: Context, timeout: float | None, metadata: Metadata) -> dict[str, Any]:
        return {"timeout": self._deadline if timeout is None else timeout,
                "metadata": self._endpoint.lib.outgoing(context, metadata)}


class SyncStreamMethod(SyncMethod):
    """A streaming method: of one message or an iterable of them, to one response or an iterator of them."""

    def __init__(self, method: Any, endpoint: Endpoint, deadline: float, style: str) -> None:
        super().__init__(method, endpoint, deadline)
        self._streams_in, self._streams_out = style.startswith("stream"), style.endswith("stream")

    def __call__(self, request: Any, timeout: float | None = None, metadata: Metadata = None, *,
                 sources: Sources | None = None, via: str = "", payload: Any = None, **options: Any) -> Any:
        """Raises PolicyDenied before anything left."""
        if not self._streams_out:
            return self.with_call(request, timeout, metadata, sources=sources, via=via, **options)[0]
        made = Made(self._endpoint, sources, via)
        if self._streams_in:
            request = _leaving(request, made)
        else:
            made.leaving(request, payload=payload)
        try:
            rpc = self._method(request, **self._options(made.context, timeout, metadata), **options)
        except BaseException as error:
            made.over(error)
            raise
        return SyncStream(rpc, made)

    def with_call(self, request: Any, timeout: float | None = None, metadata: Metadata = None, *,
                  sources: Sources | None = None, via: str = "", payload: Any = None, **options: Any) -> Any:
        """As a future: only that can be ended when a message is refused."""
        future = self.future(request, timeout, metadata, sources=sources, via=via, **options)
        return future.result(), future

    def future(self, request: Any, timeout: float | None = None, metadata: Metadata = None, *,
               sources: Sources | None = None, via: str = "", payload: Any = None, **options: Any) -> Any:
        made = Made(self._endpoint, sources, via)
        options |= self._options(made.context, timeout, metadata)
        return _future(self._method, _leaving(request, made), made, options)


def _leaving(messages: Iterable[Any], made: Made) -> Iterator[Any]:
    """Runs in gRPC's thread."""
    try:
        for message in messages:
            made.leaving(message)
            yield message
    except PolicyDenied as denied:
        made.refuse(denied)


def _future(method: Any, request: Any, made: Made, options: dict[str, Any]) -> SyncFuture:
    try:
        future = method.future(request, **options)
    except BaseException as error:
        made.over(error)
        raise
    return SyncFuture(future, made)


class SyncFuture:
    """One response to come; what is not here is gRPC's own."""

    def __init__(self, future: Any, made: Made) -> None:
        self._future = future
        self._made = made
        self._counted = False
        self._lock = threading.Lock()
        made.started(future.cancel)
        future.add_done_callback(self._count)

    def result(self, timeout: float | None = None) -> Any:
        try:
            return self._future.result(timeout)
        except BaseException as error:
            if self._made.denied is not None:
                raise self._made.denied from error
            raise
        finally:
            if self._future.done():
                self._count(self._future)

    def _count(self, future: Any) -> None:
        """In gRPC's thread when the RPC is over, or in the one that asks for the result: whichever is first."""
        with self._lock:
            if self._counted:
                return
            self._counted = True
            try:
                self._made.arrived(future.result())
            except BaseException as error:
                self._made.over(error)
            else:
                self._made.over()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._future, name)


class SyncStream:
    """The responses of an RPC under way; what is not here is gRPC's own (``cancel``, ``code`` …)."""

    def __init__(self, rpc: Any, made: Made) -> None:
        self._rpc = rpc
        self._made = made
        made.started(rpc.cancel)

        def over() -> None:
            made.over(None if rpc.code() is grpc.StatusCode.OK else rpc)

        if not rpc.add_callback(over):
            over()

    def __iter__(self) -> SyncStream:
        return self

    def __next__(self) -> Any:
        made = self._made
        made.reading()
        try:
            message = next(self._rpc)
            made.arrived(message)
        except BaseException as error:
            if not self._rpc.is_active():
                made.over(None if isinstance(error, StopIteration) else error)
            if made.denied is not None:
                raise made.denied from error
            raise
        finally:
            made.read()
        return message

    def __getattr__(self, name: str) -> Any:
        return getattr(self._rpc, name)

    def __del__(self) -> None:
        if hasattr(self, "_made") and self._rpc.is_active():
            self._rpc.cancel()
