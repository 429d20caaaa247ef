"""``sightline impact`` and ``why`` of a checkpoint, asked of the demo's run, whose wearers were trained on."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Demo, Sightline

MODEL = "checkpoint:assistant@2"


def test_what_holds_data_of_a_wearer(placed: Demo) -> None:
    told = placed.sightline("impact", "w-0001", "--json")
    assert told.code == 0 and told.json["wearer"] == "w-0001" and told.json["keys"] >= 1
    items = {item["asset"]: item for item in told.json["items"]}
    assert items[MODEL]["confidence"] == "holds" and 1 <= items[MODEL]["rows"] < told.json["keys"]  # asked on since
    assert items[MODEL]["path"][0].startswith("device:glasses#") and "checkpoint:assistant@1" not in items
    assert items["training:assistant_eval"]["confidence"] == "holds" and "training:ads_ranker" not in items
    # Everything on the path is in the run's lineage.
    edges = {(one["from"], one["to"]) for one in placed.read("lineage.json")["edges"] if one["state"] == "observed"}
    assert set(zip(items[MODEL]["path"], items[MODEL]["path"][1:], strict=False)) <= edges


def test_in_words(placed: Demo) -> None:
    told = placed.sightline("impact", "w-0002")
    assert told.code == 0 and f"holds  {MODEL}" in told.out and "next:" in told.out
    assert "may hold    warehouse:core.daily_sessions" in told.out and "rpc:logger.Append.request  " not in told.out
    assert "answers: " in told.out and "rpc:inference.Generate.response, to w-0001" in told.out


@pytest.mark.parametrize("wearer", ["w-9999", "nobody", "…"])
def test_nobody_is_in_nothing_is_not_said(placed: Demo, wearer: str) -> None:
    told = placed.sightline("impact", wearer)
    assert told.code == 3 and told.out.startswith("unknown: ") and "PAI416" in told.out and wearer in told.out
    assert placed.sightline("impact", wearer, "--json").json["keys"] == 0


@pytest.mark.parametrize("wearer", ["", " ", "w\x00", "a\nb"])
def test_a_name_that_is_none(placed: Demo, wearer: str) -> None:
    told = placed.sightline("impact", wearer)
    assert told.code == 2 and told.err.startswith("PAI001 ") and not told.out


def test_a_run_that_cannot_be_asked(placed: Demo, sightline: Sightline, tmp_path: Path) -> None:
    assert sightline("impact", "w-0001").err.startswith("PAI032 ")
    shutil.copytree(placed.folder, tmp_path / "mine")
    (tmp_path / "mine" / "scenario.lock.yaml").write_text("nothing: [")  # then those who were answered have no names
    assert sightline("impact", "w-0001", "--run", tmp_path / "mine").code == 0
    (tmp_path / "mine" / "lineage.db").write_bytes(b"no database")
    told = sightline("impact", "w-0001", "--run", tmp_path / "mine")
    assert told.code == 2 and told.err.startswith("PAI032 ")


# -- why


def test_why_a_checkpoint_is_what_it_is(placed: Demo) -> None:
    told = placed.sightline("why", MODEL, "--json")
    (one,) = told.json["checkpoints"]
    (run,) = one["runs"]
    (table,) = run["tables"]
    assert told.code == 0 and (run["activity"], run["purpose"]) == ("training:assistant_eval", "assistance")
    assert (table["asset"], table["columns"]) == ("warehouse:core.daily_sessions", ["utterance", "answer"])
    journal = next(seen for seen in placed.read("verdict.json")["steps"] if seen["step"] == "train")
    assert table["rows"] == journal["said"]["rows"] and one["signed"]["digest"] == journal["said"]["digest"]
    known = {decision["id"]: decision for decision in placed.read("lineage.json")["decisions"]}
    assert run["decisions"] and all(known[each["id"]]["activity"] == run["activity"] for each in run["decisions"])
    assert all(each["requirements"] == ["glasses-interaction-purpose@3"] for each in run["decisions"])
    said = placed.sightline("why", MODEL).out
    assert f"{MODEL} was made by training:assistant_eval, for assistance, of {table['rows']} rows" in said
    assert all(each["id"] in said for each in run["decisions"]) and "Its manifest is signed by training" in said


def test_every_version_where_none_is_named(placed: Demo) -> None:
    told = placed.sightline("why", "checkpoint:assistant", "--json")
    assert [one["checkpoint"] for one in told.json["checkpoints"]] == ["checkpoint:assistant@1", MODEL]
    (base,) = told.json["checkpoints"][0]["runs"]
    assert base["corpora"] == [{"asset": "file:corpus/landmarks.tsv", "rows": 25}] and base["tables"] == []


@pytest.mark.parametrize(("damage", "error"), [(b"{}", "Its manifest: "), (None, "not in the run's folder")])
def test_a_manifest_that_tells_nothing(placed: Demo, tmp_path: Path, damage: bytes | None, error: str) -> None:
    shutil.copytree(placed.folder, tmp_path / "mine")
    manifest = tmp_path / "mine/data/checkpoints/assistant@2/manifest.json"
    manifest.unlink()
    if damage is not None:
        manifest.write_bytes(damage)
    told = placed.sightline("why", MODEL, "--run", tmp_path / "mine")
    assert told.code == 0 and error in told.out and "signed by training" not in told.out
