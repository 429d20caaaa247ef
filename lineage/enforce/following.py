"""A node's side of the rulebook: follows the policy service, and judges by what it says is in force.

A node that loses the stream judges on by what it has, says so once as a finding (PAI320), and asks again until it is
told the whole set.  What was signed by another set is refused at the boundary.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import grpc.aio

from lineage.enforce.requirement import parse
from lineage.enforce.rulebook import Rulebook
from lineage.errors import InputError
from lineage.model import Finding
from lineage.privacylib import PrivacyLib
from protos import following_pb2 as pb
from protos import following_pb2_grpc

# Seconds: a node waits for its first set; before the first and between the last tries to find the policy service again.
FIRST = 5.0
FIRST_WAIT, LONGEST_WAIT = 0.1, 2.0
_LEAVE = 1.0


class Follower:
    """``address``: the policy service's, "host:port"; ``texts``: what was deployed with the node, until it is told."""

    def __init__(self, lib: PrivacyLib, book: Rulebook, address: str, texts: Iterable[str] = ()) -> None:
        self.texts = tuple(texts)
        self._lib = lib
        self._book = book
        self._address = address
        self._told = asyncio.Event()
        self._lost = self._leaving = False
        self._call: Any = None
        # A stream takes one write at a time: what is said while another is under way would be lost, a leave too.
        self._saying = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    async def start(self, first: float = FIRST) -> None:
        """Returns when the node judges by what is in force; after ``first`` seconds by what was deployed with it."""
        # In a context of its own: following belongs to no request.
        self._task = asyncio.create_task(self._run(), name=f"follow for {self._lib.service}",
                                         context=contextvars.Context())
        try:
            await asyncio.wait_for(self._told.wait(), first)
        except TimeoutError:
            self._say("the policy service was not reached")

    async def stop(self) -> None:
        """Takes leave, so that nobody waits for this node."""
        self._leaving = True
        if self._call is not None:
            with contextlib.suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError, TimeoutError):
                async with asyncio.timeout(_LEAVE), self._saying:
                    await self._call.write(pb.Applied(node=self._lib.service, leaving=True))
                    await self._call.done_writing()
                    if self._task is not None:
                        await asyncio.wait((self._task,))
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        wait = FIRST_WAIT
        async with grpc.aio.insecure_channel(self._address) as channel:
            while not self._leaving:
                try:
                    async for said in await self._joined(following_pb2_grpc.FollowingStub(channel)):
                        await self._apply(said)
                        wait = FIRST_WAIT
                    why = "the policy service ended the stream"
                except grpc.aio.AioRpcError as error:
                    why = f"the policy service is {error.code().name.lower()}"
                if self._leaving:
                    return
                if self._told.is_set():
                    self._say(why)
                await asyncio.sleep(wait)
                wait = min(2 * wait, LONGEST_WAIT)

    async def _joined(self, stub: Any) -> Any:
        self._call = stub.Follow()
        await self._call.write(pb.Applied(node=self._lib.service))
        return self._call

    async def _apply(self, said: pb.Requirements) -> None:
        try:
            requirements = [parse(text, Path("requirement")) for text in said.texts]
        except InputError as error:  # a policy service of another version; not acknowledged, so it is named there
            self._say(f"it was told what it cannot read: {error.what}")
            return
        self._book.replace(requirements)
        self.texts = tuple(said.texts)
        self._lost = False
        self._told.set()
        async with self._saying:
            await self._call.write(pb.Applied(node=self._lib.service, number=said.number))

    def _say(self, why: str) -> None:
        """Once for each time that the stream was lost."""
        if not self._lost:
            self._lost = True
            self._lib.finding(Finding("PAI320", f"rpc:{self._lib.service}", f"{self._lib.service}: {why}; it judges by "
                                      f"{', '.join(self._book.rules.versions) or 'no requirement'}",
                                      "see whether the policy service runs; tokens by other versions are refused"))
