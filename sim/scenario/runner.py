"""Runs a scenario: deploy, start, arm the faults, take the steps, drain, look, judge, write.

The only room beside ``sim.load`` and ``sim.cli`` that knows the truth.
"""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import grpc.aio

from lineage.discover.calls import calls
from lineage.discover.store import Store
from lineage.discover.store import recorded as recorded_signals
from lineage.errors import RunError
from protos import control_pb2, control_pb2_grpc, warehouse_pb2
from sim.scenario import account as accounts
from sim.scenario import certificates, drift_faults, impacts, logger_faults
from sim.scenario.behaviour import Ways, models
from sim.scenario.examined import AS_IT_IS, Examined, write_construction
from sim.scenario.faults import Armed
from sim.scenario.folder import RunFolder
from sim.scenario.history import History
from sim.scenario.lock import write_lock
from sim.scenario.picture import picture
from sim.scenario.registry import Registries
from sim.scenario.schema import Scenario
from sim.scenario.stage import Stage, find_file, placed, read_text
from sim.scenario.steps import run_job
from sim.scenario.stored import stored
from sim.scenario.taking import taken, told_of
from sim.scenario.verdict import judge
from sim.scenario.vocabulary import EXPECTATIONS, FAULTS, STEPS
from sim.show.report import write_report
from sim.stack import ending, operator, spark
from sim.stack.companion import companion
from sim.stack.config import SERVICES, NodeConfig
from sim.stack.deployment import ROOT, deploy
from sim.stack.injected import Paradigm, Seams
from sim.stack.inproc import InprocStack
from sim.stack.topology import apart, processes
from sim.truth import appended, carried, exposure, held, journal, moved, remains, score
from sim.truth.reference import values as monitor_values
from sim.world.clock import SimClock
from sim.world.glasses import Glasses
from sim.world.wearers import make_wearers

# Seconds between two looks at whether every process is still there.
_LOOK = 0.25
REGISTRIES = Registries(STEPS, FAULTS, EXPECTATIONS)
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Run:
    """A finished run: its folder, the contents of verdict.json and lineage.json, and the account of its signals."""

    path: Path
    verdict: dict[str, Any]
    lineage: dict[str, Any]
    answers: list[Any]
    account: dict[str, Any]


def run(scenario: Scenario, seed: int | None = None, *, topology: str = "inproc",
        engine: str = "sqlite", progress: Progress = lambda text: None, paradigm: Paradigm | None = None,
        home: Path | None = None, examined: Examined = AS_IT_IS) -> Run:
    """Raises InputError for what the scenario gets wrong, RunError when it could not be completed.

    ``engine``: the warehouse's; where Spark runs is said by SIGHTLINE_SPARK.  ``paradigm``: what stands in for Policy
    Zones, in one process only; a step that is refused or fails under it is an outcome, and the next one is taken.
    ``home``: the folder of runs.
    """
    return ending.run(_run(scenario, scenario.seed if seed is None else seed, topology, engine, progress, paradigm,
                           home, examined))


async def _run(scenario: Scenario, seed: int, topology: str, engine: str, progress: Progress,
               paradigm: Paradigm | None, home: Path | None, examined: Examined) -> Run:
    if engine == "spark":
        spark.check(os.environ.get("SIGHTLINE_SPARK") or spark.LOCAL)
    folder = RunFolder(scenario.name, seed, home)
    try:
        return await _Runner(scenario, seed, folder, progress, engine, paradigm, examined).run(topology)
    except RunError as error:
        kept = folder.abandon(keep=True)
        if kept is not None:
            error.where = error.where.replace(str(folder.path), str(kept))
            if error.code == "PAI031":
                error.next = f"cat {error.where}" if error.where.endswith(".log") else f"ls {kept}"
        raise
    except (OSError, sqlite3.Error) as error:
        folder.abandon(keep=False)
        raise RunError("PAI033", f"the run could not be written: {error}", where=str(folder.final),
                       next="SIGHTLINE_RUNS=/tmp/runs sightline run …") from error
    except BaseException:
        folder.abandon(keep=False)
        raise


