"""What lineage says of whose rows are in which checkpoint, set beside the journal: all of it, and nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lineage.discover import declare
from lineage.discover.impact import Impacts
from lineage.discover.store import recorded
from lineage.pseudonyms import Pseudonyms, secret_of
from sim.scenario.runner import Run
from sim.scenario.schema import FaultSpec, Scenario, step
from sim.stack.deployment import at
from sim.truth.held import Held
from sim.truth.journal import Journal
from tests.scenario.real_runs import Runs, bundled, faulty, story

pytestmark = pytest.mark.timeout(300)
# A conversation has one key for many rows; of a profile's row the key is that of another request.
TALKED = story("talked-and-trained", step("converse", turns=["What is that?", "And who built it?"]), step("enrol"),
               step("batch", job="daily_sessions"), step("train", manifest="assistant_eval"),
               step("consent", wearers=1, purpose="assistance", granted=False),
               step("train", manifest="assistant_eval"), step("ask", question="Who built it?"), wearers=3)
NAMED = {"training-refused", "consent-withdrawn", "withdrawn-and-gone", "withdrawn-second-hand",
         "fine-tune-of-a-tainted-base", "ads-learn-from-the-assistant"}
TRAINED = [one for one in bundled() if one.name in NAMED]


def wearers(scenario: Scenario) -> list[str]:
    return [f"w-{number:04d}" for number in range(1, scenario.world.wearers + 1)]


def truth_and_claim(run: Run) -> tuple[Held, Impacts, Pseudonyms]:
    lineage = json.loads((run.path / "lineage.json").read_text())
    schema = declare.declared(at(run.path / "data/deploy").configs).schema
    return (Held(Journal.read(run.path / "journal.db")), Impacts(lineage, recorded(run.path / "lineage.db"), schema),
            Pseudonyms(secret_of(str(lineage["seed"]))))


def beside_the_journal(run: Run, scenario: Scenario) -> int:
    """How many pairs of wearer and checkpoint the journal knows; each is found, and no other is said to be."""
    held, impacts, names = truth_and_claim(run)
    really = {(who, made): rows for who in wearers(scenario) for made in held.checkpoints
              if (rows := held.of(who, made).rows)}
    found = {who: impacts.of(names.of(who)) for who in wearers(scenario)}
    said = {(who, made) for who, impact in found.items() for made in held.checkpoints
            if (item := impact.of(f"checkpoint:{made}")) is not None and item.confidence == "holds"}
    assert said == set(really)
    assert not any(held.of(who, made).unclear for who, made in really)
    for who, impact in found.items():
        for made in held.checkpoints:
            item = impact.of(f"checkpoint:{made}")
            # Rows of the base are in what was made of it, and not its own.
            assert item is None or item.rows == 0 or (who, made) in really, (who, made)
    return len(really)


def test_every_named_scenario_is_there() -> None:
    assert {one.name for one in TRAINED} == NAMED


@pytest.mark.parametrize("scenario", [*TRAINED, TALKED], ids=lambda scenario: scenario.name)
def test_the_rows_of_every_checkpoint(runs: Runs, scenario: Scenario) -> None:
    assert beside_the_journal(runs.once(scenario), scenario) >= scenario.world.wearers - 3


@pytest.mark.parametrize("seed", [2, 3])
def test_with_other_seeds(runs: Runs, seed: int) -> None:
    assert beside_the_journal(runs.run(TALKED, seed), TALKED) == 5


@pytest.mark.parametrize(("kind", "given"), [
    ("drop_probe", {"asset": "checkpoint:assistant@2"}), ("drop_probe", {"asset": "warehouse:core.sessions"}),
    ("strip_context", {"method": "Logger/Append"}), ("unlink_write", {"asset": "checkpoint:assistant@2"})])
def test_with_a_gap_nothing_that_is_there_is_called_gone(runs: Runs, kind: str, given: dict[str, Any]) -> None:
    """Found all the same, or unknown."""
    scenario = faulty(story("trained", step("train", manifest="assistant_eval")), FaultSpec(kind, given, "here"))
    run = runs.once(scenario)
    assert all(fault["hits"] for fault in run.verdict["faults"])
    held, impacts, names = truth_and_claim(run)
    for who in wearers(scenario):
        assert held.of(who, "assistant@2").rows == 1
        impact = impacts.of(names.of(who))
        assert not impact.keys or impact.of("checkpoint:assistant@2") is not None, who


def test_the_store_knows_pseudonyms_and_no_names(runs: Runs) -> None:
    run = runs.once(TALKED)
    told = [one.detail for one in recorded(run.path / "lineage.db") if "subjects" in one.detail]
    assert told and all(len(subject) == 16 for one in told for subject in one["subjects"])
    assert b"w-0001" not in json.dumps(told).encode()
    other = Pseudonyms(secret_of("another seed")).of("w-0001")
    assert all(other not in one["subjects"] for one in told)
