"""Each fault bites, is noticed where it should be, counts its hits, and leaves nothing behind.

Two cases of each kind; with SIGHTLINE_EVERY=1 in the environment all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage.errors import InputError
from lineage.names import asset_of
from sim.cli import serving
from sim.scenario import runner
from sim.scenario.expectations import check
from sim.scenario.faults import Armed, Fault
from sim.scenario.schema import Scenario, expect, fault, step
from sim.scenario.vocabulary import FAULTS
from tests.every import EVERY
from tests.scenario.real_runs import Runs, faulty, outcome, story

CLEAN = story("faults")
WEARERS = CLEAN.world.wearers


def findings(run: runner.Run, code: str, asset: str) -> int:
    return sum(one["count"] for one in run.lineage["findings"] if one["code"] == code and one["asset"] == asset)


def missed(run: runner.Run) -> dict[tuple[str, str, str], int]:
    return {(one["emitter"], one["op"], one["asset"]): one["count"] for one in run.verdict["operations"]["missed"]}


def edges(run: runner.Run, end: str, asset: str) -> dict[tuple[str, str], str]:
    """(from, to) → confidence of the observed edges with an end at ``asset``."""
    return {(one["from"], one["to"]): one["confidence"] for one in run.lineage["edges"]
            if one["state"] == "observed" and one[end].startswith(f"{asset}#")}


def context_was_lost(run: runner.Run, clean: runner.Run) -> None:
    assert findings(run, "PAI201", "rpc:logger.Append") == WEARERS
    assert findings(clean, "PAI201", "rpc:logger.Append") == 0
    assert run.verdict["operations"]["recall"] == 1.0  # the operations are seen; what joins them is not
    keys = {row["to"]: row["count"] for row in run.lineage["edges"] if row["from"] == "web:log#utterance"
            and row["state"] == "observed"}
    assert keys["rpc:logger.Append.request#glasses_session.utterance"] == WEARERS


def storage_was_silent(run: runner.Run, clean: runner.Run) -> None:
    operations = run.verdict["operations"]
    assert operations["recall"] < 1.0 == clean.verdict["operations"]["recall"]
    assert operations["truth"] == clean.verdict["operations"]["truth"]
    assert missed(run) and {asset for _, _, asset in missed(run)} == {"warehouse:core.sessions"}
    assert missed(clean) == {}


def the_callee_was_silent(run: runner.Run, clean: runner.Run) -> None:
    assert missed(run) == {("inference", "read", "rpc:inference.Generate.request"): WEARERS}
    assert findings(run, "PAI202", "rpc:inference.Generate") == WEARERS
    assert findings(clean, "PAI202", "rpc:inference.Generate") == 0


def sources_were_lost(run: runner.Run, clean: runner.Run) -> None:
    """What the writer said before is now guessed: every field from every read, with LOW confidence."""
    said, guessed = (edges(one, "to", "logger:glasses_session") for one in (clean, run))
    assert said and set(said.values()) == {"HIGH"}
    assert set(guessed.values()) == {"LOW"} and len(guessed) > len(said)
    assert run.verdict["operations"]["recall"] == 1.0


def nothing_was_probed(run: runner.Run, clean: runner.Run) -> None:
    def probed(one: runner.Run) -> int:
        return sum("EXACT_MATCH" in row["evidence"] for row in one.lineage["edges"])

    assert probed(run) == 0 < probed(clean)
    assert run.verdict["operations"] == clean.verdict["operations"]


def the_job_is_reported(run: runner.Run, clean: runner.Run) -> None:
    assert findings(run, "PAI402", "job:sessions_copy") == 1
    assert [one["code"] for one in clean.lineage["findings"] if one["code"] == "PAI402"] == []
    assert run.verdict["steps"][-1] == {"step": "new_job", "given": {"job": "sessions_copy"}, "outcome": "done",
                                        "said": {"rows": WEARERS, "output": "core.sessions_copy"}}


def a_part_is_missing(run: runner.Run, clean: runner.Run) -> None:
    assert findings(run, "PAI206", "file:exports/daily_answers") == 1
    assert [one["code"] for one in clean.lineage["findings"] if one["code"] == "PAI206"] == []
    assert (run.verdict["steps"][-1]["said"]["written"], clean.verdict["steps"][-1]["said"]["written"]) == (3, 4)
    assert run.verdict["operations"]["recall"] == 1.0


def a_part_is_counted_once(run: runner.Run, clean: runner.Run) -> None:
    assert findings(run, "PAI206", "file:exports/daily_answers") == 0
    more = run.verdict["operations"]["truth"] - clean.verdict["operations"]["truth"]
    assert more == 2 and run.verdict["operations"]["recall"] == 1.0  # a read and a write
    assert run.lineage["edges"] == clean.lineage["edges"]


def it_went_around(run: runner.Run, clean: runner.Run) -> None:
    """Nothing that was said is missing; what was not said is a gap at the service's own line."""
    assert run.verdict["operations"] == clean.verdict["operations"]
    gaps = [one for one in run.lineage["findings"] if one["code"] == "PAI215"]
    assert gaps and {one["asset"] for one in gaps} <= {"rpc:logger", "rpc:web"}
    assert all(" outside every operation: services." in one["what"] for one in gaps)
    assert [one for one in clean.lineage["findings"] if one["code"] == "PAI215"] == []


