"""Self time: what one instrumented operation adds to a stub that answers at once, in CPU microseconds.

PrivacyLib and OpenTelemetry are measured in one process run, in blocks of some hundred operations,
in an order that is shuffled each round; each block is paired with the same loop over the bare stub.
Ratios are of medians over rounds, so that what slows a whole round cancels (PERFORMANCE, P1 and P5).
"""

from __future__ import annotations

import asyncio
import gc
import random
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any

from lineage.errors import InputError
from sim.load import intervals, ours
from sim.load.stub import Subject

ROUNDS = 40
# A block: as many as the sink ships at once.
OPERATIONS = 2_000
_NEEDS = ("opentelemetry.sdk", "opentelemetry.instrumentation.grpc", "opentelemetry.exporter.otlp.proto.common")
# Ratio → (ours, theirs).
RATIOS = {"server": ("server_us", "server_us"), "client": ("client_us", "client_us"),
          "io_event": ("io_event_us", "span_us")}
Samples = dict[str, dict[str, list[float]]]
Progress = Callable[[str], None]


def measure(rounds: int = ROUNDS, operations: int = OPERATIONS,
            progress: Progress = lambda text: None) -> dict[str, Any]:
    """The report.  Raises InputError (PAI013) where the extra ``bench`` is not installed."""
    _need_extra()
    from sim.load import telemetry

    with ours.subjects() as own:
        groups: dict[str, list[Subject]] = {"privacylib": own, "opentelemetry": telemetry.subjects()}
        samples = asyncio.run(_sample(groups, rounds, operations, progress))
    return report(samples, rounds, operations)


def report(samples: Samples, rounds: int, operations: int) -> dict[str, Any]:
    """Medians, ratios of medians, and beside each [value, low, high] of its bootstrap interval."""
    told: dict[str, Any] = {"samples": {"rounds": rounds, "operations": rounds * operations}}
    between: dict[str, dict[str, list[float]]] = {}
    for group, subjects in samples.items():
        found = {name: intervals.median(values) for name, values in subjects.items()}
        told[group] = {name: round(one.value, 3) for name, one in found.items()}
        between[group] = {name: one.rounded() for name, one in found.items()}
    ratios = {name: intervals.ratio(samples["privacylib"][own], samples["opentelemetry"][theirs])
              for name, (own, theirs) in RATIOS.items()}
    told["ratio"] = {name: round(one.value, 5) for name, one in ratios.items()}
    between["ratio"] = {name: one.rounded(5) for name, one in ratios.items()}
    return {**told, "intervals": between}


def _need_extra() -> None:
    try:
        missing = [name for name in _NEEDS if find_spec(name) is None]
    except ModuleNotFoundError as error:
        missing = [str(error.name)]
    if missing:
        raise InputError("PAI013", f"OpenTelemetry is what PrivacyLib is measured beside, and {missing[0]} is not "
                                   "installed", next="pip install 'sightline[bench]'")


async def _sample(groups: dict[str, list[Subject]], rounds: int, operations: int, progress: Progress) -> Samples:
    pairs = [(group, subject) for group, subjects in groups.items() for subject in subjects]
    samples: Samples = {group: {subject.name: [] for subject in subjects} for group, subjects in groups.items()}
    order = random.Random(1)
    for _, subject in pairs:  # caches fill, and the interpreter specialises what it runs
        await _block(subject, operations, 0, order)
    for block in range(1, rounds + 1):
        progress(f"round {block} of {rounds}")
        order.shuffle(pairs)
        for group, subject in pairs:
            samples[group][subject.name].append(await _block(subject, operations, block, order))
    return samples


async def _block(subject: Subject, operations: int, block: int, order: random.Random) -> float:
    """Microseconds that one operation adds."""
    inputs = subject.prepare(operations, block)
    gc.collect()
    runs = [subject.full, subject.bare]
    if order.random() < 0.5:
        spent = [await _cpu(run, inputs) for run in runs]
    else:
        spent = [await _cpu(run, inputs) for run in reversed(runs)][::-1]
    return (spent[0] - spent[1]) / operations / 1_000


async def _cpu(run: Callable[[Sequence[Any]], Any], inputs: Sequence[Any]) -> int:
    """Nanoseconds of this process, every thread of it: shipping in the background is paid for too."""
    start = time.process_time_ns()
    await run(inputs)
    return time.process_time_ns() - start
