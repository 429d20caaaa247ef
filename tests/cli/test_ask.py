"""why, involved, graph, explain and evidence: asked of the demo's run, of no run, and of files that are none."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from collections import Counter
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from lineage.codes import CODES
from sim.stack.deployment import ROOT
from tests.cli.conftest import Demo, Sightline, Told

UTTERANCE, ADS, MODEL = "web:ask#utterance", "training:ads_ranker", "checkpoint:assistant@2"
# Every command that looks into a run, with a question that the demo's run answers.
ASKING = [("why", ADS), ("involved", UTTERANCE, ADS), ("graph",), ("graph", "--from", UTTERANCE),
          ("evidence", "glasses-interactions")]
STRIPPED = """\
scenario: stripped
stage: discover
world: {wearers: 1}
steps: [{ask: {question: "What is that building?"}}]
faults: [{strip_context: {method: "Logger/Append"}}]
expect: {discover: [{gap: {at: "rpc:logger.Append"}}]}
"""


def refused(told: Told, code: str) -> None:
    """Two ways to say it: for people on stderr, or as JSON; never a traceback, never a result."""
    assert told.code not in (0, 1), told
    assert "Traceback" not in told.err
    if told.out:
        assert told.json["error"]["code"] == code and told.json["error"]["next"]
    else:
        assert told.err.startswith(f"{code} ") and "  next:  sightline " in told.err


# -- involved


def test_yes_with_the_path(placed: Demo) -> None:
    told = placed.sightline("involved", UTTERANCE, MODEL, "--json")
    answer = told.json
    assert told.code == 0 and answer["answer"] == "yes" and answer["silent"] == []
    assert answer["path"][0] == UTTERANCE and answer["path"][-1].startswith("checkpoint:assistant")
    edges = {(one["from"], one["to"]) for one in placed.read("lineage.json")["edges"] if one["state"] == "observed"}
    assert set(pairwise(answer["path"])) <= edges
    assert "yes" in placed.sightline("involved", UTTERANCE, MODEL).out


def test_no_where_it_was_refused(placed: Demo) -> None:
    told = placed.sightline("involved", UTTERANCE, ADS, "--json")
    assert told.code == 0 and {key: told.json[key] for key in ("answer", "path", "silent")} == {
        "answer": "no", "path": [], "silent": []}
    assert {one["to"] for one in told.json["blocked"]} == {ADS}


def test_unknown_while_a_point_on_the_way_is_silent(sightline: Sightline, tmp_path: Path) -> None:
    (tmp_path / "stripped.yaml").write_text(STRIPPED)
    assert sightline("run", tmp_path / "stripped.yaml").code == 0
    told = sightline("involved", "web:ask#wearer", "rpc:inference.Generate.request", "--json")
    assert told.code == 3 and told.json["answer"] == "unknown" and told.json["path"] == []
    assert "rpc:logger.Append" in told.json["silent"]
    said = sightline("involved", "web:ask#wearer", "rpc:inference.Generate.request")
    assert said.code == 3 and said.out.startswith("unknown: ") and "rpc:logger.Append" in said.out


# -- why


def test_why_a_training_run_was_refused(placed: Demo) -> None:
    told = placed.sightline("why", ADS, "--json")
    assert told.code == 0
    path, [decision] = told.json["path"], told.json["decisions"]
    assert path[0]["from"].startswith("device:glasses#") and path[-1]["to"] == ADS and path[-1]["state"] == "blocked"
    assert all(one["to"] == following["from"] for one, following in pairwise(path))
    assert (decision["verdict"], decision["code"]) == ("blocked", "PAI301") and decision["requirements"]
    assert told.json["remedies"] == [f"PAI301: {CODES['PAI301'].remedy}"]
    assert told.json["activity"] == {"name": ADS, "principals": ["training"], "purposes": ["ads_ranking"],
                                     "declared": True, "verdicts": ["blocked"]}
    said = placed.sightline("why", ADS)
    assert "acts for training, for purpose ads_ranking" in " ".join(said.out.split())
    assert "\x1b" not in said.out and "blocked PAI301" in said.out and "way out: " in said.out


def test_why_from_somewhere(placed: Demo) -> None:
    told = placed.sightline("why", "response:ask#answer", "--from", UTTERANCE, "--json")
    assert told.code == 0 and told.json["path"][0]["from"] == UTTERANCE
    back = placed.sightline("why", UTTERANCE, "--from", "response:ask#answer", "--json")
    assert back.code == 3 and back.json["path"] == []


def test_why_says_the_rule_its_owner_and_what_to_paste(placed: Demo) -> None:
    because = placed.sightline("why", ADS, "--json").json["because"]
    assert because["answer"][0].startswith(f"{ADS} was refused (PAI301, ") and "ads-ranking" in because["answer"][0]
    [rule] = because["rules"]
    assert (rule["owner"], rule["mode"]) == ("privacy-glasses", "enforcement") and rule["requirement"].endswith("@3")
    permit = because["ways"][1]["paste"][0]
    line = (ROOT / permit["file"]).read_text().splitlines()[permit["line"] - 1]
    assert permit["text"] == line.replace("]", ", ads_ranking]")
    manifest = because["ways"][0]["paste"][0]
    assert "core.daily_sessions" in (ROOT / manifest["file"]).read_text().splitlines()[manifest["line"] - 1]
    assert because["scenarios"] == [CODES["PAI301"].scenario]
    said = placed.sightline("why", ADS).out
    assert permit["text"] in said and f"{permit['file']}:{permit['line']}" in said and "\x1b" not in said


def test_why_of_what_was_allowed_of_an_asset_and_of_a_checkpoint(placed: Demo) -> None:
    allowed = placed.sightline("why", "training:assistant_eval", "--json").json["because"]
    assert "was allowed for purpose assistance: permitted by" in allowed["answer"][0] and allowed["ways"] == []
    asset = placed.sightline("why", "warehouse:core.daily_sessions", "--json").json["because"]
    assert "carries GLASSES_INTERACTION, and belongs to assistant-quality." in asset["answer"][0]
    assert "It was made by job:daily_sessions from warehouse:core.sessions." in asset["answer"]
    assert any("training:assistant_eval" in sentence for sentence in asset["answer"])
    assert f"Refused: {ADS}." in asset["answer"]
    checkpoint = placed.sightline("why", MODEL, "--json").json["because"]
    assert "carries GLASSES_INTERACTION" in checkpoint["answer"][0]
    assert "made by training:assistant_eval, for assistance, of" in checkpoint["answer"][1]
    corpus = placed.sightline("why", "file:corpus/landmarks.tsv", "--json").json["because"]
    assert "no annotation that a requirement governs" in corpus["answer"][0] and corpus["rules"] == []


# -- graph


def test_the_names_are_those_that_can_be_asked_for(placed: Demo) -> None:
    names = placed.sightline("graph", "--format", "names").out.splitlines()
    assert names == sorted(set(names)) and {UTTERANCE, ADS, "job:sessions_copy"} <= set(names)
    for name in names[::7]:
        assert "PAI001" not in placed.sightline("why", name).err


def test_the_forms(placed: Demo) -> None:
    forms = {form: placed.sightline("graph", "--format", form)
             for form in ("mermaid", "svg", "graphml", "json", "tree")}
    assert {told.code for told in forms.values()} == {0}
    assert forms["mermaid"].out.startswith("flowchart LR\n")
    assert forms["mermaid"].out == placed.sightline("graph").out
    assert ElementTree.fromstring(forms["svg"].out).tag.endswith("svg")
    assert ElementTree.fromstring(forms["graphml"].out).tag.endswith("graphml")
    whole = placed.read("lineage.json")
    assert forms["json"].json == {"assets": whole["assets"], "edges": whole["edges"]}
    assert placed.sightline("graph", "--json").json == forms["json"].json


def test_a_neighbourhood(placed: Demo) -> None:
    near = placed.sightline("graph", "--from", UTTERANCE, "--depth", "1", "--json").json
    assert near["edges"] and {edge["from"] for edge in near["edges"]} == {UTTERANCE}
    assert {asset["name"] for asset in near["assets"]} == {
        edge[end].partition("#")[0] for edge in near["edges"] for end in ("from", "to")}
    far = placed.sightline("graph", "--from", UTTERANCE, "--depth", "4", "--json").json
    assert len(far["edges"]) > len(near["edges"])
    up = placed.sightline("graph", "--from", UTTERANCE, "--depth", "1", "--upstream", "--json").json
    assert {edge["to"] for edge in up["edges"]} == {UTTERANCE}


def test_to_a_file(placed: Demo, tmp_path: Path) -> None:
    told = placed.sightline("graph", "--format", "svg", "--output", tmp_path / "x.svg")
    assert told.code == 0 and told.out == "" and (tmp_path / "x.svg").read_text().startswith("<")
    refused(placed.sightline("graph", "--output", tmp_path / "no" / "x.svg"), "PAI033")


# -- from a trace id


def keys_of(placed: Demo, asset: str) -> list[str]:
    with closing(sqlite3.connect(f"file:{placed.folder / 'lineage.db'}?mode=ro", uri=True)) as file:
        return sorted({key for (keys,) in file.execute("SELECT keys FROM signals WHERE asset = ?", [asset])
                       for key in json.loads(keys)})


def test_what_one_request_moved(placed: Demo) -> None:
    """Also through the logger, which sends many requests' rows in one batch."""
    keys = keys_of(placed, "web:ask")
    whole = {(edge["from"], edge["to"], edge["state"]): edge for edge in placed.read("lineage.json")["edges"]}
    counted: Counter[tuple[str, str, str]] = Counter()
    for key in keys:
        told = placed.sightline("graph", "--key", key, "--json")
        assert told.code == 0
        found = {(edge["from"], edge["to"], edge["state"]) for edge in told.json["edges"]}
        assert ("app:ask#utterance", UTTERANCE, "observed") in found
        assert ("rpc:warehouse.Append.request#core.sessions.utterance", "warehouse:core.sessions#utterance",
                "observed") in found
        assert found <= whole.keys() and not any(ADS in identity for identity in found)
        assert {one["name"] for one in told.json["assets"]} == {
            name.partition("#")[0] for identity in found for name in identity[:2]}
        counted.update(found)
    assert len(keys) > 3
    # Each edge of a request is one of its trace ids: together they are the count.
    logged = [identity for identity in counted if identity[1].startswith("rpc:logger.Append.request")]
    assert logged and all(counted[identity] == whole[identity]["count"] for identity in logged)