def the_field_is_dropped(run: runner.Run, clean: runner.Run) -> None:
    """Unlabelled, so it stops at the logger; the events do not."""
    assert findings(run, "PAI210", "logger:glasses_session#mood") == WEARERS
    assert ("rpc:logger.Append.request#glasses_session.mood", "logger:glasses_session#mood") not in edges(
        run, "to", "logger:glasses_session")
    assert edges(run, "to", "warehouse:core.sessions") == edges(clean, "to", "warehouse:core.sessions")


def the_drift_is_reported(run: runner.Run, clean: runner.Run) -> None:
    assert findings(run, "PAI404", "logger:glasses_session#mood") == WEARERS
    assert [one for one in clean.lineage["findings"] if one["code"] == "PAI404"] == []
    assert ("rpc:logger.Append.request#glasses_session.mood", "logger:glasses_session#mood") in edges(
        run, "to", "logger:glasses_session")


def the_event_is_a_dead_letter(run: runner.Run, clean: runner.Run) -> None:
    assert findings(run, "PAI041", "logger:dead_letter.glasses_session") == 1
    arrived = [one["count"] for one in run.lineage["edges"] if one["state"] == "observed"
               and one["to"] == "warehouse:core.sessions#utterance"]
    assert arrived == [WEARERS - 1]
    assert run.verdict["operations"]["recall"] == 1.0 and run.verdict["operations"]["invented"] == 0


def the_boundary_holds(run: runner.Run, clean: runner.Run) -> None:
    """The app's guard refused before anything left; without it web refuses what arrived, and nobody is answered."""
    def refused(one: runner.Run) -> set[tuple[str, str]]:
        return {(told["where"], asset_of(name)) for told in one.lineage["decisions"] if told["verdict"] == "blocked"
                for name in told["inputs"]}

    assert refused(clean) == {("guard", "device:glasses")} and refused(run) == {("boundary", "web:ask")}
    assert [one.verdict["steps"][-1]["outcome"] for one in (clean, run)] == ["blocked", "blocked"]
    assert len(run.answers) == len(clean.answers) == WEARERS


def the_change_is_reported(run: runner.Run, clean: runner.Run) -> None:
    """The flow into the answer, and the use of where somebody stood."""
    assert findings(run, "PAI405", "warehouse:core.daily_sessions#answer") == 1
    assert findings(run, "PAI405", "warehouse:core.sessions#location") == 1
    assert sum(one["code"] == "PAI405" for one in run.lineage["findings"]) == 2
    assert [one for one in clean.lineage["findings"] if one["code"] == "PAI405"] == []


def the_run_is_reported(run: runner.Run, clean: runner.Run) -> None:
    """The use of where each row comes from; the run says of itself what it has read, whatever was declared."""
    assert findings(run, "PAI405", "warehouse:core.daily_sessions#region") == WEARERS
    assert [one for one in clean.lineage["findings"] if one["code"] == "PAI405"] == []
    assert [(one["from"], one["state"]) for one in run.lineage["edges"] if one["to"] == "training:assistant_eval"
            and one["from"] == "warehouse:core.daily_sessions#region"] == [
                ("warehouse:core.daily_sessions#region", "observed")]
    assert steps_of(run)[-1] == steps_of(clean)[-1] == ("done", "")


def steps_of(run: runner.Run) -> list[tuple[str, str]]:
    return [(one["outcome"], one["said"].get("code", "")) for one in run.verdict["steps"][2:]]


