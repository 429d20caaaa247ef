"""Certificates of a real run: given where her rows had no part, refused where they had, and never guessed."""

from __future__ import annotations

import base64
import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lineage.demonstrate.certified import verify
from lineage.enforce.consent import line
from lineage.errors import InputError, NotProved, RunError, SightlineError
from sim.scenario import loader
from sim.scenario.runner import REGISTRIES, Run
from sim.scenario.schema import expect, step
from sim.stack.certifying import answered, issue, public_keys
from sim.stack.past import withdrawn
from tests.scenario.real_runs import Runs

SEED = 94
HERS = "w-0002"


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    return Runs(tmp_path_factory.mktemp("runs"))


REGIONS = "run: index\nmodel: index\nlearn: {from: [region], to: region}"
# More runs: one goes on from weights, one learns answers, one keeps rows by a condition; the last two learn nothing but
# where a row comes from, which is the same in many.
MORE = {
    "guide": "inputs: [{checkpoint: assistant@3}, {corpus: landmarks}]",
    "student": "inputs: [{answers_of: assistant@3, prompts: {table: core.daily_sessions, column: utterance}}]",
    "norway": """inputs: [{table: core.daily_sessions, columns: [utterance, answer], where: "region = 'NO'"}]
learn: {from: [utterance], to: answer}""",
    "places": "inputs: [{checkpoint: embedder}, {table: core.daily_sessions, columns: [region]}]\n" + REGIONS,
    "home": "inputs: [{checkpoint: embedder}, {table: core.daily_sessions, columns: [region], "
            "where: \"region = 'US'\"}]\n" + REGIONS,
}


