"""The policy service's side of the rulebook: takes requirements while the stack runs, keeps them, tells every node.

*Require*: one requirement is added, or replaces the one of its name, whose version must be lower (PAI318), by a
principal that may (``requires: true``).  It is
durable before anybody judges by it; the policy service does first, and every node that follows is told.  The answer
comes when each of them has said that it judges by it, or after ``wait`` seconds, and then names those that did not
(PAI319).  Meanwhile tokens that were judged by another set are refused at the boundary, as always.

*Follow*: each node's stream.  A node that went without leave is named too: it may run on by what it had.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc

from lineage.enforce.identity import unable
from lineage.enforce.lines import Files, Lines
from lineage.enforce.principal import Principals
from lineage.enforce.requirement import Requirement, parse
from lineage.enforce.rulebook import Rulebook
from lineage.errors import InputError
from lineage.model import Finding, Label
from lineage.privacylib import PrivacyLib
from lineage.privacylib.refusal import details
from protos import following_pb2_grpc, rulebook_pb2_grpc
from protos import rulebook_pb2 as pb
from protos.following_pb2 import Applied, Requirements

KEPT = "file:requirements.jsonl"
# Characters of a requirement file; seconds that a node may take.
MAX_TEXT = 100_000
WAIT = 5.0
_LABELS = {"text": Label(operational="configuration")}
_SENT = Path("requirement")


@dataclass(eq=False)
class _Node:
    name: str
    applied: int = 0
    leaving: bool = False
    news: asyncio.Event = field(default_factory=asyncio.Event)


class RulebookService(rulebook_pb2_grpc.RulebookServicer, following_pb2_grpc.FollowingServicer):
    """``texts``: the requirements that are deployed; ``book``: of the policy process itself.  Without ``principals``
    nobody is held to who they are."""

    def __init__(self, lib: PrivacyLib, book: Rulebook, texts: Iterable[str], files: Files,
                 wait: float = WAIT, principals: Principals | None = None) -> None:
        self._lib = lib
        self._principals = principals
        self._book = book
        self._texts: dict[str, tuple[Requirement, str]] = {}
        self._kept = Lines(files, KEPT.partition(":")[2])
        self._wait = wait
        self._number = 1
        self._nodes: set[_Node] = set()
        self._lost: set[str] = set()
        self._one = asyncio.Lock()
        self._moved = asyncio.Condition()
        for text in texts:
            self._take(parse(text, _SENT), text)

    def register(self, instrumented: Any, server: Any) -> None:
        """``server``: the bare one, for what is not captured."""
        rulebook_pb2_grpc.add_RulebookServicer_to_server(self, instrumented)
        following_pb2_grpc.add_FollowingServicer_to_server(self, server)

    async def start(self) -> None:
        """Takes up what was required before this process began; the higher version of a name counts."""
        self._lib.register(KEPT, _LABELS, "policy")
        if self._kept.exists():
            with self._lib.scope(principal="policy"), self._lib.read(KEPT, fields=tuple(_LABELS)) as op:
                lines = self._kept.read()
                op.rows = len(lines)
            for line in lines:
                text = json.loads(line)["text"]
                self._take(parse(text, _SENT), text)
        self._book.replace(one for one, _ in self._texts.values())

    async def Require(self, request: pb.RequireRequest, context: Any) -> pb.RequireResponse:
        """PERMISSION_DENIED: PAI313 for a caller who may not.
        INVALID_ARGUMENT: PAI022 for a malformed one, PAI318 for one that is not newer."""
        if (denied := unable(self._principals, self._lib.context, "requires")) is not None:
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, details(denied))
        async with self._one:
            try:
                added = self._newer(request.text)
            except InputError as error:
                await context.abort(grpc.StatusCode.INVALID_ARGUMENT, details(error))
            with self._lib.write(KEPT, sources={"text": ["rpc:rulebook.Require.request#text"]}):
                self._kept.append(json.dumps({"text": request.text}) + "\n")
            self._take(added, request.text)
            self._book.replace(one for one, _ in self._texts.values())
            self._number += 1
            for node in self._nodes:
                node.news.set()
            late = await self._late()
            for name in late:
                self._lib.finding(Finding("PAI319", f"rpc:{name}", f"{name} has not applied {added.id} within "
                                          f"{self._wait:g} s, or is out of reach: it judges by what it had",
                                          "see whether the node runs, and reaches the policy service"))
            self._lib.respond({name: [] for name in pb.RequireResponse.DESCRIPTOR.fields_by_name})
            applied = {"policy", *(node.name for node in self._nodes)} - set(late)
            return pb.RequireResponse(requirement=added.id, requirements=self._book.rules.versions,
                                      applied=sorted(applied), late=late)

    async def Follow(self, incoming: AsyncIterator[Applied], context: Any) -> AsyncIterator[Requirements]:
        node: _Node | None = None
        reader: asyncio.Task[None] | None = None
        try:
            async for first in incoming:
                node = _Node(first.node)
                reader = asyncio.create_task(self._heard(incoming, node))
                break
            if node is None:
                return
            self._nodes.add(node)
            self._lost.discard(node.name)
            while not node.leaving:
                node.news.clear()
                yield Requirements(number=self._number, texts=[text for _, text in self._texts.values()])
                await node.news.wait()
        finally:
            if reader is not None:
                reader.cancel()
            if node is not None:
                await self._gone(node)

    # -- inside

    async def _heard(self, incoming: AsyncIterator[Applied], node: _Node) -> None:
        try:
            async for said in incoming:
                node.applied, node.leaving = max(node.applied, said.number), said.leaving
                if said.leaving:
                    break
                async with self._moved:
                    self._moved.notify_all()
        finally:
            node.news.set()  # the stream's other half looks what is the matter

    async def _gone(self, node: _Node) -> None:
        self._nodes.discard(node)
        if not node.leaving and node.name not in {one.name for one in self._nodes}:
            self._lost.add(node.name)
        async with self._moved:
            self._moved.notify_all()

    async def _late(self) -> list[str]:
        """The nodes that do not judge by the present set when the time is up, or that went away without leave."""

        def behind() -> set[str]:
            return {node.name for node in self._nodes if node.applied < self._number}

        try:
            async with asyncio.timeout(self._wait), self._moved:
                await self._moved.wait_for(lambda: not behind())
        except TimeoutError:
            pass
        return sorted(behind() | self._lost)

    def _newer(self, text: str) -> Requirement:
        if len(text) > MAX_TEXT:
            raise InputError("PAI022", f"the requirement has {len(text):,} characters; at most {MAX_TEXT:,}",
                             where=str(_SENT))
        found = parse(text, _SENT)
        known = self._texts.get(found.name)
        if known is not None and found.version <= known[0].version:
            raise InputError("PAI318", f"{found.id} is not newer than {known[0].id}, which is in force",
                             where=found.name, next=f"give it version: {known[0].version + 1}")
        return found

    def _take(self, requirement: Requirement, text: str) -> None:
        known = self._texts.get(requirement.name)
        if known is None or requirement.version > known[0].version:
            self._texts[requirement.name] = requirement, text
