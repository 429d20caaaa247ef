"""The steps of a scenario: what happens, one after another.  Each is a function of (stage, given, where)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, cast

from lineage.errors import InputError, PolicyDenied, RunError
from protos import logger_pb2, training_pb2, warehouse_pb2
from sim.scenario.registry import Registry
from sim.scenario.stage import Outcome, Stage, placed, read_text, refused
from sim.scenario.words import did_you_mean
from sim.stack.config import SERVICES
from sim.stack.topology import mortal
from sim.world.app import CompanionApp
from sim.world.canaries import Canaries, place_of
from sim.world.device import prepared
from sim.world.glasses import Capture, validate_question
from sim.world.people import MOST
from sim.world.photo import load_photo
from sim.world.preprocess import Options
from sim.world.wearers import Wearer

StepFunction = Callable[[Stage, Mapping[str, Any], str], Awaitable[Outcome]]
STEPS: Registry[StepFunction] = Registry("step")
# The number of a capture is also its minute (``sim.world.clock``).
MINUTES_A_DAY = 24 * 60
# A word of so many letters that it is found nowhere by accident: what was heard is searched for by its words, too.
LONG_WORD = 12


@STEPS.register("ask", {"question": str},
                optional={"wearers": (str, int, list), "times": int, "photo": str, "location": bool, "geotag": bool,
                          "verbatim": bool, "preprocess": dict, "go_on": bool, "bystanders": int, "sign": str,
                          "canaries": dict},
                stage="discover", doc="Wearers ask a question through their glasses (`bystanders`: people in the "
                                      "picture; `go_on`: also when a service refuses it or fails; `canaries`: the "
                                      "`name` of a group that is planted `in` the utterance or a sign).")
async def ask(stage: Stage, given: Mapping[str, Any], where: str) -> Outcome:
    question = validate_question(given["question"])
    photo = load_photo(stage.file(given["photo"], where)) if "photo" in given else None
    times = given.get("times", 1)
    if times < 1:
        raise InputError("PAI010", f"times is {times}; at least 1", where=where)
    if not 0 <= given.get("bystanders", 0) <= MOST:
        raise InputError("PAI010", f"bystanders is {given['bystanders']}; 0 to {MOST}", where=where)
    options = _preprocessing(given["preprocess"], where) if "preprocess" in given else None
    canaries = _canaries(stage, given["canaries"], question, where) if "canaries" in given else None
    checkpoints: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    for _ in range(times):
        for wearer in stage.select(given.get("wearers", "all"), where):
            stage.captures += 1
            capture = _capture(stage, wearer, given, question, photo, canaries)
            stage.planted += planted(capture)
            try:
                answer = await (stage.app.ask(capture) if options is None else _prepared(stage, capture, options))
            except (PolicyDenied, RunError) as error:
                if not given.get("go_on", False):
                    raise
                failed[error.code] += 1
                continue
            stage.answers.append(answer)
            checkpoints[answer.checkpoint] += 1
    said = {"answers": sum(checkpoints.values()), "checkpoints": dict(sorted(checkpoints.items()))}
    if not failed:
        return Outcome("done", said)
    # Of several kinds of failure the first by its code names the step.
    code = min(failed)
    return Outcome("blocked" if code.startswith("PAI3") else "failed",
                   {**said, "code": code, "not answered": dict(sorted(failed.items()))})


def _capture(stage: Stage, wearer: Wearer, given: Mapping[str, Any], question: str, photo: bytes | None,
             canaries: Canaries | None) -> Capture:
    """With a canary nothing else is added to the question: the controls are asked of in the same words."""
    asked, sign = (question, given.get("sign")) if canaries is None else canaries.plant(question, given.get("sign"))
    capture = stage.glasses[wearer.id].capture(
        validate_question(asked), stage.captures, photo, share_location=given.get("location", True),
        geotag=given.get("geotag"), verbatim=given.get("verbatim", canaries is not None),
        bystanders=given.get("bystanders", 0), sign=sign)
    if canaries is not None:
        canaries.keys.append(capture.traceparent.split("-")[1])
    return capture


def _canaries(stage: Stage, given: Mapping[str, Any], question: str, where: str) -> Canaries:
    """The group, which a step before may have begun.  Raises InputError (PAI010) for what is none."""
    for key in given:
        if key not in ("name", "in"):
            raise InputError("PAI010", f"canaries have no key {key!r}{did_you_mean(key, ('name', 'in'))}", where=where)
    name = given.get("name")
    if not isinstance(name, str) or not name:
        raise InputError("PAI010", "canaries have a name: canaries: {name: asked, in: utterance}", where=where)
    group = Canaries(name, place_of(given.get("in", "utterance"), where), stage.seed, question)
    begun = stage.canaries.setdefault(name, group)
    if (begun.place, begun.question) != (group.place, question):
        raise InputError("PAI010", f"canaries {name!r} are planted in the {begun.place} beside {begun.question!r}; "
                         "another group has another name", where=where)
    return begun


@STEPS.register("wait", {"days": int}, stage="discover", doc="Days go by in the simulated world.")
async def wait(stage: Stage, given: Mapping[str, Any], where: str) -> Outcome:
    if given["days"] < 1:
        raise InputError("PAI010", f"days is {given['days']}; at least 1", where=where)
    stage.captures += given["days"] * MINUTES_A_DAY
    return Outcome("done", {})


def planted(capture: Capture) -> list[tuple[str, bytes]]:
    """What a capture brought into the world that can be searched for: the wearer's words, and what is a bystander's.

    Of the faces their pixels: how a PNG begins and ends is alike in every other one.
    """
    words = [word for word in re.findall(r"\w+", capture.overheard) if len(word) >= LONG_WORD]
    return [("device:glasses#utterance", capture.utterance.encode()),
            *(("device:glasses#overheard", text.encode()) for text in (capture.overheard, *words) if text),
            *(("device:glasses#faces", faces[faces.index(b"IDAT") + 4:-16]) for faces in (capture.faces,) if faces)]


def _preprocessing(given: Mapping[str, Any], where: str) -> Options:
    """Raises InputError (PAI010) for an option that is unknown or means nothing."""
    known = tuple(Options.__dataclass_fields__)
    for key in given:
        if key not in known:
            raise InputError("PAI010", f"preprocess has no option {key!r}{did_you_mean(key, known)}", where=where)
    return Options(**given)


async def _prepared(stage: Stage, capture: Capture, options: Options) -> Any:
    """The glasses process the capture before the app gets it."""
    app = cast(CompanionApp, stage.app)
    assert app.device is not None
    memory = stage.glasses[capture.wearer].memory
    app.device.prepare(memory, capture, options)
    return await app.ask(prepared(memory, capture), prepared=True)


@STEPS.register("restart", {"service": str}, stage="enforce",
                doc="A service that a fault may kill is started again, where it was and on the same data; any other is "
                    "left as it is.")
async def restart(stage: Stage, given: Mapping[str, Any], where: str) -> Outcome:
    service = given["service"]
    if service not in SERVICES:
        raise InputError("PAI010", f"no service {service!r}{did_you_mean(service, SERVICES)}", where=where)
    if service not in mortal(stage.scenario.faults):
        return Outcome("done", {"started": False})
    await stage.restart(service)
    return Outcome("done", {"started": True})


@STEPS.register("flush", stage="discover", doc="The logger's queue is emptied into the warehouse.")
async def flush(stage: Stage, given: Mapping[str, Any], where: str) -> Outcome:
    answer = await stage.operate("logger", "Flush", logger_pb2.FlushRequest())
    return Outcome("done", {"delivered": answer.delivered})


@STEPS.register("batch", {"job": str}, optional={"with": dict}, stage="discover",
                doc="A warehouse job runs (its name, or an .sql file), with its parameters.")
async def batch(stage: Stage, given: Mapping[str, Any], where: str) -> Outcome:
    await flush(stage, {}, where)
    job = given["job"]
    parameters = {str(name): str(value) for name, value in given.get("with", {}).items()}
    if job.endswith(".sql"):
        path = stage.file(job, where)
        with placed("sql", path):
            return await run_job(stage, warehouse_pb2.JobRequest(sql=read_text(path, "PAI021"), parameters=parameters))
    return await run_job(stage, warehouse_pb2.JobRequest(job=job, parameters=parameters))


@STEPS.register("submit", {"sql": str}, optional={"with": dict}, stage="enforce",
                doc="Somebody sends the warehouse SQL that no config declares; what is wrong with it is an outcome.")
async def submit(stage: Stage, given: Mapping[str, Any], where: str) -> Outcome:
    await flush(stage, {}, where)
    text = read_text(stage.file(given["sql"], where), "PAI021")
    parameters = {str(name): str(value) for name, value in given.get("with", {}).items()}
    try:
        return await run_job(stage, warehouse_pb2.JobRequest(sql=text, parameters=parameters))
    except InputError as error:
        return Outcome("failed", {"code": error.code, "reason": error.what})


@STEPS.register("schedule", {"from": str}, optional={"to": str}, stage="discover",
                doc="The scheduler runs every scheduled job, a day at a time, in the order of what they need.")
async def schedule(stage: Stage, given: Mapping[str, Any], where: str) -> Outcome:
    await flush(stage, {}, where)
    first = given["from"]
    answer = await stage.operate("warehouse", "RunSchedule", warehouse_pb2.ScheduleRequest(
        first=first, last=given.get("to", first)))
    outcomes = Counter(run.outcome for run in answer.runs)
    return Outcome("done", {
        **dict(sorted(outcomes.items())), "order": [run.job for run in answer.runs if run.ds == first],
        "not done": not_done(answer.runs)})


def not_done(runs: Iterable[Any]) -> list[dict[str, str]]:
    """What became of each scheduled run that was not done."""
    return [{"job": run.job, "ds": run.ds, "outcome": run.outcome, "code": run.code, "reason": run.reason}
            for run in runs if run.outcome != "done"]


@STEPS.register("export", {"export": str}, stage="discover",
                doc="Several workers write a table into the parts of a file (services/warehouse/exports/, or .yaml).")
async def export(stage: Stage, given: Mapping[str, Any], where: str) -> Outcome:
    await flush(stage, {}, where)
    try:
        answer = await stage.operate("warehouse", "Export", warehouse_pb2.ExportRequest(
            export=Path(given["export"]).stem))
    except PolicyDenied as error:
        return refused(error)
    return Outcome("done", {"rows": answer.rows, "parts": answer.parts, "written": answer.written,
                            "output": answer.output})


async def run_job(stage: Stage, request: warehouse_pb2.JobRequest) -> Outcome:
    try:
        answer = await stage.operate("warehouse", "RunJob", request)
    except PolicyDenied as error:
        return refused(error)
    return Outcome("done", {"rows": answer.rows, "output": answer.output})


@STEPS.register("train", {"manifest": str}, optional={"purpose": str, "go_on": bool}, stage="enforce",
                doc="A training run is asked for (a manifest's name, or a .yaml file; `go_on`: also when a service "
                    "fails, or the manifest is wrong).")
async def train(stage: Stage, given: Mapping[str, Any], where: str) -> Outcome:
    await flush(stage, {}, where)
    name = given["manifest"]
    path = stage.file(name, where) if name.endswith((".yaml", ".yml")) else stage.manifests / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(other.stem for other in stage.manifests.glob("*.yaml")))
        raise InputError("PAI012", f"no manifest {name!r}; there are {known}", where=where)
    request = training_pb2.TrainRequest(manifest=read_text(path, "PAI020"), purpose=given.get("purpose", ""))
    try:
        with placed("manifest", path):
            answer = await stage.operate("training", "Train", request)
    except PolicyDenied as error:
        return refused(error)
    except (InputError, RunError) as error:
        if not given.get("go_on", False):
            raise
        return Outcome("failed", {"code": error.code})
    if answer.output:
        # Without its digest: it names rows by what differs from run to run.
        return Outcome("done", {"output": answer.output, "rows": answer.rows})
    return Outcome("done", {"checkpoint": answer.checkpoint, "digest": answer.digest, "rows": answer.rows,
                            "serving": answer.serving})
