"""What a colleague would say of a checkpoint: which run made it of what, by whose decisions, and whom it answered."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from lineage import dsse
from lineage.discover import declare
from lineage.discover.impact import Impacts
from lineage.discover.made import made
from lineage.discover.store import recorded
from lineage.enforce.tokens import Signer
from lineage.errors import InputError
from lineage.names import asset_of, kind_of
from sim.stack.deployment import at

# What stays where an answer passes.
_KEPT = frozenset({"checkpoint", "feature", "file"})


def checkpoints(lineage: Mapping[str, Any], folder: Path, to: str) -> list[dict[str, Any]]:
    """Of each checkpoint that the name stands for (every version, where it has none): {"checkpoint", "runs", "answers":
    [{"response", "count", "people", "runs"}], "into": [checkpoints], "signed": its manifest's word, or why not}.

    ``folder``: of the run.  Raises InputError (PAI032)."""
    asset = asset_of(to)
    named = sorted((one["name"] for one in lineage["assets"] if kind_of(one["name"]) == "checkpoint"
                    and asset in (one["name"], one["name"].partition("@")[0])), key=_version)
    signals = recorded(folder / "lineage.db")
    impacts = Impacts(dict(lineage), signals, declare.declared(at(folder / "data/deploy").configs).schema)
    answers = impacts.answers(named)
    into = {name: sorted({asset_of(edge["to"]) for edge in lineage["edges"] if edge["state"] == "observed"
                          and asset_of(edge["from"]) == name and kind_of(edge["to"]) in _KEPT}) for name in named}
    return [{"checkpoint": name, "runs": made(signals, name), "into": into[name],
             "answers": [_counted(response, whom) for response, whom in answers.get(name, {}).items()],
             "signed": _signed(folder, name, str(lineage["seed"]))} for name in named if "@" in name]


def sentences(found: Iterable[Mapping[str, Any]]) -> list[str]:
    """``found``: of :func:`checkpoints`."""
    said = []
    for one in found:
        said += [_made(one["checkpoint"], run) for run in one["runs"]] or [
            f"Nothing says what {one['checkpoint']} was made of: no signal shows who wrote its weights."]
        for run in one["runs"]:
            said += _decided(run)
        signed = one["signed"]
        said.append(f"Its manifest is signed by {signed['by']}, for weights of the digest {signed['digest'][:12]}…"
                    f"{_remedies(signed)}." if "by" in signed else f"Its manifest: {signed['error']}.")
        said += [f"It gave {one_['count']} answers ({one_['response']}) to {_many(one_['people'], 'wearer')}"
                 f"{' and ' + ', '.join(one_['runs']) if one_['runs'] else ''}." for one_ in one["answers"]] or [
            "It gave no answer in this run."]
        if one["into"]:
            said.append(f"Of it were made {', '.join(one['into'])}.")
    return said


def _made(checkpoint: str, run: Mapping[str, Any]) -> str:
    parts = [f"{_many(table['rows'], 'row')} of {table['asset']} ({', '.join(table['columns'])}{_kept(table)})"
             for table in run["tables"]]
    parts += [f"{_many(corpus['rows'], 'row')} of {corpus['asset']}" for corpus in run["corpora"]]
    parts += [f"{other['asset']} ({other['how'].replace('_', ' ')})" for other in run["checkpoints"]]
    parts += run["others"]
    return (f"{checkpoint} was made by {run['activity'] or 'nobody named'}, for {run['purpose'] or 'no purpose'}, of "
            f"{'; '.join(parts) or 'nothing that was seen'}.")


def _kept(table: Mapping[str, Any]) -> str:
    withheld = [f"{count} withheld for {why}" for why, count in table["withheld"].items() if count]
    return f"; {', '.join(withheld)}" if withheld else ""


def _decided(run: Mapping[str, Any]) -> list[str]:
    if not run["decisions"]:
        return [f"No decision about {run['activity'] or 'it'} is known."]
    said = [f"{one['verdict']} at the {one['where']} by decision {one['id']} under "
            f"{', '.join(one['requirements']) or 'no requirement'}" for one in run["decisions"]]
    return [f"It was {'; '.join(said)}."]


def _remedies(signed: Mapping[str, Any]) -> str:
    told = [f"{one.get('remedy', '')} of {one.get('of', '')}" for one in signed["remedies"]]
    return f"; remedied before it was trained: {', '.join(told)}" if told else ""


def _counted(response: str, whom: Mapping[str, int]) -> dict[str, Any]:
    """People are counted, not named: what they were is on nobody's way to this answer."""
    runs = sorted(name for name in whom if kind_of(name) == "training")
    return {"response": response, "count": sum(whom.values()), "runs": runs,
            "people": len([name for name in whom if name and name not in runs])}


def _signed(folder: Path, checkpoint: str, seed: str) -> dict[str, Any]:
    """What the executed manifest says, if the key of training signed it."""
    path = folder / "data/checkpoints" / checkpoint.partition(":")[2] / "manifest.json"
    try:
        statement = dsse.opened(path.read_bytes(), {"training": Signer(seed, "training").public_key}, checkpoint)
        said = statement["predicate"]
        return {"by": "training", "digest": statement["subject"][0]["digest"]["sha256"], "owner": said.get("owner", ""),
                "code": said.get("code", {}), "parameters": said.get("parameters", {}),
                "remedies": list(said.get("remedies", ())), "requirements": list(said.get("requirements", ()))}
    except OSError:
        return {"error": "it is not in the run's folder any more"}
    except InputError as error:
        return {"error": error.what}
    except (KeyError, IndexError, TypeError, AttributeError, json.JSONDecodeError) as error:
        return {"error": f"it says something else than a training run's: {error}"}


def _version(name: str) -> tuple[str, int]:
    base, _, version = name.partition("@")
    return base, int(version) if version.isdecimal() else 0


def _many(count: int | None, word: str) -> str:
    return f"an unknown number of {word}s" if count is None else f"{count} {word}{'' if count == 1 else 's'}"
