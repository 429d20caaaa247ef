"""[D] Which checkpoint of a model answers a request: the one that is served, or one that gets a share of the requests.

Who gets which is decided by the request's correlation key, so the same request is always answered by the same
checkpoint, and whoever was in a small share is in a larger one too.  By the request and not by its wearer: inference
is not told who asks.  A conversation is one request, so one checkpoint holds it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace

from lineage.errors import InputError
from services.checkpoint import parse_id

# Checkpoints that can be gone back to.
MAX_BEFORE = 20


@dataclass(frozen=True)
class Traffic:
    """Of one model: ``serving`` is "assistant@2"; ``candidate`` is empty unless one is being rolled out.

    ``before``: what was served before, the latest last.
    """

    serving: str
    candidate: str = ""
    share: float = 0.0
    before: tuple[str, ...] = ()

    def of(self, key: str) -> str:
        """The checkpoint that answers the request of this correlation key."""
        return self.candidate if self.candidate and position(key) < self.share else self.serving

    def serve(self, checkpoint: str) -> Traffic:
        """All requests go to ``checkpoint`` from now on."""
        before = self.before if checkpoint == self.serving else (*self.before, self.serving)[-MAX_BEFORE:]
        return Traffic(checkpoint, before=before)

    def roll_out(self, checkpoint: str, share: float) -> Traffic:
        """Raises InputError (PAI036) for a share that is none, or of what is served already."""
        if not 0 < share <= 1:  # not so for what is no number
            raise InputError("PAI036", f"the share is {share:g}; it is above 0, and at most 1", where=checkpoint)
        if checkpoint == self.serving:
            raise InputError("PAI036", f"{checkpoint} is what is served: there is nothing to roll out",
                             where=checkpoint)
        return self.serve(checkpoint) if share == 1 else replace(self, candidate=checkpoint, share=share)

    def roll_back(self) -> Traffic:
        """Without the candidate; where none is, with what was served before.  Raises InputError (PAI036)."""
        if self.candidate:
            return replace(self, candidate="", share=0.0)
        if not self.before:
            raise InputError("PAI036", f"nothing was served before {self.serving}: there is nothing to go back to",
                             where=self.serving)
        *before, serving = self.before
        return Traffic(serving, before=tuple(before))

    @property
    def older(self) -> Iterator[Traffic]:
        """What can be fallen back to where ``serving`` is lost, the latest first: what was served before it, and is
        older.  A newer one was taken back, and a candidate has not been taken over."""
        for at in range(len(self.before) - 1, -1, -1):
            if parse_id(self.before[at])[1] < parse_id(self.serving)[1]:
                yield Traffic(self.before[at], before=self.before[:at])

    @property
    def checkpoints(self) -> tuple[str, ...]:
        """All that a request may be answered by, or that can be gone back to; what is served first."""
        return tuple(dict.fromkeys(name for name in (self.serving, self.candidate, *self.before) if name))

    def dumps(self) -> bytes:
        return (json.dumps({"format": 1, **asdict(self)}, sort_keys=True) + "\n").encode()


def loads(data: bytes, where: str, model: str) -> Traffic:
    """Raises InputError (PAI004) for what :meth:`Traffic.dumps` of ``model`` cannot have made: all that it names are
    checkpoints of that name."""
    try:
        said = json.loads(data)
        if said.pop("format") != 1:
            raise ValueError("another format")
        said["before"] = tuple(map(str, said["before"]))
        made = Traffic(**said)
        if not (isinstance(made.serving, str) and made.serving and isinstance(made.candidate, str)
                and 0 <= made.share < 1):
            raise ValueError("no checkpoint is named, or no share")
        if any(parse_id(one)[0] != model for one in made.checkpoints):
            raise ValueError(f"a checkpoint of another name than {model}")
        return made
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, InputError) as error:
        raise InputError("PAI004", f"what is served cannot be read: {error}", where=where) from None


def path(model: str) -> str:
    """Where a roll-out is kept in the store."""
    return f"serving/{model}.json"


def position(key: str) -> float:
    """From 0 to 1, evenly spread over the keys.

    >>> position("0af7651916cd43dd8448eb211c80319c") == position("0af7651916cd43dd8448eb211c80319c")
    True
    """
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8]) / 2**64
