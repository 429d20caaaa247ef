"""Whole training runs and calls of inference: every process of the stack, over gRPC, from the order to the answer.

A run is what ``assistant_eval.yaml`` says: admitted by the policy service, read from the warehouse with its token,
learnt, asked about again, signed, registered, and taken into service by inference.  CPU time is that of all processes
until the answer; signals that are shipped after it are not in it.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import grpc.aio

from lineage.errors import RunError
from lineage.privacylib.traceparent import POLICY
from protos import inference_pb2, logger_pb2, training_pb2, warehouse_pb2
from sim.bench.landmarks import rows
from sim.bench.timing import Times
from sim.load.ingest import cpu_of
from sim.load.observing import PURPOSE, metadata
from sim.load.running import running
from sim.load.sessions import appended
from sim.scenario.schema import Scenario, World
from sim.scenario.stage import Call
from sim.stack import operator
from sim.stack.config import SERVICES
from sim.stack.deployment import bundled
from sim.stack.processes import ProcessStack
from sim.stack.vouching import passport_of
from sim.world.photo import draw
from sim.world.places import PLACES

# Sessions in one append.
EACH = 2_000
Progress = Callable[[str], None]


async def measured(folder: Path, rounds: int, count: int, calls: int, seed: int, progress: Progress) -> dict[str, Any]:
    """``checkpoint``: the id of the last one, which is below ``folder``/data; ``digests``: of all that were made.

    Raises RunError (PAI031) when a process dies, or something else answers than what was trained last."""
    progress("starting the processes")
    scenario = Scenario("training", "enforce", seed, world=World(1, ("NO",)))
    async with AsyncExitStack() as resources:
        stack, _ = await resources.enter_async_context(running(folder, scenario, seed))
        addresses: dict[str, Any] = dict(stack.addresses)
        call = await resources.enter_async_context(operator.calls(addresses, seed))
        policy = await resources.enter_async_context(grpc.aio.insecure_channel(str(addresses["policy"]["grpc"])))
        web = passport_of("web", seed, policy)  # who asks inference, and for what
        await _filled(call, count, seed, progress)
        manifest = (bundled().manifests / "assistant_eval.yaml").read_text(encoding="utf-8")
        requests = _requests(seed)
        order, asked = Times(), {name: Times() for name in requests}
        made: list[Any] = []
        keys = itertools.count()
        for number in range(rounds + 1):  # the first warms up
            progress(f"stack: round {number} of {rounds}")

            async def train() -> None:
                made.append(await call("training", "Train", training_pb2.TrainRequest(manifest=manifest),
                                       metadata(seed, "train", next(keys))))

            await _timed(stack, order if number else Times(), 1, train)
            await web.fresh()
            claims = (POLICY, web.claims(PURPOSE, ""))
            for name, request in requests.items():
                async def generate(request: Any = request, claims: Any = claims) -> None:
                    answer = await call("inference", "Generate", request,
                                        (*metadata(seed, "generate", next(keys)), claims))
                    if answer.checkpoint != made[-1].checkpoint or not answer.answer:
                        raise RunError("PAI031", f"{answer.checkpoint} answered, not what was trained last",
                                       where="bench training")

                await _timed(stack, asked[name] if number else Times(), calls, generate)
        await stack.check()
    last = made[-1]
    weights = (folder / "data/checkpoints" / last.checkpoint / "weights.safetensors").stat().st_size
    return {"figures": {f"training run, {last.rows:,} rows": order.runs(rows=last.rows, bytes=weights)},
            "calls": {name: times.calls() for name, times in asked.items()},
            "checkpoint": last.checkpoint, "digests": {one.digest for one in made}}


async def _filled(call: Call, count: int, seed: int, progress: Progress) -> None:
    progress(f"appending {count:,} sessions")
    asked = rows(count, seed)
    for begin in range(0, count, EACH):
        await call("warehouse", "Append", appended(asked[begin:begin + EACH], region="NO", begin=begin),
                   metadata(seed, "append", begin))
    await call("logger", "Flush", logger_pb2.FlushRequest(), metadata(seed, "flush"))
    await call("warehouse", "RunJob", warehouse_pb2.JobRequest(job="daily_sessions"), metadata(seed, "daily"))


def _requests(seed: int) -> dict[str, inference_pb2.GenerateRequest]:
    place = PLACES[0]
    said: dict[str, Any] = {"model": "assistant", "prompt": "What is that building?",
                            "location": f"{place.latitude},{place.longitude}"}
    return {"Generate": inference_pb2.GenerateRequest(**said),
            "Generate, with a photo": inference_pb2.GenerateRequest(
                **said, image=draw(place, seed, "bench", sign="Gate 24"))}


async def _timed(stack: ProcessStack, times: Times, often: int, act: Callable[[], Any]) -> None:
    """CPU time is that of all of them, shared out: a signal is shipped when its turn comes."""
    before = _cpu(stack)
    for _ in range(often):
        begun = time.perf_counter()
        await act()
        times.wall.append(time.perf_counter() - begun)
    times.cpu.append((_cpu(stack) - before) / often)


def _cpu(stack: ProcessStack) -> float:
    return sum(cpu_of(stack.pid(name)) for name in SERVICES)
