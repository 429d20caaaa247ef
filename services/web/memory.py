"""[A] and [B] What web knows of a wearer before it asks inference: her own features, from the warehouse.

The feedback loop: what she asked went through the logger into a table, a job made features of it, and here they
come back to her.  Only her row is asked for.  The read needs a token like any use of governed data: the policy
service judges each flow from a column into ``GenerateRequest.memory``, and the token is kept until it ends, or
until the warehouse refuses it because somebody's consent has changed since; then a new one is asked for, once.

Where nothing is kept of her, or nothing may be read, or nobody can say so, she is answered without a memory.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from lineage.errors import PolicyDenied, SightlineError
from lineage.names import join
from lineage.privacylib import PrivacyLib
from lineage.privacylib.claims import decode
from lineage.privacylib.contract import labels_of
from protos.inference_pb2 import GenerateRequest, Memory
from protos.policy_pb2 import Flow, JudgedColumn, JudgedTable, JudgeRequest, Labelled, Verdict
from protos.warehouse_pb2 import DescribeRequest, DescribeResponse, ReadRequest, ReadResponse
from services import rows as typed
from services.errors import calling

ACTIVITY = "query:assistant_memory"
PURPOSE = "assistance"
PRINCIPAL = "web"
TABLE = "feature.assistant"
COLUMNS = ("last_place", "last_asked", "language")
RESPONSE = "rpc:warehouse.Read.response"
WEARER = "web:session#wearer"
_SINK = "rpc:inference.Generate.request#memory"
_LABEL = labels_of(GenerateRequest.DESCRIPTOR)["memory"]
# What the prompt's memory may be made from.
FLOWS = {"memory": [f"{RESPONSE}#{TABLE}.{column}" for column in COLUMNS]}
# What the read is asked with.
ASKED = {"subject": [WEARER]}
# Seconds for each call: nobody waits long for a memory.
DEADLINE = 3.0

_log = logging.getLogger("sightline.web")


class Remembered(NamedTuple):
    """``sources``: what of the warehouse's answer it is made from."""

    memory: Memory
    sources: list[str]


class Recall:
    """``warehouse`` and ``policy``: stubs.  ``now``: seconds since 1970, by which tokens end."""

    def __init__(self, lib: PrivacyLib, warehouse: Any, policy: Any, now: Callable[[], float] = time.time) -> None:
        self._lib = lib
        self._warehouse = warehouse
        self._policy = policy
        self._now = now
        self._token = b""
        # One question asks for a token, and those beside it wait for the same.
        self._asking = asyncio.Lock()

    async def of(self, wearer: str) -> Remembered | None:
        """None where nothing is remembered of her, or may be."""
        try:
            token = await self._permitted()
            try:
                return await self._read(wearer, token)
            except PolicyDenied:
                return await self._read(wearer, await self._permitted(refused=token))
        except PolicyDenied as refused:
            _log.info("web: a wearer is answered without a memory: %s", refused.code)
        except SightlineError as error:
            _log.warning("web: no memory can be read: %s", error)
        return None

    async def _read(self, wearer: str, token: bytes) -> Remembered | None:
        request = ReadRequest(table=TABLE, columns=COLUMNS, activity=ACTIVITY, subject=wearer)
        with self._lib.activity(ACTIVITY, purpose=PURPOSE, claims=token), calling("warehouse"):
            answer: ReadResponse = await self._warehouse.Read(request, sources=ASKED, timeout=DEADLINE)
        if not answer.rows.rows:
            return None
        cells = zip(answer.rows.columns, typed.cells(answer.rows)[0], strict=True)
        held = {column: str(cell) for column, cell in cells if cell is not None}
        self._lib.source(RESPONSE, {f"{TABLE}.{column}": text for column, text in held.items()})
        return Remembered(Memory(**held), [f"{RESPONSE}#{TABLE}.{column}" for column in held])

    async def _permitted(self, refused: bytes = b"") -> bytes:
        """A token that has not ended, other than the one that was ``refused``.  Raises SightlineError."""
        async with self._asking:
            if not self._token or self._token == refused or decode(self._token).expires <= self._now():
                self._token = b""
                self._token = await self._admitted()
            return self._token

    async def _admitted(self) -> bytes:
        with calling("warehouse"):
            table: DescribeResponse = await self._warehouse.Describe(DescribeRequest(table=TABLE), sources={},
                                                                     timeout=DEADLINE)
        with calling("policy"):
            verdict: Verdict = await self._policy.Judge(_request(table), sources={}, timeout=DEADLINE)
        if not verdict.allowed:
            raise PolicyDenied(verdict.code or "PAI305", verdict.reason, where=ACTIVITY)
        return verdict.token


def _request(table: DescribeResponse) -> JudgeRequest:
    """Each column into the memory, and the one that says whose a row is beside them."""
    columns = [JudgedColumn(name=column.name, type=column.type, annotations=column.annotations,
                            annotated=bool(column.category)) for column in table.columns]
    sink = Labelled(asset=_SINK, annotations=_LABEL.annotations, annotated=_LABEL.annotated)
    flows = [Flow(source=Labelled(asset=join(f"warehouse:{TABLE}", column.name), annotations=column.annotations,
                                  annotated=column.annotated), sink=sink)
             for column in columns if column.name in (*COLUMNS, table.subject)]
    return JudgeRequest(activity=ACTIVITY, purpose=PURPOSE, principal=PRINCIPAL, flows=flows,
                        tables=[JudgedTable(name=TABLE, columns=columns, subject=table.subject,
                                            origin=table.origin)])
