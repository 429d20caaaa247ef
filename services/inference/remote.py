"""[C] A model that somebody else runs: any endpoint that speaks OpenAI's chat completions, streaming included.

What it was trained on is not known here: that is a finding (PAI216), not an assumption.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing

import httpx

from lineage.errors import InputError, RunError
from lineage.model import Finding
from lineage.privacylib import PrivacyLib
from services.inference.endpoint import PATH, Endpoint

# Characters: of one line of the stream, and of an answer.
MAX_LINE = 65_536
MAX_ANSWER = 20_000
# What a header may hold.
_KEY = re.compile(r"[!-~]+")
_SYSTEM = "You answer what the wearer of AI glasses asks, in one or two sentences."


class Remote:
    """Speaks through ``transport``, an httpx transport that the composition root has wrapped."""

    def __init__(self, lib: PrivacyLib, endpoint: Endpoint, transport: httpx.AsyncBaseTransport) -> None:
        self.endpoint = endpoint
        self._lib = lib
        self._client = httpx.AsyncClient(transport=transport, timeout=endpoint.deadline)

    def start(self) -> None:
        """Says that nobody here knows what the model was trained on."""
        self._lib.register(self.endpoint.asset, self.endpoint.labels, self.endpoint.owner)
        self._lib.finding(Finding("PAI216", self.endpoint.asset, "the model was trained elsewhere: no manifest says "
                                  "on what", "ask its owner for the data that it was trained on"))

    async def stop(self) -> None:
        await self._client.aclose()

    async def words(self, prompt: str, hints: Sequence[str], sources: Sequence[str]) -> AsyncGenerator[str, None]:
        """The answer word by word, as it arrives.  ``sources``: what prompt and hints are made of.

        Raises RunError (PAI035) for an endpoint that cannot be reached, refuses, sends what is no such stream, or is
        not done by its deadline; and PolicyDenied before anything left.
        """
        rest, length = "", 0
        async with aclosing(self._pieces(prompt, hints, sources)) as pieces:
            async for piece in self._timely(pieces):
                length += len(piece)
                if length > MAX_ANSWER:
                    raise self._error(f"the answer has more than {MAX_ANSWER} characters")
                *whole, rest = re.split(r"\s+", rest + piece)
                for word in filter(None, whole):
                    yield word
        if rest:
            yield rest

    async def _timely(self, pieces: AsyncIterator[str]) -> AsyncIterator[str]:
        """The deadline is the endpoint's: how long the wearer takes to listen does not count."""
        now, left = asyncio.get_running_loop().time, float(self.endpoint.deadline)
        try:
            while True:
                began = now()
                async with asyncio.timeout(left):
                    piece = await anext(pieces, None)
                if piece is None:
                    return
                left -= now() - began
                yield piece
        except (TimeoutError, httpx.TimeoutException):
            raise self._error(f"no whole answer within {self.endpoint.deadline} s") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self._error(f"{type(error).__name__}: {error}") from None

    async def _pieces(self, prompt: str, hints: Sequence[str], sources: Sequence[str]) -> AsyncGenerator[str, None]:
        told = f"{prompt}\n({'; '.join(hints)})" if hints else prompt
        body = {"model": self.endpoint.serves, "stream": True, "temperature": 0, "messages": [
            {"role": "system", "content": _SYSTEM}, {"role": "user", "content": told}]}
        async with self._client.stream("POST", self.endpoint.url + PATH, json=body, headers=self._headers(),
                                       extensions={"sources": {"prompt": list(sources)}}) as response:
            if response.status_code != 200:
                raise self._error(f"it answered {response.status_code}")
            if not response.headers.get("content-type", "").startswith("text/event-stream"):
                yield self._piece(self._json(await self._whole(response)), "message")
                return
            async for data in self._events(response):
                if data == "[DONE]":
                    return
                yield self._piece(self._json(data), "delta")
        raise self._error("the stream ended before its end was said")

    async def _events(self, response: httpx.Response) -> AsyncIterator[str]:
        """The data of each server-sent event."""
        held = ""
        async for text in response.aiter_text():
            *lines, held = (held + text).split("\n")
            if len(held) > MAX_LINE or any(len(line) > MAX_LINE for line in lines):
                raise self._error(f"a line of the stream has more than {MAX_LINE} characters")
            for line in lines:
                if line.startswith("data:"):
                    yield line.removeprefix("data:").strip()
        if held.startswith("data:"):  # the last line may end with the stream
            yield held.removeprefix("data:").strip()

    async def _whole(self, response: httpx.Response) -> str:
        held = ""
        async for text in response.aiter_text():
            held += text
            if len(held) > MAX_LINE:
                raise self._error(f"the answer has more than {MAX_LINE} characters")
        return held

    def _json(self, data: str) -> object:
        try:
            return json.loads(data)
        except (ValueError, RecursionError):
            raise self._error("the stream holds what is no JSON") from None

    def _piece(self, said: object, key: str) -> str:
        """``key``: "delta" in a stream, "message" otherwise.  A piece without text (a role, a count) is empty."""
        try:
            choices = said["choices"]  # type: ignore[index]
            text = (choices[0][key].get("content") if choices else None) or ""
            text.encode()  # half a character, which JSON can write, fits into no message
            return str(text)
        except (KeyError, TypeError, IndexError, AttributeError, UnicodeEncodeError):
            raise self._error("it sends what is no chat completion") from None

    def _headers(self) -> dict[str, str]:
        key = os.environ.get(self.endpoint.key, "") if self.endpoint.key else ""
        if self.endpoint.key and not _KEY.fullmatch(key):
            raise InputError("PAI022", f"the key of {self.endpoint.id} is to be in ${self.endpoint.key}; it "
                             f"{'has other characters than ASCII letters, digits and signs' if key else 'is empty'}",
                             where="inference")
        return {"authorization": f"Bearer {key}"} if key else {}

    def _error(self, what: str) -> RunError:
        return RunError("PAI035", f"the model {self.endpoint.id} did not answer: {what}", where=self.endpoint.url,
                        next=f"curl {self.endpoint.url}/models")
