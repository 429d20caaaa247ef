"""Each paradigm in the running stack: its characteristic miss and its characteristic false block, on one workload.

What crossed is read from the journal; a refusal alone would not show that nothing moved.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from lineage.enforce import requirement
from lineage.errors import InputError
from sim.bench import workload
from sim.bench.paradigms import NAMES, chosen, paradigms
from sim.scenario import loader, runner
from sim.truth.journal import Journal
from sim.truth.moved import moved

KNOWN = [requirement.load(path) for path in workload.KNOWN]


class Ran:
    def __init__(self, run: runner.Run) -> None:
        self.records = Journal.read(run.path / "journal.db")
        self.steps = {str(value): step["outcome"] for step in run.verdict["steps"]
                      for value in list(step["given"].values())[:1]}
        self.talked = next(step["outcome"] for step in run.verdict["steps"] if step["step"] == "converse")
        self.verdict = run.verdict["verdict"]

    def rows(self, source: str, activity: str) -> int:
        return moved(self.records, f"warehouse:{source}", activity).rows

    @property
    def prompts(self) -> int:
        """Turns of the conversation that reached inference; the second one brings the gaze."""
        return sum(record.process == "inference" and record.op == "received"
                   and record.locator == "grpc:/sightline.Inference/Converse:request" and record.bytes > 20
                   for record in self.records)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ran]:
    scenario, = loader.load(workload.CHANGING, runner.REGISTRIES)
    return {name: Ran(runner.run(scenario, paradigm=paradigm, home=tmp_path_factory.mktemp(name)))
            for name, paradigm in paradigms(KNOWN).items()}


def test_with_no_guard_every_crossing_happens(ran: dict[str, Ran]) -> None:
    """The positive control: what the others refuse would have moved."""
    control = ran["nothing"]
    assert set(control.steps.values()) == {"done"} and control.prompts == ran["zones"].prompts + 1
    for source, activity in (("core.sessions", "query:said_for_ads"), ("core.sessions", "query:copied_for_ads"),
                             ("core.sessions", "query:notes_for_ads"), ("core.profiles", "query:names_for_safety"),
                             ("core.daily_sessions", "training:ads_ranker"), ("core.sessions", "query:reviewed")):
        assert control.rows(source, activity) == 4, activity


def test_zones_miss_none_and_block_by_form(ran: dict[str, Ran]) -> None:
    zones = ran["zones"]
    assert zones.verdict == "pass"
    for activity in ("query:said_for_ads", "query:copied_for_ads", "query:notes_for_ads", "job:said_as_note"):
        assert zones.rows("core.sessions", activity) == 0
    assert zones.rows("core.profiles", "query:names_for_safety") == 0
    assert zones.rows("core.sessions", "query:reviewed") == 4
    # Over-blocked: the filter holds for every row, so nothing of what was said is in what would be kept.
    assert zones.steps["jobs/regions_where_said.sql"] == "blocked"


def test_propagation_lets_the_stream_through_and_raises_what_comes_after(ran: dict[str, Ran]) -> None:
    """Miss: a label goes along once, when the stream begins.  False block: the logger, which no gaze reaches."""
    propagation = ran["propagation"]
    assert propagation.prompts == ran["nothing"].prompts
    assert propagation.talked == "blocked"
    assert propagation.rows("core.sessions", "query:said_for_ads") == 0


def test_one_policy_mixes_the_labels_and_narrows_the_purposes(ran: dict[str, Ran]) -> None:
    """Miss: a gaze in a prompt that is governed for another reason.  False block: safety, which its owner permits."""
    one = ran["one-policy"]
    assert one.prompts == ran["nothing"].prompts and one.talked == "done"
    assert one.steps["jobs/reviewed.sql"] == "blocked" and one.rows("core.sessions", "query:reviewed") == 0
    assert one.rows("core.sessions", "query:said_for_ads") == 0


def test_checks_at_the_store_do_not_see_calls(ran: dict[str, Ran]) -> None:
    """Miss: what goes from service to service.  What is stored is judged as by zones."""
    store = ran["store"]
    assert store.prompts == ran["nothing"].prompts and store.talked == "done"
    assert {name: said for name, said in store.steps.items() if name.startswith("jobs/")} == {
        name: said for name, said in ran["zones"].steps.items() if name.startswith("jobs/")}


def test_points_miss_what_is_new_and_know_a_dataset_as_a_whole(ran: dict[str, Ran]) -> None:
    points = ran["points"]
    assert points.rows("core.sessions", "query:said_for_ads") == 0, "a listed dataset"
    assert points.rows("core.daily_sessions", "training:ads_ranker") == 0
    for activity in ("query:copied_for_ads", "query:notes_for_ads"):
        assert points.rows("core.sessions", activity) == 4, "a sink that is in no list"
    assert points.rows("core.profiles", "query:names_for_safety") == 4, "a requirement that is in no list"
    assert points.steps["jobs/regions_for_ads.sql"] == "blocked", "nobody's regions, in a listed dataset"
    assert ran["zones"].steps["jobs/regions_for_ads.sql"] == "done"
    assert points.talked == "blocked", "where somebody knew of the sink, the if stands"


def test_a_paradigm_that_there_is_not() -> None:
    with pytest.raises(InputError, match="no paradigm 'zone'") as caught:
        chosen(["zone"])
    assert caught.value.code == "PAI014"
    assert chosen(["store"]) == ("nothing", "store") and chosen([]) == NAMES == tuple(paradigms(KNOWN))


def test_the_workload_is_a_scenario_like_any_other() -> None:
    assert Path(workload.CHANGING).is_file() and all(path.is_file() for path in (*workload.KNOWN, *workload.COMING))