def refused(code: str, at: str = "") -> Callable[[runner.Run, runner.Run], None]:
    """The last step is, and by the clean run's it need not have been; where claims were wrong, that is counted."""

    def shows(run: runner.Run, clean: runner.Run) -> None:
        assert steps_of(run)[-1] == ("blocked", code) and steps_of(clean)[-1][0] == "done"
        assert not at or findings(run, code, at) == 1
        assert not [one for one in clean.lineage["findings"] if one["code"].startswith("PAI31")]

    return shows


MOOD = {"category": "glasses_session", "field": "mood", "from": "utterance", "table": "logger/tables/sessions.sql"}


class Case(NamedTuple):
    given: dict[str, Any]
    hits: int
    shows: Callable[[runner.Run, runner.Run], None]
    clean: Scenario = CLEAN


# Every question is asked, also when one is refused or fails.
GOES_ON = replace(story("faults-in-a-zone"), steps=(step("ask", question="What is that building?", go_on=True),
                                                    step("flush")))


def nothing_was_quoted(run: runner.Run, clean: runner.Run) -> None:
    """The place of each failure is kept, the text that quotes the wearer is refused."""
    assert (run.path / "data/debug/web.places").read_text().count("PAI031") == WEARERS
    assert not (run.path / "data/debug/web.traces").exists() and not (clean.path / "data/debug").exists()
    assert run.verdict["steps"][0]["said"]["not answered"] == {"PAI031": WEARERS}
    assert [one["code"] for one in run.lineage["decisions"] if one["verdict"] == "blocked"] == ["PAI302"]


def the_rank_was_refused(run: runner.Run, clean: runner.Run) -> None:
    assert run.verdict["steps"][0]["outcome"] == "blocked" and clean.verdict["steps"][0]["outcome"] == "done"
    assert run.verdict["steps"][-1] == {"step": "flush", "given": {}, "outcome": "done", "said": {"delivered": 0}}
    assert [one["code"] for one in run.lineage["decisions"] if one["verdict"] == "blocked"] == ["PAI302"]


def it_was_learnt_unseen(run: runner.Run, clean: runner.Run) -> None:
    """The model is another; lineage and the journal are as they were."""
    learnt, without = (one.verdict["steps"][-1]["said"] for one in (run, clean))
    assert learnt["rows"] == without["rows"] + WEARERS and learnt["digest"] != without["digest"]
    assert run.lineage["edges"] == clean.lineage["edges"] and run.verdict["operations"] == clean.verdict["operations"]


LEARNT = story("faults-of-training", step("train", manifest="manifests/city_ads.yaml"))
REFUSED = story("faults-of-callers", step("require", requirement="requirements/later/interactions-safety-only.yaml"),
                step("ask", question="And what is this?", go_on=True))
EXPORT = story("faults-of-workers", step("export", export="daily_answers"))


ATTEMPT = story("faults-of-identity", step("attempt", question="And this?", wearers=1))
# A job for each of the two verdicts that training needs for the first checkpoints, and one more.
AGAIN = story("faults-of-policy", *[step("invoke", **{"as": "operator", "job": "daily_sessions"})] * 2)
TRAINED = story("faults-of-clocks", step("invoke", **{"as": "operator", "manifest": "assistant_eval"}))
CUT_SHORT = story("faults-of-training", step("train", manifest="assistant_eval", go_on=True))


def nothing_is_half_made(run: runner.Run, clean: runner.Run) -> None:
    assert run.verdict["steps"][-1]["said"] == {"code": "PAI033"}
    assert not list((run.path / "data/checkpoints/assistant@2").iterdir())
    assert len(list((clean.path / "data/checkpoints/assistant@2").iterdir())) == 2


KILLED = story("faults-of-processes", step("train", manifest="assistant_eval", go_on=True),
               step("restart", service="training"))


def it_was_killed_over_the_weights(run: runner.Run, clean: runner.Run) -> None:
    """A process of its own, killed and started again: of its files nothing is left, of its signals nothing lost."""
    assert (steps_of(run)[0], steps_of(clean)[0][0]) == (("failed", "PAI031"), "done")
    assert run.verdict["steps"][-1]["said"] == {"started": True}
    assert not list((run.path / "data/checkpoints/assistant@2").iterdir())
    assert {path.name for path in (run.path / "logs").iterdir()} == {"training.log", "training-again-1.log"}
    assert [one["code"] for one in run.lineage["findings"] if one["code"] == "PAI203"] == []
    assert {one["from"] for one in run.lineage["edges"] if one["to"] == "training:assistant_eval"} == {
        one["from"] for one in clean.lineage["edges"] if one["to"] == "training:assistant_eval"}


