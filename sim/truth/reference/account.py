"""The account of one run: each attempt with the monitor's verdict on it, and how many there are of each.  Truth."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any, Literal

Verdict = Literal["blocked", "missed", "allowed", "rule_false_blocks", "invalid", "failed_closed", "unknown"]
# Counted beside the six.
BESIDE = ("invalid", "failed_closed", "unknown")
# Kinds of attempts that stand beside that of a training run.
LEFT_OUT, REGISTRATION = "left out", "registration"
# Between the two ends of a flow, in the name of what is forbidden.
FLOW = " → "
COUNTS = ("crossings", "blocked", "missed", "rule_false_blocks", "influence_false_blocks", "allowed")


@dataclass(frozen=True)
class Item:
    """One attempt.  ``forbidden``: the pairs or fields that ``requirements`` forbid; ``rows``: that moved (of a flow
    between services, messages), None where nothing ran; ``number``: which of the operator's attempts, from 0."""

    attempt: str
    kind: str
    verdict: Verdict
    requirements: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()
    rows: int | None = None
    day: str = ""
    why: str = ""
    number: int = -1


@dataclass(frozen=True)
class Account:
    items: tuple[Item, ...] = ()
    # Blocked flows without influence: also among ``items`` as blocked.
    uninfluenced: tuple[Item, ...] = ()

    def of(self, verdict: str) -> list[Item]:
        return [one for one in self.items if one.verdict == verdict]

    def to_dict(self) -> dict[str, Any]:
        """The six counts, ``invalid`` and ``unknown`` beside them, and ``items``."""
        found = Counter[str](one.verdict for one in self.items)
        return {"crossings": found["blocked"] + found["missed"], **{key: found[key] for key in (
            "blocked", "missed", "rule_false_blocks", "allowed", *BESIDE)},
            "influence_false_blocks": len(self.uninfluenced),
            "items": [asdict(one) for one in self.items], "uninfluenced": [asdict(one) for one in self.uninfluenced]}
