"""The comparison of paradigms: what counts as missed, what as refused for nothing, and the shape of the report."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from lineage.enforce import requirement
from sim.bench import workload
from sim.bench.paradigms import NAMES, paradigms
from sim.cli.main import main
from sim.load import comparing, guarding, swayed
from sim.load.weighing import COUNTS, Seen, judged
from sim.scenario.schema import Scenario, Step
from sim.truth.record import Record
from sim.truth.reference.account import Account, Item

REQUEST = "rpc:inference.Converse.request"
# A flow that happened where nobody guarded it, and an attempt.
_FLOW = "device:neural_band#emg → web:overlay"
EMG = Item(_FLOW, "flow", "missed", ("n@1",), (_FLOW,), 1)
QUERY = Item("query:q", "job", "missed", ("g@1",), ("warehouse:core.sessions#utterance",), 4)


def seen(*items: Item, gaze: Sequence[str] = ()) -> Seen:
    return Seen((), Account(items), frozenset(gaze))


def refusal(source: str, sink: str, verdict: str = "blocked") -> Item:
    return Item(source, "refusal", verdict, ("g@1",), (f"{source} → {sink}",))  # type: ignore[arg-type]


CONTROL = seen(EMG, QUERY, gaze=[REQUEST])


def test_the_control_misses_everything() -> None:
    found = judged(CONTROL, CONTROL, 5)
    assert found.counts["missed"] == 3 and found.counts["blocked"] == 0 and found.counts["decisions"] == 5
    assert [one["attempt"] for one in found.items] == [EMG.attempt, "query:q", f"{swayed.GAZE} → {REQUEST}"]


def test_a_refusal_is_held_against_what_came_there_without_a_guard() -> None:
    # What was on its way, refused a field earlier or at the asset; and the gaze, wherever it was stopped.
    explained = seen(refusal("device:neural_band#emg", "web:overlay#gesture"), refusal(swayed.GAZE, "web:dialogue"))
    counts = judged(explained, CONTROL, 0).counts
    assert (counts["blocked"], counts["influence"], counts["missed"]) == (2, 0, 0)
    # The gaze came to its prompt all the same: what was refused of it elsewhere was for nothing.
    late = judged(seen(refusal(swayed.GAZE, "logger:glasses_session"), gaze=[REQUEST]), CONTROL, 0)
    assert (late.counts["missed"], late.counts["influence"], late.counts["blocked"]) == (1, 1, 0)
    assert [one["verdict"] for one in late.items] == ["missed", "influence"]
    # Nothing of a location was on its way anywhere.
    idle = judged(seen(refusal("web:ask#location", "rpc:logger.Append.request")), CONTROL, 0).counts
    assert (idle["influence"], idle["blocked"]) == (1, 1), "and the gaze was stopped by whatever stopped it"


def test_what_only_a_label_forbids_is_blocked_for_nothing_and_missed_by_nobody() -> None:
    control = Seen((), Account((QUERY,)), idle=frozenset({"query:q"}))
    assert judged(control, control, 0).counts["missed"] == 0
    blocked = judged(seen(Item("query:q", "job", "blocked", ("g@1",))), control, 0).counts
    assert (blocked["influence"], blocked["blocked"]) == (1, 0)


def test_a_refusal_that_no_requirement_asks_for_is_another_matter() -> None:
    counts = judged(seen(Item("query:q", "job", "rule_false_blocks")), CONTROL, 0).counts
    assert (counts["rule"], counts["influence"]) == (1, 0)


def received(size: int, locator: str = "grpc:/sightline.Inference/Converse:request") -> Record:
    return Record("inference", 1, "received", locator, {}, 1, size)


def test_what_differs_was_swayed() -> None:
    assert swayed.swayed([received(40), received(50)], [received(40), received(51)]) == {REQUEST}
    assert swayed.swayed([received(40)], [received(40)]) == set()
    assert swayed.swayed([received(40)], []) == {REQUEST}


def test_another_gaze() -> None:
    talk = Step("converse", {"turns": ["What?", {"say": "And that?", "gaze": "left"}], "wearers": 1})
    other = swayed.other_gaze(Scenario("x", "enforce", steps=(talk, Step("flush"))))
    assert other is not None and other.steps[0].given["turns"] == ["What?", {"say": "And that?", "gaze": "ahead"}]
    assert swayed.other_gaze(Scenario("x", "enforce", steps=(Step("flush"),))) is None


def test_cost_is_told_beside_the_stack_without_a_guard() -> None:
    parts = ("served_us", "called_us", "read_us", "decided_us")
    samples = {"nothing": {part: [10.0, 20.0] for part in parts}, "zones": {part: [11.0, 21.0] for part in parts},
               guarding.AGAIN: {part: [10.0, 20.0] for part in parts}}
    told = guarding.report(samples, 100)
    assert told == {"zones": {"added_cpu_us": [3.0, 3.0, 3.0], **{part: [1.0, 1.0, 1.0] for part in parts}, "rounds": 2,
                              "operations": 200},
                    guarding.AGAIN: {"added_cpu_us": [0.0, 0.0, 0.0], **{part: [0.0, 0.0, 0.0] for part in parts},
                                     "rounds": 2, "operations": 200}}


def test_every_guard_can_be_timed() -> None:
    known = [requirement.load(path) for path in workload.KNOWN]
    told = guarding.measure(paradigms(known), rounds=2, operations=20)
    assert set(told) == {*NAMES, guarding.AGAIN} - {"nothing"}
    for one in told.values():
        assert one["rounds"] == 2 and one["operations"] == 40
        assert one["added_cpu_us"][1] <= one["added_cpu_us"][0] <= one["added_cpu_us"][2]


@pytest.mark.timeout(240)
def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["bench", "paradigms", "--changing", "--only", "zones", "--only", "points", "--rounds", "0", "--json"])
    assert ended.value.code == 0
    report = json.loads(capsys.readouterr().out)
    assert report["crossings"] == 6 and "own" in report["comparison"] and report["control"] is None
    assert list(report["paradigms"]) == sorted({"nothing", "zones", "points"})
    for name, one in report["paradigms"].items():
        assert set(one) == {"published", "here", *COUNTS, "decisions", "cost", "edits", "items"}
        assert set(one["edits"]) == set(comparing.changes()) and one["cost"] is None
        assert one["missed"] == sum(item["verdict"] == "missed" for item in one["items"])
        assert report["scenarios"][0][name]["missed"] == one["missed"]
    zones, points = report["paradigms"]["zones"], report["paradigms"]["points"]
    assert zones["missed"] == zones["rule"] == 0 and zones["blocked"] == 6
    assert {item["attempt"] for item in points["items"] if item["verdict"] == "missed"} >= {
        "query:copied_for_ads", "job:said_as_note", "query:names_for_safety"}
    assert [item["attempt"] for item in zones["items"]] == ["job:regions_where_said"], "in form only"
    assert [item["attempt"] for item in points["items"] if item["verdict"] == "rule"] == ["query:regions_for_ads"]


def test_the_bundled_scenarios_are_those_that_run_in_one_process() -> None:
    names = [one.name for one in comparing.bundled()]
    assert "changing-workload" in names and "laundered-through-a-table" in names
    assert "use-without-a-write" not in names, "an export's workers are processes of their own"


def test_bad_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["bench", "paradigms", "--only", "zone", "--json"])
    assert ended.value.code == 2 and json.loads(capsys.readouterr().out)["error"]["code"] == "PAI014"
