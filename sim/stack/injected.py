"""What the simulator injects below and around a service, beside what ``services.seams`` names."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from lineage.enforce.guard import Guard
from lineage.enforce.requirement import Requirement
from lineage.enforce.rulebook import Rulebook
from lineage.privacylib import Extension, PrivacyLib
from services.seams import Clock, Tap, Wire
from sim.stack.bypass import Ignores
from sim.stack.config import NodeConfig
from sim.stack.hiding import Reading
from sim.stack.pool import Fate


class Paradigm(Protocol):
    """How flows are held to the requirements, where it is to be otherwise than by Policy Zones (``sim.bench``)."""

    def rulebook(self, requirements: Iterable[Requirement]) -> Rulebook:
        """What a service judges by: its guard, and where it has them the policy and permission services."""

    def guard(self, service: str, book: Rulebook) -> Guard:
        """``service`` is "app" for the companion app."""

    def wire(self, wire: Wire) -> Wire:
        """May send something of its own along with calls, before ``wire``, which is armed there."""


@dataclass
class Seams:
    """What the simulator injects below and around a service.  ``hits``: of the faults armed in it.

    ``library`` stands in for :func:`library`, where a service is to run without PrivacyLib (``sim.load``).
    ``now``: the wall clock of its machine, seconds since 1970, by which claims and tokens end.
    ``bypasses``: of a service, whether what its own guard refuses goes on all the same (``sim.stack.bypass``).
    ``meanwhile``: what happens, of a service, just before a call of it leaves (``sim.stack.interleaved``).
    ``breaks``: of a file, whether it cannot be written.
    ``watched``: that I/O outside every operation is looked for (``lineage.privacylib.mediation``).
    ``paradigm`` stands in for Policy Zones.
    ``reading``: what a file has more when it is read, and nobody has written there (``sim.stack.hiding``).
    """

    clock: Clock
    tap: Tap
    wire: Wire | None = None
    extensions: Sequence[Extension] = ()
    hits: Callable[[], list[int]] = list
    fate: Fate = lambda task: ""
    flush: Callable[[], None] = lambda: None
    library: Callable[..., PrivacyLib] | None = None
    watched: bool = False
    now: Callable[[], float] = time.time
    paradigm: Paradigm | None = None
    bypasses: Callable[[str], Ignores | None] = lambda service: None
    reading: Reading | None = None
    meanwhile: Callable[[str], Callable[[str, NodeConfig], Awaitable[None]] | None] = lambda service: None
    breaks: Callable[[str], bool] = lambda path: False

    def rulebook(self, requirements: Iterable[Requirement]) -> Rulebook:
        return self.paradigm.rulebook(requirements) if self.paradigm else Rulebook(requirements)

    def guard(self, service: str, book: Rulebook) -> Guard:
        guard = self.paradigm.guard(service, book) if self.paradigm else Guard(book)
        guard.today = self.today
        return guard

    def today(self) -> date:
        """By which reviews end."""
        return self.clock.now().date()