def test_a_refusal_is_found_by_its_trace_id_and_every_form_can_be_had(placed: Demo) -> None:
    (key,) = keys_of(placed, ADS)
    told = placed.sightline("graph", "--key", f"00-{key.upper()}-b7ad6b7169203331-01", "--json")
    assert {edge["state"] for edge in told.json["edges"] if edge["to"] == ADS} == {"blocked"}
    tree = placed.sightline("graph", "--key", keys_of(placed, "web:ask")[0], "--format", "tree", "--from", "web:ask")
    assert tree.code == 0 and "web:ask" in tree.out and ADS not in tree.out


@pytest.mark.parametrize("key", ["0" * 31, "nonsense", "", "\x1b[31m" + "f" * 32, "f" * 32, "00-" + "0" * 32 + "-1-01"])
def test_a_trace_id_that_the_run_does_not_have(placed: Demo, key: str) -> None:
    for told in (placed.sightline("graph", "--key", key), placed.sightline("graph", "--key", key, "--json")):
        refused(told, "PAI005")
        assert "\x1b" not in told.err


def test_a_store_of_another_version_is_an_error(placed: Demo, tmp_path: Path) -> None:
    shutil.copy(placed.folder / "lineage.json", tmp_path)
    asked = ("graph", "--key", "f" * 32, "--run", tmp_path)
    refused(placed.sightline(*asked), "PAI032")
    (tmp_path / "lineage.db").write_bytes(b"not a database, but long enough to be taken for one" * 99)
    refused(placed.sightline(*asked), "PAI032")


