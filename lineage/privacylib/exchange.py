"""One RPC as operations: what its server reads and writes, and the one call that its client makes.

Each request message that arrives is a read, each response message that leaves a write.  A client
makes one ``call`` per RPC, signalled when the RPC is over, however it ends; the guard judges the
RPC before it starts, and each message before it leaves.  Nothing here knows of threads' or tasks'
context variables: an RPC keeps its scope's context itself, so its messages may pass anywhere.

>>> from lineage.privacylib import Capture, MemorySink, PrivacyLib
>>> from protos import inference_pb2
>>> sink = MemorySink()
>>> lib = PrivacyLib("web", [Capture(sink)])
>>> with lib.scope(key="0af7651916cd43dd8448eb211c80319c"):
...     made = Made(endpoint(lib, "/sightline.Inference/Generate"), {"prompt": ["web:ask#utterance"]})
>>> made.leaving(inference_pb2.GenerateRequest(prompt="What is that building?"))
>>> made.arrived(inference_pb2.GenerateResponse(answer="A lighthouse"))
>>> made.over()
>>> sink.records[-1].site.op, sink.records[-1].detail
('call', '{"messages": {"received": 1, "sent": 1}}')
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from lineage.errors import PolicyDenied, RunError
from lineage.privacylib.context import Context
from lineage.privacylib.contract import Contract, method_of
from lineage.privacylib.operation import Operation, Sources, links_of

if TYPE_CHECKING:
    from lineage.privacylib.library import PrivacyLib

# Distinct fields, and row keys, that one RPC's call names; how many more there were is said.
MAX_KEPT = 10_000


class Endpoint(NamedTuple):
    """One method as a library knows it: what does not change from RPC to RPC."""

    lib: PrivacyLib
    asset: str
    family: str
    request_asset: str
    response_asset: str
    request: Contract
    response: Contract


def endpoint(lib: PrivacyLib, path: str) -> Endpoint:
    """Registers both messages of "/sightline.Inference/Generate".  Raises RunError (PAI004) without a contract."""
    method = method_of(path)
    if method is None:
        raise RunError("PAI004", f"no contract is loaded for {path}", where=lib.service)
    made = Endpoint(lib, method.asset, method.family, f"{method.asset}.request", f"{method.asset}.response",
                    method.request, method.response)
    lib.register(made.request_asset, made.request.labels, method.owner, method.family)
    lib.register(made.response_asset, made.response.labels, method.owner, method.family)
    return made


@lru_cache(maxsize=4096)
def prefixed(part: str, fields: tuple[str, ...]) -> tuple[str, ...]:
    """("request", ("prompt",)) → ("request.prompt",); the fields of a contract repeat."""
    return tuple(f"{part}.{field}" for field in fields)


class Served:
    """The server's side of one streaming RPC.  A refusal stays: no later message passes."""

    __slots__ = ("_context", "_endpoint", "denied")

    def __init__(self, endpoint: Endpoint, context: Context) -> None:
        self._endpoint = endpoint
        self._context = context
        self.denied: PolicyDenied | None = None

    def arrived(self, message: Any) -> None:
        """A request message.  Raises PolicyDenied."""
        contract = self._endpoint.request
        self._judge(Operation(
            self._endpoint.lib, self._context, "read", self._endpoint.request_asset, fields=contract.fields(message),
            keys=contract.row_keys(message), rows=contract.row_count(message), payload=message))

    def leaving(self, message: Any) -> None:
        """A response message, made from what the handler last said with ``lib.respond``.  Raises PolicyDenied."""
        contract = self._endpoint.response
        sources, via, payload, detail = self._context.response or (None, "", None, None)
        self._judge(Operation(
            self._endpoint.lib, self._context, "write", self._endpoint.response_asset,
            fields=contract.fields(message), sources=sources, via=via, keys=contract.row_keys(message),
            rows=contract.row_count(message), payload=payload or message, detail=detail))

    def _judge(self, op: Operation) -> None:
        if self.denied is not None:
            raise self.denied
        try:
            with op:
                pass
        except PolicyDenied as denied:
            self.denied = denied
            raise


