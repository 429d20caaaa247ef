"""Errors over a real channel: status, code and next step arrive; tracebacks do not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
import pytest

from lineage.errors import InputError, PolicyDenied, RunError, SightlineError
from lineage.privacylib import PrivacyLib
from protos import logger_pb2, logger_pb2_grpc
from services.debug import DebugLog
from services.errors import calling, from_rpc, reported
from tests.services.fakes import serving, stub


class Failing(logger_pb2_grpc.LoggerServicer):
    def __init__(self, raises: Callable[[], Exception]) -> None:
        self._raises = raises

    async def Flush(self, request: Any, context: Any) -> logger_pb2.FlushResponse:
        async with reported(context, "logger", DebugLog(PrivacyLib("logger"))):
            raise self._raises()


async def flush(error: Exception) -> grpc.aio.AioRpcError:
    servicer = Failing(lambda: error)
    async with serving(lambda server: logger_pb2_grpc.add_LoggerServicer_to_server(servicer, server)) as address:
        async with stub(logger_pb2_grpc.LoggerStub, address) as logger:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await logger.Flush(logger_pb2.FlushRequest(), timeout=5)
    return caught.value


@pytest.mark.parametrize(("error", "status"), [
    (InputError("PAI004", "a part is missing", where="web:ask#photo", next="give it"), "INVALID_ARGUMENT"),
    (PolicyDenied("PAI301", "not permitted", where="training:x"), "PERMISSION_DENIED"),
    (RunError("PAI031", "is away", where="logger"), "UNAVAILABLE"),
])
async def test_an_error_comes_back_as_it_was_raised(error: SightlineError, status: str) -> None:
    seen = await flush(error)
    assert seen.code().name == status
    back = from_rpc(seen, "logger")
    assert type(back) is type(error) and back.to_dict() == error.to_dict()


async def test_an_unforeseen_error_shows_nothing_of_the_inside() -> None:
    seen = await flush(ValueError("secret /path/file.py"))
    assert seen.code() is grpc.StatusCode.UNAVAILABLE
    assert "PAI031" in (seen.details() or "") and "secret" not in (seen.details() or "")


async def test_a_long_text_still_arrives() -> None:
    back = from_rpc(await flush(InputError("PAI021", "ø" * 50_000)))
    assert back.code == "PAI021" and back.what.startswith("øøø") and back.what.endswith("…")


async def test_a_refused_call_of_a_handler_is_passed_on() -> None:
    inner = await flush(PolicyDenied("PAI303", "no token"))
    assert from_rpc(await flush(inner)).code == "PAI303"


async def test_a_service_that_is_away_is_a_run_error() -> None:
    async with stub(logger_pb2_grpc.LoggerStub, "127.0.0.1:1") as logger:
        with pytest.raises(RunError) as caught, calling("logger"):
            await logger.Flush(logger_pb2.FlushRequest(), timeout=2)
    assert caught.value.code == "PAI031" and caught.value.where == "logger"
