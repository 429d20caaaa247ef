"""Workers of a service: one OS process for each task, under both topologies.

A worker is told its task on standard input and answers with one JSON line.  How many signals it recorded
comes with the answer, so that the drain barrier counts them too.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lineage.errors import InputError, PolicyDenied, RunError, SightlineError
from sim.stack.config import NodeConfig

PROGRAM = (sys.executable, "-m", "sim.cli.worker")
# Seconds; a worker that takes longer is killed, and its part is missing.
DEADLINE = 60.0
_KINDS: dict[str, type[SightlineError]] = {
    kind.__name__: kind for kind in (InputError, RunError, PolicyDenied)}
# What happens to the worker of this task: "" nothing, "dies", "repeats".
Fate = Callable[[Mapping[str, Any]], str]


class Pool:
    """Implements ``services.seams.Workers`` for ``service``; ``key``: the policy service's public key;
    ``requirements``: files of those in force, by which a worker judges until it ends."""

    def __init__(self, service: str, config: NodeConfig, key: bytes, fate: Fate, program: Sequence[str] = PROGRAM,
                 deadline: float = DEADLINE, requirements: Callable[[], Sequence[str]] = tuple) -> None:
        self._service = service
        self._config = config
        self._key = key
        self._fate = fate
        self._program = program
        self._deadline = deadline
        self._requirements = requirements
        # Worker → signals that it recorded in all of its lives.
        self.recorded: dict[str, int] = {}

    async def run(self, tasks: Sequence[Mapping[str, Any]]) -> list[dict[str, Any] | None]:
        """Raises what a worker raised: the first one's, after all have ended."""
        fates = [self._fate(task) for task in tasks]
        answers = await asyncio.gather(*map(self._once, range(len(tasks)), tasks, fates))
        again = [number for number, fate in enumerate(fates) if fate == "repeats"]
        for number in again:  # as a scheduler does that took a slow worker for a dead one
            answers[number] = await self._once(number, tasks[number], "")
        for answer in answers:
            if answer is not None and "error" in answer:
                told = answer["error"]
                raise _KINDS[answer["kind"]](told["code"], told["what"], where=told["where"], next=told["next"])
        return list(answers)

    async def _once(self, number: int, task: Mapping[str, Any], fate: str) -> dict[str, Any] | None:
        name = f"{self._service}-{number}"
        environment = {**os.environ, "SIGHTLINE_DATA": str(self._config.data), "SIGHTLINE_WORKER": name,
                       "SIGHTLINE_SEED": str(self._config.seed), "SIGHTLINE_POLICY_KEY": self._key.hex(),
                       "SIGHTLINE_COLLECTOR": self._config.addresses["collector"]}
        given = json.dumps({**task, "dies": fate == "dies", "requirements": list(self._requirements())}).encode()
        try:
            process = await asyncio.create_subprocess_exec(
                *self._program, env=environment, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
        except OSError as error:
            raise RunError("PAI031", f"the worker {name} cannot be started: {error}", where=self._service) from error
        try:
            said, _ = await asyncio.wait_for(process.communicate(given), self._deadline)
        except TimeoutError:
            said = b""
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode != 0:
            return None
        answer: dict[str, Any] = json.loads(said)
        self.recorded[name] = self.recorded.get(name, 0) + answer.pop("recorded")
        return answer
