"""What the simulator injects below and around a service, beside what ``services.seams`` names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lineage.privacylib import Extension, PrivacyLib
from services.seams import Clock, Tap, Wire
from sim.stack.pool import Fate


@dataclass
class Seams:
    """What the simulator injects below and around a service.  ``hits``: of the faults armed in it.

    ``library`` stands in for :func:`library`, where a service is to run without PrivacyLib (``sim.load``).
    ``watched``: that I/O outside every operation is looked for (``lineage.privacylib.mediation``).
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