class _Runner:
    def __init__(self, scenario: Scenario, seed: int, folder: RunFolder, progress: Progress, engine: str,
                 paradigm: Paradigm | None, examined: Examined) -> None:
        self._scenario = scenario
        self._paradigm = paradigm
        self._examined = examined
        self._engine = engine, os.environ.get("SIGHTLINE_SPARK", "")
        self._seed = seed
        self._folder = folder
        self._progress = progress
        self._journals: list[journal.Journal] = []
        self._audit: dict[str, dict[str, Any]] = {}
        self._search = carried.Search()
        self._values = monitor_values.Values() if examined.values else None
        self._deployment = deploy(folder.data / "deploy", map(self._requirement, scenario.world.requirements),
                                  [*self._own("batch", "job"), *self._deployed()], self._own("train", "manifest"),
                                  exports=self._own("export", "export"),
                                  changed=drift_faults.changed(scenario),
                                  endpoint=find_file(scenario, scenario.world.endpoint, scenario.world.where)
                                  if scenario.world.endpoint else None,
                                  **logger_faults.deployed(scenario))
        examined.deployed(self._deployment.requirements)

    def _own(self, kind: str, key: str) -> list[Path]:
        """The files that the scenario brings itself: they are declared by being deployed with it."""
        return [find_file(self._scenario, step.given[key], step.where) for step in self._scenario.steps
                if step.kind == kind and step.given[key].endswith((".sql", ".yaml", ".yml"))]

    def _deployed(self) -> list[Path]:
        return [find_file(self._scenario, name, self._scenario.world.where) for name in self._scenario.world.jobs]

    def _requirement(self, name: str) -> Path:
        beside = self._scenario.path.parent / name if self._scenario.path else Path(name)
        return beside if name.endswith((".yaml", ".yml")) else ROOT / "scenarios/requirements" / f"{name}.yaml"

    async def run(self, topology: str) -> Run:
        self._progress("starting the services")
        steps: list[dict[str, Any]] = []
        async with AsyncExitStack() as resources:
            stack = await resources.enter_async_context(self._stack(topology))
            stage = await self._stage(stack, resources)
            try:
                hits = await _watched(self._steps(stage, steps), stack)
            except RunError:
                await stack.check()  # a process that died explains more than the call that failed
                raise
            told, armed = await self._drain(stack)
        hits = [own + other for own, other in zip(hits, armed, strict=True)]
        return self._finish(stage, steps, hits, told)

    async def _steps(self, stage: Stage, told: list[dict[str, Any]]) -> list[int]:
        """Takes every step, then what drifts; the hits of the drift."""
        for stage.step, step in enumerate(self._scenario.steps):
            self._progress(step.kind)
            told.append(told_of(step.kind, step.given, await taken(step, stage, forgiving=self._paradigm is not None)))
        hits = await self._drift(stage, told)
        await STEPS.lookup("flush").make(stage, {}, "")
        return hits

    def _stack(self, topology: str) -> AbstractAsyncContextManager[Any]:
        (engine, spark), world = self._engine, self._scenario.world
        told = (self._folder.data, self._folder.path / "logs", self._seed, self._scenario.faults, world.answers, True,
                engine, spark, world.memory)
        if topology == "processes":
            return processes(*told)
        return InprocStack(NodeConfig(self._folder.data, self._seed, answers=world.answers, memory=world.memory,
                                      engine=engine, spark=spark), self._seams, apart(*told))

    def _seams(self, service: str) -> Seams:
        # Searched where data leaves the wearer for the web: in the app, for what the devices hold.
        search = self._search if service in ("app", "glasses") else None
        tap = journal.Journal(self._folder.data / "journal" / f"{service}.db", service, search, self._values)
        armed = Armed(self._scenario.faults)
        self._journals.append(tap)
        wire = self._paradigm.wire(armed) if self._paradigm else armed
        return Seams(SimClock(), tap, wire, armed.extensions, armed.hits, flush=tap.flush, fate=armed.fate,
                     library=self._examined.library, watched=True, paradigm=self._paradigm, now=armed.now(service),
                     bypasses=armed.bypasses, reading=armed.reading, meanwhile=armed.meanwhile, breaks=armed.breaks)

    async def _stage(self, stack: Any, resources: AsyncExitStack) -> Stage:
        world, addresses = self._scenario.world, stack.addresses
        config = NodeConfig(self._folder.data, self._seed,
                            addresses={name: addresses[name]["grpc"] for name in ("collector", "policy")})
        self._companion = await resources.enter_async_context(
            companion(config, self._seams("app"), addresses["web"]["http"], self._seams("glasses")))
        call = await resources.enter_async_context(operator.calls(addresses, self._seed))
        wearers = make_wearers(self._seed, world.wearers, list(world.regions))
        stage = Stage(self._scenario, self._seed, wearers,
                      {wearer.id: Glasses(wearer, self._seed) for wearer in wearers}, self._companion.app, call,
                      self._deployment.running_manifests, requirements=self._deployment.requirements_by_name(),
                      rewrite=self._examined.rewritten, restart=stack.restart, data=self._folder.data,
                      before=self._examined.before(self._folder.data / "warehouse", self._folder.path / "snapshots"))
        for base in operator.base_manifests(stage.manifests):
            await stage.operate("training", "Train", base)
        return stage

    async def _drift(self, stage: Stage, steps: list[dict[str, Any]]) -> list[int]:
        """The faults that are something that happens after the steps."""
        hits = [0] * len(self._scenario.faults)
        for index, fault in enumerate(self._scenario.faults):
            if fault.kind == "new_job":
                stage.step = len(steps)
                await STEPS.lookup("flush").make(stage, {}, fault.where)
                path = stage.file(f"jobs/{fault.given['job']}.sql", fault.where)
                with placed("sql", path):
                    outcome = await run_job(stage, warehouse_pb2.JobRequest(sql=read_text(path, "PAI021")))
                steps.append(told_of("new_job", fault.given, outcome))
                hits[index] += 1
        return hits

    async def _drain(self, stack: Any) -> tuple[dict[str, dict[str, int]], list[int]]:
        """The drain barrier: what each emitter says of its signals, and the hits of the armed faults."""
        self._progress("draining")
        await stack.check()  # each emitter would wait for a collector that has died
        told = await self._companion.drain_all()
        hits = self._companion.hits()
        self._audit["app"] = self._companion.audit() or {}
        for name in SERVICES[1:]:
            async with grpc.aio.insecure_channel(stack.addresses[name]["grpc"]) as channel:
                try:
                    answer = await control_pb2_grpc.ControlStub(channel).Drain(control_pb2.DrainRequest(), timeout=15)
                except grpc.aio.AioRpcError as error:
                    await stack.check()
                    raise RunError("PAI031", f"{name} did not drain", where=name) from error
            account = json.loads(answer.account)
            hits = [have + more for have, more in zip(hits, account.pop("hits"), strict=True)]
            told |= {worker: {"recorded": count} for worker, count in account.pop("workers").items()}
            self._audit[name] = account.pop("audit") or {}
            told[name] = account
        await stack.check()
        return told, hits

    def _finish(self, stage: Stage, steps: list[dict[str, Any]], hits: list[int],
                told: dict[str, dict[str, int]]) -> Run:
        self._progress("scoring against the journal")
        path, data = self._folder.path, self._folder.data
        for tap in self._journals:
            tap.close()
        journal.merge(data / "journal", path / "journal.db")
        (data / "lineage.db").rename(path / "lineage.db")
        store = Store(path / "lineage.db")
        recorded = {name: one["recorded"] for name, one in told.items()}
        try:
            content = picture(store, self._deployment, self._scenario, self._seed, recorded, stage.requirements)
            account = accounts.account(store, told)
        finally:
            store.close()
        content["signals"] = {"recorded": account["recorded"], "delivered": account["delivered"]}
        records = journal.Journal.read(path / "journal.db")
        operations_score = score.operations(records, score.signals_of(path / "lineage.db"))
        scored = operations_score.to_dict()
        operations = {**scored["operations"], "families": scored["families"], "missed": scored["missed"],
                      "extra": scored["invented"]}
        signals = cache(lambda: recorded_signals(path / "lineage.db"))
        history = History(content, operations,
                          lambda source, activity: moved.moved(records, source, activity),
                          [(f"{answer.answer} {answer.aside}".strip(), answer.checkpoint) for answer in stage.answers],
                          steps, self._audit, lambda what, to: carried.carried(records, what, to),
                          operations_score.truth, lambda target: appended.appended(records, target),
                          cache(lambda: remains.remains(data, stage.planted, [path / "lineage.db", path / "logs"])),
                          signals, held.Held(records).of, impacts.asked(content, signals, self._deployment),
                          calls=cache(lambda: calls(path / "lineage.db")), certified=certificates.asked(data, content),
                          stored=cache(lambda: stored(data, self._seed)))
        if groups := list(stage.canaries.values()):
            history.exposure = cache(lambda: exposure.table(models(data), groups, Ways(history.graph, signals, groups)))
        verdict = judge(self._scenario, self._seed, history, hits)
        _write(path / "lineage.json", content)
        _write(path / "verdict.json", verdict)
        _write(path / "audit.json", {"format": 1, "services": self._audit})
        kinds = (fault.kind for fault in self._scenario.faults)
        write_construction(path / "construction.json", self._examined, steps, stage.sent, kinds)
        write_lock(replace(self._scenario, seed=self._seed), path / "scenario.lock.yaml")
        write_report(content, verdict, path / "report.html")
        return Run(self._folder.finish(), verdict, content, stage.answers, account)


async def _watched(steps: Coroutine[Any, Any, list[int]], stack: Any) -> list[int]:
    """The steps, given up as soon as a process has died: a step need not call it to be in vain without it."""
    task = asyncio.create_task(steps)
    try:
        while not (await asyncio.wait((task,), timeout=_LOOK))[0]:
            await stack.check()
        return await task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
