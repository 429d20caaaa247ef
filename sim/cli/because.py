"""What a colleague would add to ``why`` and ``explain``: the sentence, the rule and its owner, what to change where.

Rule-based: it reads the run, its requirements and the files that a person edits; no model, and no rule of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from lineage.codes import CODES
from lineage.enforce import requirement
from lineage.enforce.manager import paste as plan_paste
from lineage.enforce.manager.deployed import deployed
from lineage.enforce.manager.paste import Paste, Places
from lineage.enforce.manager.seen import PlanRun
from lineage.enforce.requirement import Requirement
from lineage.errors import InputError
from lineage.names import ACTIVITY_KINDS, asset_of, field_of, join, kind_of
from lineage.yaml_file import tree
from sim.stack.deployment import ROOT, at, bundled

_BUNDLED = ROOT / "scenarios/requirements"
_USE = ("PAI301", "PAI309", "PAI310")


class Because:
    """``lineage``: a run's; ``folder``: where it lies."""

    def __init__(self, lineage: Mapping[str, Any], folder: Path) -> None:
        self._lineage = dict(lineage)
        deployment = at(folder / "data/deploy")
        self._configs = bundled().configs, deployment.configs
        self._known = deployed(deployment.configs)
        self._rules: dict[str, tuple[Requirement, Path]] = {}
        for path in sorted(deployment.requirements.glob("*.yaml")):
            try:
                one = requirement.load(path)
            except InputError:
                continue
            mine = _BUNDLED / path.name
            self._rules[one.name] = one, mine if mine.is_file() else path

    def of(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """{"answer": [sentences], "rules": […], "ways": [{"what", "paste"}], "scenarios": […]}.

        ``told``: what ``sim.cli.answers.why`` answers."""
        to, blocked = told["to"], [one for one in told["decisions"] if one["verdict"] == "blocked"]
        annotations = self._annotations(to, told["decisions"])
        rules = [pair for pair in self._rules.values() if not pair[0].governs.isdisjoint(annotations)]
        run = PlanRun(self._lineage, rules[0][0], self._known) if rules else None
        answer = self._activity(to, told) if kind_of(to) in ACTIVITY_KINDS else self._asset(to, told, annotations)
        ways = [way for one in blocked for way in self._ways(one, run)] if run is not None else []
        codes = sorted({one["code"] for one in blocked if one["code"]})
        return {"answer": answer, "rules": [self._rule(*pair) for pair in rules], "ways": _distinct(ways),
                "scenarios": [CODES[code].scenario for code in codes if code in CODES and CODES[code].scenario]}

    # --- the sentence ---------------------------------------------------------------------------

    def _activity(self, to: str, told: Mapping[str, Any]) -> list[str]:
        blocked = [one for one in told["decisions"] if one["verdict"] == "blocked"]
        file = self._known.files.get(to)
        owner = self._known.owners.get(to)
        whose = f" It belongs to {owner}" + (f" ({self._shown(file)})." if file else ".") if owner else ""
        if blocked:
            first = blocked[0]
            inputs = sorted({asset_of(name) for one in blocked for name in one["inputs"]})
            return [f"{to} was refused ({first['code']}, {_title(first['code'])}) at the {first['where']}, asking for "
                    f"{', '.join(inputs)} for purpose {first['purpose'] or '(none stated)'}.{whose}"]
        if told["decisions"]:
            one = told["decisions"][0]
            return [f"{to} was allowed for purpose {one['purpose'] or '(none stated)'}: {one['reason']}.{whose}"]
        return [f"Nothing was decided about {to} in this run.{whose}"]

    def _asset(self, to: str, told: Mapping[str, Any], annotations: Iterable[str]) -> list[str]:
        into = [edge for edge in self._lineage["edges"] if _is(edge["to"], to)]
        out = [edge for edge in self._lineage["edges"] if _is(edge["from"], to)]
        owner = next((one["owner"] for one in self._lineage["assets"] if one["name"] == asset_of(to)), "")
        labels = ", ".join(sorted(annotations))
        found = [f"{to} {'carries ' + labels if labels else 'carries no annotation that a requirement governs'}"
                 f"{', and belongs to ' + owner if owner else ''}."]
        made = sorted({name for edge in into if edge["state"] == "observed" for name in edge["via"]
                       if kind_of(name) in ACTIVITY_KINDS})
        told_more = kind_of(to) == "checkpoint"  # by sim/cli/checkpoints.py
        if made and not told_more:
            found.append(f"It was made by {', '.join(made)} from "
                         f"{_some({asset_of(edge['from']) for edge in into if edge['state'] == 'observed'})}.")
        users = {asset_of(edge["to"]) for edge in out if edge["state"] == "observed"}
        if not told_more:
            found.append(f"Its data went on to {_some(users)}." if users else "Nothing of it was seen to go on.")
        if refused := sorted({edge["to"] for edge in out if edge["state"] == "blocked"}):
            found.append(f"Refused: {', '.join(refused)}.")
        return found

    # --- the ways out ---------------------------------------------------------------------------

    def _ways(self, decision: Mapping[str, Any], run: PlanRun) -> list[dict[str, Any]]:
        one, path = self._rules[run.requirement.name]
        places = Places(self._configs, ROOT / "protos", path, Path("zone-decisions.yaml"), ROOT)
        code, activity = decision["code"], decision["activity"]
        if code in _USE and one.governs.intersection(self._annotations(activity, [decision])):
            return [self._without(decision), {
                "what": f"ask {one.owner} to permit the purpose", "paste": [plan_paste.permit(
                    one.permitted, decision["purpose"], places)._replace(note="then raise the version")._asdict()]}]
        if code == "PAI302" and " → " in decision["reason"]:
            source, _, rest = decision["reason"].partition(" → ")
            sink = rest.partition(": ")[0]
            category = str(run.label(source)["category"])
            fields = [field_of(sink)] if field_of(sink) else []
            how = f"sql: {activity.partition(':')[2]}" if kind_of(activity) == "job" else "code: …"
            return [{"what": f"annotate the sink, {sink}", "paste": [paste._asdict() for paste in plan_paste.annotate(
                        asset_of(sink), fields, one.governs, category, places)]},
                    {"what": f"have a reclassification reviewed, by {one.owner}", "paste": [
                        plan_paste.reclassify(source, sink, one.governs, how, places)._asdict()]}]
        if code == "PAI304":
            return [{"what": "label it", "paste": [paste._asdict() for name in decision["inputs"] for paste in
                    plan_paste.annotate(asset_of(name), [field_of(name)] if field_of(name) else [], (), "", places)]}]
        return [{"what": CODES[code].remedy if code in CODES else decision["reason"], "paste": []}]

    def _without(self, decision: Mapping[str, Any]) -> dict[str, Any]:
        """The inputs that it may keep, as the line of its file."""
        refused = sorted(decision["inputs"])
        file = self._known.files.get(decision["activity"])
        paste = _kept(file, set(refused), self._shown(file)) if file is not None and file.suffix != ".sql" else []
        return {"what": f"leave out what is governed: {_some(refused)}", "paste": [one._asdict() for one in paste]}

    # --- what it is made of ---------------------------------------------------------------------

    def _annotations(self, to: str, decisions: Iterable[Mapping[str, Any]]) -> set[str]:
        """Of an asset or field; of an activity, those of all that was decided about."""
        names = [to] if kind_of(to) not in ACTIVITY_KINDS else [name for one in decisions for name in one["inputs"]]
        return {annotation for asset in self._lineage["assets"] for path, label in asset["fields"].items()
                for name in names if asset["name"] == asset_of(name) and field_of(name) in ("", path)
                for annotation in label["annotations"]}

    def _rule(self, one: Requirement, path: Path) -> dict[str, Any]:
        # As it was in the end: it may have been flipped while the stack ran.
        id_, mode = next(((zone["requirement"], zone["mode"]) for zone in self._lineage["zones"]
                          if zone["requirement"].partition("@")[0] == one.name), (one.id, one.mode))
        return {"requirement": id_, "owner": one.owner, "mode": mode, "governs": sorted(one.governs),
                "permits": one.permitted, "file": self._shown(path)}

    def _shown(self, path: Path) -> str:
        for mine in (bundled().configs.jobs, bundled().configs.manifests, bundled().configs.exports):
            if (mine / path.name).is_file():
                path = mine / path.name
        return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


def example(code: str) -> list[dict[str, Any]]:
    """What is written where against a code, as a form: the names are the reader's to fill in."""
    table = Paste("services/warehouse/tables/….sql", 0, "  column TEXT,  -- user.utterance GLASSES_INTERACTION",
                  "annotate the sink, beside its definition")
    entry = plan_paste.reclassify("warehouse:core.sessions#utterance", "warehouse:core.topics#topic",
                                  ["GLASSES_INTERACTION"], "sql: topics",
                                  Places((), Path(), Path("scenarios/requirements/….yaml"), Path(), Path()))
    permit = Paste("scenarios/requirements/….yaml", 0, "  purposes: [assistance, safety, …]",
                   "its owner permits a purpose")
    forms: dict[str, list[Paste]] = {
        "PAI101": [table], "PAI210": [Paste("services/logger/categories/….yaml", 0,
                                            "  mood: {type: text, category: user.utterance, annotations: "
                                            "[GLASSES_INTERACTION], column: mood}", "label the field")],
        "PAI301": [permit], "PAI309": [permit], "PAI310": [permit], "PAI302": [table, entry], "PAI304": [table],
        "PAI321": [Paste("zone-decisions.yaml", 0, "include: [web:log]\nexclude: []", "one of them")],
        "PAI322": [Paste("zone-decisions.yaml", 0, "block: [training:ads_ranker]", "its owner agrees to the denial")],
        "PAI402": [Paste("services/warehouse/jobs/….sql", 0, "-- job: name\n-- owner: team\n-- purpose: assistance\n"
                         "-- output: core.table", "declare the job")]}
    return [one._asdict() for one in forms.get(code, ())]


def _kept(file: Path, refused: set[str], shown: str) -> list[Paste]:
    """The lines of a manifest or an export with the columns that are left."""
    text = file.read_text(encoding="utf-8")
    told = tree(text, "PAI022", str(file))
    found = []
    for one in told.get("inputs") or [told]:
        if not isinstance(one, dict) or "table" not in one:
            continue
        left = [column for column in one.get("columns", ()) if join(f"warehouse:{one['table']}", column) not in refused]
        if len(left) == len(one.get("columns", ())):
            continue
        line = next((number for number, row in enumerate(text.splitlines(), 1) if str(one["table"]) in row), 0)
        listed = f"columns: [{', '.join(left)}]"
        changed = f"  - {{table: {one['table']}, {listed}}}" if "inputs" in told else listed
        found.append(Paste(shown, line, changed) if left else
                     Paste(shown, line, f"# without {one['table']}", "every column that it asks for is governed"))
    return found


def _title(code: str) -> str:
    return CODES[code].title if code in CODES else "refused"


def _is(name: str, asked: str) -> bool:
    asset = asset_of(name)
    return name == asked or (not field_of(asked) and asked in (asset, asset.partition("@")[0]))


def _some(names: Iterable[str]) -> str:
    """A few of many."""
    found = sorted(names)
    return ", ".join(found[:4]) + (f" and {len(found) - 4} more" if len(found) > 4 else "")


def _distinct(ways: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for way in ways:
        found.setdefault(way["what"], way)
    return list(found.values())
