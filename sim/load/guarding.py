"""What the guard of each paradigm adds to one request of a service, in CPU microseconds.

A request is taken apart: a handler that is served (the request is read, the response written), a call onward, and a
read under an activity, each of which was decided before; beside it, one decision that was not.  Each is done by
PrivacyLib with the paradigm's guard and by PrivacyLib with none, in blocks of some hundred operations, in an order that
is shuffled each round (PERFORMANCE, P1 and P5).  A whole question through the five services takes some ten thousand
times as long, and hides what is measured here.

Not measured: the policy service's answer to a job, which is a call, and labels that have come along with one.
"""

from __future__ import annotations

import asyncio
import gc
import random
import time
from collections.abc import Callable, Mapping
from typing import Any

from sim.load import intervals, ours
from sim.load.stub import Subject
from sim.stack.deployment import bundled
from sim.stack.injected import Paradigm

ROUNDS = 40
OPERATIONS = 500
BARE, AGAIN = "nothing", "nothing, again"
_PARTS: Mapping[str, Callable[..., Any]] = {"served_us": ours.Server, "called_us": ours.Client, "read_us": ours.Event}
# A decision that was never made before; the others are of what was decided once.
_DECIDED: Mapping[str, Callable[..., Any]] = {"decided_us": ours.FirstDecision}
Samples = dict[str, dict[str, list[float]]]


def measure(wanted: Mapping[str, Paradigm], *, rounds: int = ROUNDS, operations: int = OPERATIONS, seed: int = 1,
            progress: Callable[[str], None] = lambda text: None) -> dict[str, Any]:
    """Name → what its guard adds; ``wanted`` has ``nothing``, which all are compared with, also with itself: that
    interval says what this machine can resolve."""
    sink = ours.EncodingSink("paradigms")
    arms = {**wanted, AGAIN: wanted[BARE]}
    try:
        subjects = {name: {part: _subject(make, one, sink) for part, make in {**_PARTS, **_DECIDED}.items()}
                    for name, one in arms.items()}
        return report(asyncio.run(_sample(subjects, rounds, operations, seed, progress)), operations)
    finally:
        sink.close()


def _subject(make: Callable[..., Any], paradigm: Paradigm, sink: ours.EncodingSink) -> Subject:
    book = paradigm.rulebook(bundled().load_requirements())
    made: Subject = make(sink, paradigm.guard(make.service, book))  # type: ignore[attr-defined]
    return made


def report(samples: Samples, operations: int) -> dict[str, Any]:
    """{"added_cpu_us", "served_us", "called_us", "read_us", "decided_us": [value, low, high], "rounds", "operations"},
    the first of the three after it together, of each name but the one that all are compared with."""
    def added(name: str, part: str) -> list[float]:
        return [one - base for one, base in zip(samples[name][part], samples[BARE][part], strict=True)]

    told = {}
    for name in samples:
        if name != BARE:
            parts = {part: added(name, part) for part in samples[name]}
            together = [sum(values) for values in zip(*(parts[part] for part in _PARTS), strict=True)]
            told[name] = {"added_cpu_us": intervals.median(together).rounded(2),
                          **{part: intervals.median(values).rounded(2) for part, values in parts.items()},
                          "rounds": len(together), "operations": operations * len(together)}
    return told


async def _sample(subjects: Mapping[str, Mapping[str, Subject]], rounds: int, operations: int, seed: int,
                  progress: Callable[[str], None]) -> Samples:
    pairs = [(name, part) for name, parts in subjects.items() for part in parts]
    samples: Samples = {name: {part: [] for part in parts} for name, parts in subjects.items()}
    order = random.Random(seed)
    for number in range(rounds + 1):
        progress(f"guards, round {number} of {rounds}" if number else "guards, warming up")
        order.shuffle(pairs)
        for name, part in pairs:
            spent = await _block(subjects[name][part], operations, number)
            if number:  # caches fill first, and the interpreter specialises what it runs
                samples[name][part].append(spent)
    return samples


async def _block(subject: Subject, operations: int, number: int) -> float:
    """Microseconds that one operation takes."""
    inputs = subject.prepare(operations, number)
    gc.collect()
    begun = time.process_time_ns()
    await subject.full(inputs)
    return (time.process_time_ns() - begun) / operations / 1_000
