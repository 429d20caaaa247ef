"""How an error crosses a gRPC boundary: a status, and the error itself as JSON in its details.

No traceback leaves a service: what nobody foresaw goes to its debug log, and is reported as PAI031.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, NoReturn

import grpc

from lineage.codes import CODES
from lineage.errors import InputError, PolicyDenied, RunError, SightlineError
from lineage.privacylib.refusal import details
from services.debug import DebugLog

# Bytes of JSON.  A status travels in HTTP/2 headers, of which gRPC accepts 8 KB.
MAX_WHAT = 4000
MAX_PLACE = 1000
_STATUS = ((PolicyDenied, grpc.StatusCode.PERMISSION_DENIED), (InputError, grpc.StatusCode.INVALID_ARGUMENT),
           (SightlineError, grpc.StatusCode.UNAVAILABLE))
# A full queue asks for patience, not for another server.
_STATUS_OF = {"PAI040": grpc.StatusCode.RESOURCE_EXHAUSTED}
_ERROR = {grpc.StatusCode.PERMISSION_DENIED: PolicyDenied, grpc.StatusCode.INVALID_ARGUMENT: InputError}
# What to say of a status whose details are not ours.
_FALLBACK = {PolicyDenied: "PAI305", InputError: "PAI004", RunError: "PAI031"}


async def abort(context: Any, error: SightlineError) -> NoReturn:
    """Ends the RPC with the error's status and its JSON."""
    status = _STATUS_OF.get(error.code) or next(status for kind, status in _STATUS if isinstance(error, kind))
    short = type(error)(error.code, _shortened(error.what, MAX_WHAT), where=_shortened(error.where, MAX_PLACE),
                        next=_shortened(error.next, MAX_PLACE))
    await context.abort(status, details(short))
    raise AssertionError("abort raises")


def from_rpc(error: grpc.RpcError, where: str = "") -> SightlineError:
    """The error that the other side meant; RunError (PAI031) where it said nothing that we know.

    ``where`` names the service that was called.
    """
    code = error.code() if isinstance(error, grpc.Call | grpc.aio.AioRpcError) else grpc.StatusCode.UNKNOWN
    text = error.details() if isinstance(error, grpc.Call | grpc.aio.AioRpcError) else str(error)
    kind = _ERROR.get(code, RunError)
    try:
        said = json.loads(text or "")
        if said["code"] in CODES:
            return kind(said["code"], str(said["what"]), where=str(said["where"]), next=str(said["next"]))
    except (ValueError, KeyError, TypeError):
        pass
    return kind(_FALLBACK[kind], f"{where or 'a service'} did not answer: {code.name.lower()}", where=where)


@contextmanager
def calling(service: str) -> Iterator[None]:
    """Around a call: its gRPC error becomes a SightlineError."""
    try:
        yield
    except grpc.RpcError as error:
        raise from_rpc(error, service) from None


@asynccontextmanager
async def reported(context: Any, service: str, debug: DebugLog) -> AsyncIterator[None]:
    """Around a handler's body: whatever it raises is told to the caller as a status."""
    try:
        yield
    except grpc.aio.AbortError:
        raise
    except SightlineError as error:
        await abort(context, error)
    except grpc.RpcError as error:
        await abort(context, from_rpc(error))
    except Exception as error:
        debug.unforeseen(error)
        await abort(context, RunError("PAI031", f"{service} failed on this request; its log says why", where=service))


def _shortened(text: str, limit: int) -> str:
    """At most ``limit`` bytes of JSON, in which one character may take twelve."""
    if len(json.dumps(text)) <= limit:
        return text
    return f"{text[:limit // 12]}…"