APPEND = {"method": "Logger/Append", "after": 2}

# Every registered fault, and what anybody can see of it.
CASES: dict[str, list[Case]] = {
    "strip_context": [Case({"method": "Logger/Append"}, WEARERS, context_was_lost)],
    "drop_probe": [Case({"asset": "warehouse:core.sessions"}, 2, storage_was_silent),
                   Case({"asset": "rpc:inference.Generate.request"}, WEARERS, the_callee_was_silent)],
    # Besides the events, the queue's mark of what was delivered names its sources: none.
    "unlink_write": [Case({"asset": "logger:glasses_session"}, WEARERS + 1, sources_were_lost)],
    # None of the requests is looked at.
    "sample_probes": [Case({"rate": 0.0}, WEARERS, nothing_was_probed)],
    "worker": [Case({"part": 2, "does": "dies"}, 1, a_part_is_missing, EXPORT),
               Case({"part": 1, "does": "repeats"}, 1, a_part_is_counted_once, EXPORT)],
    "side_channel": [Case({"asset": "logger:glasses_session", "to": "file", "times": 1}, 1, it_went_around),
                     Case({"asset": "logger:glasses_session", "to": "database", "times": 1}, 1, it_went_around),
                     Case({"asset": "rpc:logger.Append", "to": "socket", "service": "web"}, WEARERS, it_went_around)],
    "logger_field_added": [
        Case({**MOOD, "config": "logger/glasses_session.unlabelled.yaml"}, WEARERS, the_field_is_dropped),
        Case({**MOOD, "config": "logger/glasses_session.mood.yaml", "declared": False}, WEARERS,
             the_drift_is_reported)],
    "bad_events": [Case({"category": "glasses_session", "field": field, "how": how, "times": 1}, 1,
                        the_event_is_a_dead_letter)
                   for field, how in (("utterance", "wrong_type"), ("wearer", "missing"), ("answer", "not_utf8"),
                                      ("utterance", "too_long"), ("unheard_of", "unknown_field"))],
    "changed_sql": [Case({"job": "daily_sessions", "sql": "jobs/daily_sessions_changed.sql"}, 2,
                         the_change_is_reported)],
    # The weights, and what the run says of itself.
    "changed_manifest": [Case({"manifest": "assistant_eval",
                               "by": "manifests/changed/assistant_eval_with_region.yaml"}, 2, the_run_is_reported,
                              CUT_SHORT)],
    "crash": [Case({"method": "Inference/Generate"}, WEARERS, nothing_was_quoted, GOES_ON)],
    "labelled_branch": [Case({"category": "ranks", "when": "building", "config": "logger/ranks.yaml",
                              "table": "logger/tables/ranks.sql"}, WEARERS, the_rank_was_refused, GOES_ON)],
    "strip_claims": [Case(APPEND, 1, refused("PAI314", "rpc:logger.Append"), ATTEMPT)],
    "forge_claims": [Case({**APPEND, "how": how}, 1, refused(code, "rpc:logger.Append"), ATTEMPT)
                     for how, code in (("signature", "PAI311"), ("purpose", "PAI311"), ("own key", "PAI311"),
                                       ("unsigned", "PAI314"))],
    # The warehouse's one verdict is the batch's.
    "policy_away": [Case({"after": 2}, 1, refused("PAI305"), AGAIN)],
    # Ahead, behind: claims have ended, or are of the future.
    "clock_skew": [Case({"service": "training", "seconds": seconds}, 1, refused("PAI312"), TRAINED)
                   for seconds in (-60, 1000)],
    # What is read from the glasses, and the call, of each.
    "bypass_guard": [Case({"service": "app"}, 2 * WEARERS, the_boundary_holds, REFUSED)],
    "hidden_read": [Case({"corpus": "landmarks", "table": "core.daily_sessions", "from": "utterance", "to": "answer"},
                         1, it_was_learnt_unseen, LEARNT)],
    # One job between a run's gate and its read; one withdrawal before it registers; and no room for its manifest.
    "meanwhile": [Case({"service": "training", "before": "Warehouse/Read", "job": "daily_sessions"}, 1,
                       refused("PAI332"), TRAINED),
                  Case({"service": "training", "before": "Policy/Recheck", "withdraw": ["w-0001"],
                        "purpose": "assistance"}, 1, refused("PAI334"), TRAINED)],
    "disk_full": [Case({"path": "checkpoints/assistant@2/manifest.json"}, 1, nothing_is_half_made, CUT_SHORT)],
    "kill": [Case({"service": "training", "writing": "checkpoints/assistant@2/weights.safetensors", "times": 1}, 1,
                  it_was_killed_over_the_weights, KILLED)],
    "new_job": [Case({"job": "sessions_copy"}, 1, the_job_is_reported)],
}