@pytest.fixture(scope="module")
def run(runs: Runs, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Of scenario 94, and of MORE."""
    folder = tmp_path_factory.mktemp("manifests")
    for name, text in MORE.items():
        (folder / f"{name}.yaml").write_text(
            f"name: {name}\nversion: 1\nowner: assistant-quality\npurpose: assistance\n{text}\n"
            f"output: {name}\nserve: false\n")
    [scenario] = loader.load(loader.SCENARIOS / "94_certificate_of_non_use.yaml", REGISTRIES)
    more = [step("train", manifest=str(path)) for path in (
        loader.SCENARIOS / "manifests/embedder_base.yaml", *(folder / f"{name}.yaml" for name in MORE))]
    return runs.once(replace(scenario, steps=(*scenario.steps, *more), expect=(expect("discover", "complete"),)))


@pytest.fixture
def copied(run: Run, tmp_path: Path) -> Path:
    return shutil.copytree(run.path / "data", tmp_path / "data")


def issued(run: Run, wearer: str, checkpoint: str, data: Path | None = None) -> bytes:
    return issue(data or run.path / "data", SEED, run.lineage["decisions"], wearer, checkpoint)


def statement(data: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(base64.b64decode(json.loads(data)["payload"]))
    return found


@pytest.mark.parametrize("wearer", ["w-0001", HERS, "w-0003", "w-0004"])
def test_only_of_a_checkpoint_that_did_not_read_her_rows(run: Run, wearer: str) -> None:
    for checkpoint, rows in (("assistant@1", 0), ("assistant@2", 8), ("assistant@3", 6)):
        if rows and (wearer != HERS or checkpoint == "assistant@2"):
            with pytest.raises(NotProved, match=f"2 of its {rows} rows are hers") as caught:
                issued(run, wearer, checkpoint)
            assert caught.value.code == "PAI410"
        else:
            assert verify(issued(run, wearer, f"checkpoint:{checkpoint}"), public_keys(SEED), wearer=wearer)


@pytest.mark.parametrize(("checkpoint", "wearer", "chain"), [
    ("guide@1", HERS, "guide@1 ← assistant@3"), ("guide@1", "w-0001", ""),
    ("student@1", HERS, "student@1 ← assistant@3"), ("student@1", "w-0003", ""),
    # She lives in the US; whose row is in Norway is in it, where she consents.
    ("norway@1", "w-0001", "norway@1"), ("norway@1", HERS, "norway@1"), ("norway@1", "w-0004", ""),
])
def test_whatever_a_checkpoint_was_made_of_is_followed(run: Run, checkpoint: str, wearer: str, chain: str) -> None:
    if chain:
        data = issued(run, wearer, checkpoint)
        assert verify(data, public_keys(SEED), wearer=wearer).links[-1].said == chain
    else:
        with pytest.raises(NotProved, match="rows are hers") as caught:
            issued(run, wearer, checkpoint)
        assert caught.value.code == "PAI410"


def test_rows_that_cannot_be_altered_or_would_not_show_are_not_certified(run: Run) -> None:
    """The weights are the same without her rows, and for no reason that says anything of them."""
    for wearer, checkpoint, why in (("w-0001", "places@1", "no altering"), ("w-0001", "home@1", "no altering"),
                                    (HERS, "home@1", "nobody else's rows")):
        with pytest.raises(RunError, match=why) as caught:
            issued(run, wearer, checkpoint)
        assert caught.value.code == "PAI411"
    # The controls: the only row of a region shows where it is taken out.
    assert verify(issued(run, HERS, "places@1"), public_keys(SEED), wearer=HERS)
    with pytest.raises(NotProved, match="rows are hers"):
        issued(run, "w-0004", "places@1")


def test_it_says_what_was_done(run: Run) -> None:
    data = issued(run, HERS, "assistant@3")
    assert data == issued(run, HERS, "assistant@3"), "the same run, the same bytes"
    [link] = statement(data)["predicate"]["checkpoints"]
    [snapshot] = link["snapshots"]
    assert (snapshot["rows"], snapshot["used"], snapshot["hers"]) == (6, 0, 2), "her rows lay there, and were withheld"
    assert link["control"]["rows"] == 2 and link["control"]["weights"] != link["weights"]
    assert link["decision"]["activity"] == "training:assistant_eval"
    text = base64.b64decode(json.loads(data)["payload"]).decode()
    assert not any(f"w-000{number}" in text for number in range(1, 5))


def test_an_answer_is_of_the_checkpoint_that_gave_it(run: Run) -> None:
    with closing(sqlite3.connect(run.path / "data/warehouse/core.db")) as db:
        told = {checkpoint: (key, text) for key, text, checkpoint in db.execute(
            "SELECT _key, answer, checkpoint FROM sessions")}
    key, text = told["assistant@3"]
    answer = answered(run.path, f"00-{key.upper()}-b7ad6b7169203331-01")
    # The photo was read for a sign, too.
    assert answer == (key, text, ("assistant@3", "sign_reader@1"))
    data = issue(run.path / "data", SEED, run.lineage["decisions"], HERS, "", answer)
    found = verify(data, wearer=HERS, answer=text)
    assert found.checkpoint == "checkpoint:assistant@3"
    assert found.links[5].said == f"of trace {key}, by assistant@3 with sign_reader@1"
    with pytest.raises(NotProved, match="answer"):
        verify(data, answer=f"{text} ")
    assert answered(run.path, told["assistant@1"][0]).checkpoints[0] == "assistant@1"
    with pytest.raises(InputError, match="no signal"):
        answered(run.path, "0" * 32)


def test_rows_that_came_later_are_none_of_the_run_s(run: Run, copied: Path) -> None:
    with closing(sqlite3.connect(copied / "warehouse/core.db")) as db, db:
        for number, wearer in enumerate(("w-0001", HERS)):
            db.execute("INSERT INTO daily_sessions VALUES ('2026-02-01', ?, ?, 'later', 'later', 'US', ?)",
                       [f"later{number}", wearer, f"{number:032x}"])
    assert verify(issued(run, HERS, "assistant@3", copied), wearer=HERS)
    with pytest.raises(NotProved, match="2 of its 8"):
        issued(run, HERS, "assistant@2", copied)


def _sql(text: str) -> Callable[[Path], None]:
    def change(data: Path) -> None:
        with closing(sqlite3.connect(data / "warehouse/core.db")) as db, db:
            db.execute(text)

    return change


def _consent(data: Path) -> None:
    """The registry is another one: in it nobody had withdrawn."""
    (data / "consent.jsonl").write_text(line("w-0009", "assistance", False))


def _manifests(data: Path) -> None:
    (data / "deploy/manifests/assistant_eval.yaml").unlink()


def _weights(data: Path) -> None:
    path = data / "checkpoints/assistant@3/weights.safetensors"
    path.write_bytes(path.read_bytes() + b" ")



def _subject(data: Path) -> None:
    path = data / "deploy/tables/daily_sessions.sql"
    path.write_text(path.read_text().replace("subject: wearer; ", ""))


@pytest.mark.parametrize(("change", "why"), [
    (_sql("UPDATE daily_sessions SET answer = 'x' WHERE wearer = 'w-0001'"), "not there any more"),
    (_sql("DELETE FROM daily_sessions WHERE wearer = 'w-0001'"), "not there any more"),
    (_sql("DROP TABLE daily_sessions"), "cannot be read"), (_consent, "not there any more"),
    (_manifests, "not among the deployed"), (_weights, "not those"), (_subject, "whose its rows are"),
], ids=lambda one: getattr(one, "__name__", str(one)))
def test_what_cannot_be_done_again_is_not_certified(run: Run, copied: Path, change: Callable[[Path], None],
                                                    why: str) -> None:
    change(copied)
    with pytest.raises(RunError, match=why) as caught:
        issued(run, HERS, "assistant@3", copied)
    assert caught.value.code == "PAI411" and caught.value.exit_code == 3


def test_other_code_and_a_decision_that_nobody_made(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RunError, match="not in its lineage"):
        issue(run.path / "data", SEED, [], HERS, "assistant@3")
    monkeypatch.setattr("sim.stack.retraining.training_code", lambda: "0" * 64)
    with pytest.raises(RunError, match="another version of the code"):
        issued(run, HERS, "assistant@3")


@pytest.mark.parametrize(("wearer", "checkpoint", "code"), [
    ("w-0099", "assistant@3", "PAI001"), ("", "assistant@3", "PAI001"), (HERS, "assistant@9", "PAI004"),
    (HERS, "../assistant@3", "PAI004"), (HERS, "", "PAI004"),
])
def test_nobody_and_nothing_is_not_certified(run: Run, wearer: str, checkpoint: str, code: str) -> None:
    with pytest.raises(SightlineError) as caught:
        issued(run, wearer, checkpoint)
    assert caught.value.code == code


def test_who_had_withdrawn_is_that_of_the_epoch(tmp_path: Path) -> None:
    path = tmp_path / "consent.jsonl"
    assert withdrawn(path, "assistance", 0) == frozenset()
    path.write_text("".join(line(who, "assistance", granted) for who, granted in (
        ("a", False), ("a", False), ("b", False), ("a", True))))
    assert [withdrawn(path, "assistance", epoch) for epoch in range(5)] == [
        set(), {"a"}, {"a", "b"}, {"b"}, {"b"}]
    assert withdrawn(path, "safety", 3) == frozenset()