# -- explain, evidence, list


@pytest.mark.parametrize("code", sorted(CODES))
def test_explain(code: str, sightline: Sightline) -> None:
    told = sightline("explain", code.lower(), "--json")
    assert told.code == 0 and told.json["code"] == code
    assert {key: told.json[key] for key in ("title", "cause", "remedy", "scenario")} == CODES[code]._asdict()
    said = sightline("explain", code)
    assert CODES[code].title in said.out and CODES[code].remedy in said.out
    for paste in told.json["paste"]:
        assert paste["file"] in said.out and all(line in said.out for line in paste["text"].splitlines())


def test_explain_shows_lines_to_paste(sightline: Sightline) -> None:
    files = [one["file"] for one in sightline("explain", "PAI302", "--json").json["paste"]]
    assert files == ["services/warehouse/tables/….sql", "scenarios/requirements/….yaml"]


def test_evidence(placed: Demo) -> None:
    told = placed.sightline("evidence", "glasses-interactions", "--json")
    assert told.code == 0 and told.json["zone"] == "glasses-interactions" and told.json["verdict"] == "holds"
    refused(placed.sightline("evidence", "no-such-zone"), "PAI001")
    assert "glasses-interactions" in placed.sightline("evidence", "no-such-zone").err


def test_list(placed: Demo) -> None:
    rows = placed.sightline("list", "--json").json
    assert {"stage", "scenario", "about", "file", "last"} <= set(rows[0])
    assert {"01_ask_a_landmark", "02_probe_to_warehouse", "03_inference_rpc", "04_training_manifest",
            "05_training_refused", "08_context_stripped",
            "09_undeclared_job"} <= {Path(row["file"]).stem for row in rows}
    said = placed.sightline("list").out
    assert all(row["scenario"] in said and row["about"] in said for row in rows)
    sorts = {(one["sort"], one["name"]) for one in placed.sightline("list", "--expectations", "--json").json}
    assert {("step", "ask"), ("fault", "new_job"), ("expectation", "moved")} <= sorts