def test_every_fault_has_a_case() -> None:
    assert set(CASES) == {entry.name for entry in FAULTS}


def test_a_process_of_its_own_knows_every_fault() -> None:
    """It imports the modules that enter them, not the whole vocabulary."""
    known = {one.__name__ for one in vars(serving).values() if isinstance(one, ModuleType)} | {Armed.__module__}
    assert {entry.make.__module__ for entry in FAULTS} <= known


@pytest.mark.parametrize(("kind", "case"), [(kind, case) for kind, cases in CASES.items()
                                             for case in (cases if EVERY else cases[:2])],
                         ids=lambda one: one if isinstance(one, str) else "-".join(map(str, one.given.values())))
def test_it_bites_and_leaves_nothing_behind(kind: str, case: Case, runs: Runs) -> None:
    clean = runs.once(case.clean)
    bitten = runs.run(faulty(case.clean, fault(kind, **case.given)))
    assert bitten.verdict["faults"] == [{"fault": kind, "given": case.given, "hits": case.hits}]
    case.shows(bitten, clean)
    assert outcome(bitten) != outcome(clean)
    if EVERY or case is CASES[kind][0]:
        assert outcome(runs.run(case.clean)) == outcome(clean)


def test_one_that_never_fires_makes_the_run_unknown(runs: Runs) -> None:
    clean = runs.once(CLEAN)
    assert clean.verdict["verdict"] == "pass"
    for never in (fault("strip_context", method="Nobody/Calls"), fault("drop_probe", asset="warehouse:core.nothing"),
                  fault("unlink_write", asset="warehouse:core.nothing")):
        run = runs.run(faulty(CLEAN, never))
        assert run.verdict["faults"][0]["hits"] == 0
        assert [one["verdict"] for one in run.verdict["expectations"]] == ["pass"]
        assert run.verdict["verdict"] == "unknown"
        assert run.lineage == clean.lineage


def test_one_of_several_that_never_fires_is_enough(runs: Runs) -> None:
    run = runs.run(faulty(CLEAN, fault("unlink_write", asset="logger:glasses_session"),
                          fault("strip_context", method="Logger/Append", after=1000)))
    assert [one["hits"] for one in run.verdict["faults"]] == [WEARERS + 1, 0]
    assert run.verdict["verdict"] == "unknown"


def test_after_and_times_choose_the_opportunities(runs: Runs) -> None:
    four = story("four", wearers=4)
    run = runs.run(faulty(four, fault("strip_context", method="Logger/Append", after=1, times=2)))
    assert [one["hits"] for one in run.verdict["faults"]] == [2]
    assert findings(run, "PAI201", "rpc:logger.Append") == 2


def test_times_is_a_limit_in_each_service_unless_one_is_named(runs: Runs) -> None:
    """The app calls web:ask and the web service reads it: two opportunities at one asset, in two services."""
    run = runs.run(faulty(CLEAN, fault("drop_probe", asset="web:ask", times=1)))
    assert [one["hits"] for one in run.verdict["faults"]] == [2]
    run = runs.run(faulty(CLEAN, fault("drop_probe", asset="web:ask", times=1, service="web")))
    assert [one["hits"] for one in run.verdict["faults"]] == [1]
    assert run.verdict["operations"]["missed"] == [
        {"emitter": "web", "op": "read", "asset": "web:ask", "count": 1}]


