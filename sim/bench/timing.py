"""What something took, again and again: by the clock on the wall, and in CPU time of this process with its threads."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sim.load.intervals import median, percentile

T = TypeVar("T")
Figures = dict[str, Any]


@dataclass
class Times:
    """Seconds, one for each time; where CPU time is only known of many times together, one for each of those."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def of(self, act: Callable[..., T], *given: Any) -> T:
        wall, cpu = time.perf_counter(), time.process_time()
        made = act(*given)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        self.wall.append(wall)
        self.cpu.append(cpu)
        return made

    def runs(self, **of: Any) -> Figures:
        """Medians as [value, low, high], with what else is to be said ``of`` it."""
        return {"n": len(self.wall), **of, "wall_ms": median(_ms(self.wall)).rounded(3),
                "cpu_ms": median(_ms(self.cpu)).rounded(3)}

    def calls(self, **of: Any) -> Figures:
        """The same of what a person waits for: half of the calls are no slower, and 99 of a hundred."""
        wall = _ms(self.wall)
        return {"n": len(wall), **of, "p50_ms": percentile(wall, 50).rounded(3),
                "p99_ms": percentile(wall, 99).rounded(3), "cpu_ms": median(_ms(self.cpu)).rounded(3)}


def _ms(seconds: list[float]) -> list[float]:
    return [1e3 * one for one in seconds]