# -- what cannot be answered


@pytest.mark.parametrize("asked", [
    ("why", "training:ads_rankr"), ("why", ADS, "--from", "web:ask#uterance"), ("involved", "web:ask#uterance", ADS),
    ("involved", UTTERANCE, "training:ads_rankr"), ("graph", "--from", "web:ask#uterance"),
    ("why", "trainning:ads_ranker"), ("why", "web:ask#"), ("why", ""), ("why", "\x1b[31mred"),
], ids=" ".join)
def test_a_name_that_the_run_does_not_have(placed: Demo, asked: tuple[str, ...]) -> None:
    for told in (placed.sightline(*asked), placed.sightline(*asked, "--json")):
        refused(told, "PAI001")
        assert "\x1b" not in told.err
    if "rankr" in " ".join(asked) or "uterance" in " ".join(asked):
        assert "did you mean" in placed.sightline(*asked).err


@pytest.mark.parametrize("asked", ASKING, ids=" ".join)
def test_no_run(sightline: Sightline, asked: tuple[str, ...], tmp_path: Path) -> None:
    refused(sightline(*asked), "PAI032")
    refused(sightline(*asked, "--json"), "PAI032")
    refused(sightline(*asked, "--run", tmp_path), "PAI032")


# Each is a lineage.json as something other than a finished run of this version leaves it.
STRANGE = {"cut off": '{"format": 1, "assets": [', "empty": "", "another thing": "[1, 2]", "a number": "7",
           "an older format": '{"format": 0, "nodes": [], "links": []}', "only a head": '{"format": 1}',
           "not text": "\udcff\udcfe"}


@pytest.mark.parametrize("content", list(STRANGE.values()), ids=list(STRANGE))
def test_a_folder_whose_lineage_cannot_be_read(sightline: Sightline, tmp_path: Path, content: str) -> None:
    (tmp_path / "lineage.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    for asked in ASKING:
        for told in (sightline(*asked, "--run", tmp_path), sightline(*asked, "--run", tmp_path, "--json")):
            refused(told, "PAI032")
            assert str(tmp_path) in told.out + told.err


def test_a_broken_run_does_not_hide_the_list(sightline: Sightline) -> None:
    run = sightline.runs / "ask-a-landmark/1-seed1"
    run.mkdir(parents=True)
    (run / "verdict.json").write_text("{")
    told = sightline("list", "--json")
    assert told.code == 0
    assert next(row["last"] for row in told.json if row["scenario"] == "ask-a-landmark") in ("", "unknown")


def test_a_run_folder_can_be_moved(placed: Demo, sightline: Sightline, tmp_path: Path) -> None:
    """It is asked by its path, and by nothing that is left at its old place."""
    moved = tmp_path / "kept"
    shutil.copytree(placed.folder, moved)
    asked: list[tuple[str, ...]] = [("why", ADS), ("involved", UTTERANCE, ADS), ("graph", "--json")]
    for words in asked:
        assert sightline(*words, "--run", moved) == placed.sightline(*words)


def test_json_goes_to_stdout_alone(placed: Demo) -> None:
    for words in ASKING:
        told = placed.sightline(*words, "--json")
        parsed: Any = json.loads(told.out)
        assert parsed and told.err == "" and re.fullmatch(r"[\[{].*[\]}]\n", told.out, re.DOTALL)