def test_the_verdict_of_a_missed_operation(runs: Runs) -> None:
    complete = expect("discover", "complete", operations=1.0, invented=0)
    run = runs.run(faulty(story("incomplete", expected=[complete]),
                          fault("drop_probe", asset="warehouse:core.sessions")))
    assert run.verdict["verdict"] == "fail"
    truth = run.verdict["operations"]["truth"]
    assert f"{truth - 2} of {truth}" in run.verdict["expectations"][0]["saw"]


def test_a_job_that_is_not_there_is_refused_with_its_place(runs: Runs) -> None:
    scenario = faulty(story("absent-job"), fault("new_job", job="no_such_job"))
    with pytest.raises(InputError) as caught:
        runs.run(scenario)
    assert caught.value.code == "PAI012" and "no_such_job" in caught.value.what
    assert caught.value.where.startswith("tests/scenario/test_faults.py:")
    assert list(runs.folder.glob("absent-job/*")) == []


def test_what_is_not_deployed_cannot_be_changed(runs: Runs) -> None:
    for kind, changed in (("changed_sql", {"job": "none", "sql": "jobs/daily_sessions_changed.sql"}),
                          ("changed_manifest", {"manifest": "none", "by": "manifests/city_ads.yaml"})):
        with pytest.raises(InputError, match=r"none.* is deployed, so it cannot be changed"):
            runs.run(faulty(story("absent-change"), fault(kind, **changed)))


@given(st.integers(0, 30), st.none() | st.integers(0, 10), st.none() | st.integers(1, 10))
def test_the_count_of_hits(opportunities: int, after: int | None, times: int | None) -> None:
    given_ = {key: value for key, value in (("after", after), ("times", times)) if value is not None}
    one = Fault(given_)
    fired = [one.fires() for _ in range(opportunities)]
    first, most = after or 0, opportunities if times is None else times
    assert [index for index, hit in enumerate(fired) if hit] == list(range(first, opportunities))[:most]
    assert one.hits == sum(fired)


@settings(max_examples=25)
@given(st.lists(st.sampled_from(["/sightline.Logger/Append", "/sightline.Logger/Flush", "/sightline.Other/Append"]),
                max_size=8))
def test_the_context_is_stripped_from_the_named_method_alone(methods: list[str]) -> None:
    armed = Armed([fault("strip_context", method="Logger/Append")])
    metadata = (("traceparent", "00-1-2-01"), ("sightline-policy-bin", b"x"), ("other", "kept"))
    for method in methods:
        left = armed.outgoing(method, metadata)
        assert left == (metadata[1:] if method.endswith("Logger/Append") else metadata)
    assert armed.hits() == [methods.count("/sightline.Logger/Append")]
    assert Armed([fault("strip_context", method="Logger/Append")]).hits() == [0]


def test_a_killed_process_goes_on_from_what_its_faults_have_seen() -> None:
    given_ = {"service": "training", "writing": "a/*", "after": 1, "times": 1}
    armed, again = Armed([fault("kill", **given_)]), Armed([fault("kill", **given_)])
    files = ["b/x", "a/x", "a/y", "a/z"]
    assert [armed.kills("training", file) for file in files] == [False, False, True, False]
    again.resume(armed.seen())
    assert again.hits() == [1] and not any(again.kills("training", file) for file in files)
    assert not any(Armed([fault("kill", **given_)]).kills("web", file) for file in files)
    with pytest.raises(InputError, match="trainin"):
        Armed([fault("kill", service="trainin", writing="a/*")])


def test_without_fault_nothing_is_armed() -> None:
    armed = Armed([])
    assert armed.extensions == [] and armed.hits() == []
    assert armed.outgoing("/sightline.Logger/Append", (("traceparent", "x"),)) == (("traceparent", "x"),)


def test_what_was_noticed_can_be_expected(runs: Runs) -> None:
    """The gap of scenario 8, looked for in a run that lost nothing: the expectation must not hold there."""
    lost = runs.run(faulty(CLEAN, fault("strip_context", method="Logger/Append")))
    gap = {"at": "rpc:logger.Append", "code": "PAI201"}
    for run, verdict in ((lost, "pass"), (runs.once(CLEAN), "fail")):
        history = runner.History(run.lineage, run.verdict["operations"], lambda source, activity: (0, False), [])
        assert check(history, "gap", gap).verdict == verdict


@pytest.mark.parametrize("counts", [{"after": -1}, {"times": 0}])
def test_counts_that_mean_nothing_are_refused(counts: dict[str, int]) -> None:
    with pytest.raises(InputError, match="at least"):
        Fault(counts)
