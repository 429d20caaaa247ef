"""What ``sightline zones`` answers, as data: from a run folder and requirement files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lineage.discover.configs import Configs
from lineage.discover.store import recorded
from lineage.enforce import requirement
from lineage.enforce.flip import flipped
from lineage.enforce.manager import candidates
from lineage.enforce.manager import costs as plan_costs
from lineage.enforce.manager import paste as plan_paste
from lineage.enforce.manager.candidates import Decided
from lineage.enforce.manager.costs import Costs
from lineage.enforce.manager.deployed import deployed
from lineage.enforce.manager.model import Remedy
from lineage.enforce.manager.paste import Paste, Places
from lineage.enforce.manager.plan import Plan, Planned, plan
from lineage.enforce.manager.seen import PlanRun
from lineage.enforce.manager.simulate import simulate
from lineage.errors import InputError
from lineage.names import ACTIVITY_KINDS, asset_of, kind_of
from sim.cli.options import lineage_of, run_folder
from sim.stack.deployment import ROOT, at, bundled

REQUIREMENTS = ROOT / "scenarios/requirements"
DECISIONS = "zone-decisions.yaml"


@dataclass(frozen=True)
class Found:
    """A plan, and the files that it is about: by requirement id."""

    plan: Plan
    files: dict[str, Path]
    decisions: Path
    folder: Path


def file_of(name: str) -> Path:
    """A bundled requirement's file, or the file itself."""
    given = Path(name)
    return given if given.suffix in (".yaml", ".yml") else REQUIREMENTS / f"{name}.yaml"


def planned(names: Sequence[str], run: Path | None, include: Iterable[str] = (), exclude: Iterable[str] = (),
            decisions: Path | None = None, costs: Path | None = None) -> Found:
    """The decisions are kept where ``decisions`` says.  Raises InputError (PAI012, PAI022, PAI024, PAI032, PAI321,
    PAI323), and then nothing is written."""
    lineage, folder = lineage_of(run), run_folder(run)
    paths = [file_of(name) for name in dict.fromkeys(names)]
    asked = [requirement.load(path) for path in paths]
    said = candidates.load(decisions) if decisions is not None else Decided()
    decided = said.with_more(include, exclude)
    known = deployed(at(folder / "data/deploy").configs)
    found = plan([PlanRun(lineage, one, known) for one in asked], decided,
                 plan_costs.load(costs) if costs is not None else Costs())
    if decisions is not None and decided != said:
        write(decisions, candidates.text(decided))
    files = {one.id: path for one, path in zip(asked, paths, strict=True)}
    return Found(found, files, decisions or Path(DECISIONS), folder)


def plan_answer(found: Found) -> dict[str, Any]:
    """The plan, with what to paste for each remedy."""
    told = found.plan.to_dict()
    for row, remedy in zip(told["remedies"], found.plan.remedies, strict=True):
        row["paste"] = [one._asdict() for one in pastes(found, remedy)]
    return {**told, "run": str(found.folder)}


def pastes(found: Found, remedy: Remedy) -> list[Paste]:
    index, _ = found.plan.solution.ways[remedy.key]
    of = found.plan.requirements[index]
    governs = of.run.requirement.governs
    places = Places(_configs(found.folder), ROOT / "protos", found.files[of.run.requirement.id], found.decisions, ROOT)
    if remedy.kind == "annotate":
        return plan_paste.annotate(remedy.at, remedy.fields, governs, _category(of, remedy.at), places)
    if remedy.kind == "reclassify":
        activity = remedy.source if kind_of(remedy.source) in ACTIVITY_KINDS else ""
        how = f"sql: {activity.partition(':')[2]}" if kind_of(activity) == "job" else "code: …"
        return [plan_paste.reclassify(edge["from"], edge["to"], governs, how, places) for edge in remedy.edges]
    made = plan_paste.block(remedy.at, places)
    if kind_of(remedy.at) in ACTIVITY_KINDS and of.run.use(remedy.at) is not None:
        made.append(plan_paste.permit(of.run.requirement.permitted, of.run.purposes(remedy.at)[0], places))
    return made


def simulated(names: Sequence[str], run: Path | None) -> dict[str, Any]:
    """Raises InputError (PAI012, PAI022, PAI032)."""
    requirements = [requirement.load(file_of(name)) for name in dict.fromkeys(names)]
    folder = run_folder(run)
    return {**simulate(recorded(folder / "lineage.db"), requirements).to_dict(), "run": str(folder)}


def enforced(name: str, run: Path | None, decisions: Path | None, despite: int | None) -> dict[str, Any]:
    """Raises InputError: PAI318 where it is enforced already, PAI322 while violations are open; nothing is written."""
    path = file_of(name)
    before = requirement.load(path)
    text = flipped(path.read_text(encoding="utf-8"), path)
    found = planned([name], run, decisions=decisions)
    accepted = found.plan.accepted(despite, path, name)
    answer = simulated([name], run)
    write(path, text)
    return {"requirement": requirement.load(path).id, "was": before.id, "file": str(path), "accepted": accepted,
            "denied": [{"sink": one.sink, "code": one.code, "rule": one.rule}
                       for planned_ in found.plan.requirements for one in planned_.crossings],
            "requests": answer["requests"], "run": str(found.folder)}


def write(path: Path, text: str) -> None:
    """All of it or nothing.  Raises InputError (PAI033)."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_text(text, encoding="utf-8")
        if path.exists():
            beside.chmod(path.stat().st_mode)
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise InputError("PAI033", f"cannot be written: {error.strerror}", where=str(path)) from error


def _configs(folder: Path) -> tuple[Configs, ...]:
    """Those that a person edits, before the run's own copy, which has what a scenario brought with it."""
    return bundled().configs, at(folder / "data/deploy").configs


def _category(of: Planned, asset: str) -> str:
    """Of the governed data that comes to an asset."""
    into = [edge for edges in of.run.edges.values() for edge in edges if asset_of(edge["to"]) == asset]
    return next((label["category"] for edge in into if of.run.governed(edge["from"])
                 and (label := of.run.label(edge["from"]))["category"]), "")