class Made:
    """The client's side of one streaming RPC.  Raises PolicyDenied when the RPC may not start.

    Messages may be counted by one thread or task while another reads; ``cancel`` ends the RPC.
    """

    def __init__(self, endpoint: Endpoint, sources: Sources | None = None, via: str = "") -> None:
        self._endpoint = endpoint
        self._sources = sources
        self._op = endpoint.lib.call(endpoint.asset, sources=sources, via=via, family=endpoint.family, rows=0)
        self._op.__enter__()
        self._op.fields = ()
        self._fields: dict[str, None] = {}
        self._links: dict[str, dict[str, None]] = {}
        self._keys: tuple[dict[str, None], dict[str, None]] = ({}, {})  # of requests, of responses
        self._unlinked = False
        self._sent = self._received = self._left_out = self._reading = 0
        self._over = self._signalled = False
        self._error: BaseException | None = None
        self._lock = threading.Lock()
        self._cancel: Callable[[], Any] | None = None
        self.denied: PolicyDenied | None = None

    @property
    def context(self) -> Context:
        return self._op.context

    def started(self, cancel: Callable[[], Any]) -> None:
        """The RPC is under way; a refusal that came first (from another thread) ends it now."""
        self._cancel = cancel
        if self.denied is not None:
            cancel()

    def refuse(self, denied: PolicyDenied) -> None:
        """Ends the RPC: nothing more leaves."""
        self.denied = self.denied or denied
        if self._cancel is not None:
            self._cancel()

    def leaving(self, message: Any, sources: Sources | None = None, payload: Any = None) -> None:
        """A request message; ``sources`` of its own, or those of the RPC.  Raises PolicyDenied, and ends the RPC."""
        if self.denied is not None:
            raise self.denied
        contract, op = self._endpoint.request, self._op
        fields = prefixed("request", contract.fields(message))
        said = self._sources if sources is None else sources
        # Silent: the hooks see each message, the signal is the RPC's.
        one = Operation(self._endpoint.lib, op.context, "call", op.asset, fields=fields, sources=said,
                        rows=contract.row_count(message), keys=contract.row_keys(message), via=op.via,
                        family=op.family, payload=payload or message)
        one.silent = True
        try:
            with one:
                pass
        except PolicyDenied as denied:
            self.refuse(denied)
            raise
        self._sent += 1
        op.rows += one.rows
        self._unlinked |= not (one.linked and (op.linked or sources is not None))
        for field, names in one.links if sources is not None else op.links:
            self._links.setdefault(field, {}).update(dict.fromkeys(names))
        self._keep(self._fields, fields)
        self._keep(self._keys[0], one.keys)

    def arrived(self, message: Any) -> None:
        """A response message: what it holds is read by the scope from now on."""
        contract = self._endpoint.response
        fields = prefixed("response", contract.fields(message))
        self._received += 1
        self._keep(self._keys[1], contract.row_keys(message))
        new = tuple(field for field in fields if field not in self._fields)
        if new:
            # The scope's label floats before the next message leaves, not when the RPC is over.
            one = Operation(self._endpoint.lib, self._op.context, "call", self._op.asset, fields=new,
                            family=self._op.family)
            one.silent = True
            one.__exit__(None, None, None)
            self._keep(self._fields, new)

    def reading(self) -> None:
        """A read of a response has begun: the RPC may be over before its message is counted."""
        with self._lock:
            self._reading += 1

    def read(self) -> None:
        with self._lock:
            self._reading -= 1
            if self._reading or not self._over:
                return
        self._signal()

    def over(self, error: BaseException | None = None) -> None:
        """The RPC has ended; may be told more than once.  ``error``: what it ended with."""
        with self._lock:
            self._over = True
            self._error = self._error or error
            if self._reading:
                return
        self._signal()

    def _signal(self) -> None:
        with self._lock:
            if self._signalled:
                return
            self._signalled = True
        op, error = self._op, self.denied or self._error
        self._cancel = None
        op.fields, op.keys = tuple(self._fields), tuple(self._keys[0] or self._keys[1])
        # Where one message did not say what it was made from, the scope's reads stand for all.
        op.linked = not self._unlinked
        op.links = links_of({field: tuple(names) for field, names in self._links.items()}) if op.linked else ()
        op.detail["messages"] = {"sent": self._sent, "received": self._received}
        if self._left_out:
            op.detail["left_out"] = self._left_out
        op.__exit__(type(error) if error else None, error, None)

    def _keep(self, kept: dict[str, None], names: Iterable[str]) -> None:
        for name in names:
            if name in kept:
                continue
            if len(kept) < MAX_KEPT:
                kept[name] = None
            else:
                self._left_out += 1
