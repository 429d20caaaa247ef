"""Training runs, judged by what they really took: columns that were left out, what is in a checkpoint however many
steps below, a table that changes between the gate and the read, consent that is taken back before a checkpoint
registers.

Each kind is told in a journal where it was refused, in one where it was not, and in one where nothing asks for it.
"""

from __future__ import annotations

import sqlite3
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.truth.message import person
from sim.truth.record import Record
from sim.truth.reference import labels as monitor_labels
from sim.truth.reference import monitor
from sim.truth.reference import rules as monitor_rules
from sim.truth.reference.attempts import Construction
from sim.truth.reference.decisions import agreement
from tests.truth.made_rule import GOVERNS_A

RULE = GOVERNS_A + """\
permit: {purposes: [assistance], consent: [assistance]}
"""
TABLES = """\
-- subject: wearer
CREATE TABLE core.s (
  said TEXT,  -- user.utterance A
  day TEXT    -- operational:date
);
CREATE TABLE core.open (
  said TEXT   -- operational:note
);
"""
S, OPEN = {"table": "core.s", "columns": ["said", "day"]}, {"table": "core.open", "columns": ["said"]}
WARE, TRAIN = "grpc:/sightline.Warehouse", "grpc:/sightline.Training/Train"


class Run(NamedTuple):
    """``reads``: (table, columns, wearers); ``weights``, ``teachers``: checkpoints; ``makes``: the one that registers;
    ``written``, ``gone``: a table that changes before the read, a wearer who withdraws after it; ``early``: one who
    does so between the gate and the read ("w1+": who consents then)."""

    name: str
    inputs: list[dict[str, Any]]
    purpose: str = "assistance"
    reads: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = ()
    weights: tuple[str, ...] = ()
    teachers: tuple[str, ...] = ()
    makes: str = ""
    code: str = ""
    written: str = ""
    gone: str = ""
    early: str = ""


class Story:
    """Puts down the journal of runs, one after another, and what the operator sent."""

    def __init__(self, *apart: str) -> None:
        self.records: list[Record] = []
        self.sent: list[dict[str, Any]] = []
        self.steps: list[dict[str, Any]] = []
        self._apart, self._at = apart, 0

    def add(self, process: str, op: str, locator: str, rows: int = 0, **detail: Any) -> None:
        self._at += 1
        # A process of its own knows no numbers of the others.
        detail |= {"at": self._at} if process not in self._apart else {}
        self.records.append(Record(process, self._at, op, locator, detail, rows, 0))  # type: ignore[arg-type]

    def asks(self, wearer: str) -> None:
        self.add("warehouse", "received", f"{WARE}/Append:request", 1, of=[[f"key-{wearer}", person(wearer)]])

    def withdraws(self, wearer: str, *, granted: bool = False, sent: bool = True) -> None:
        """``sent``: by the operator, in a step of its own; else by somebody, while something goes on."""
        if sent:
            self.sent.append({"step": len(self.steps), "service": "policy", "method": "Consent",
                              "request": {"wearer": wearer, "purpose": "assistance", "granted": granted}})
            self.steps.append({"step": "consent", "given": {}, "outcome": "done", "said": {}})
        self.add("policy", "received", "grpc:/sightline.Policy/Consent:request", whose=person(wearer),
                 purpose="assistance", granted=granted)

    def train(self, run: Run) -> Story:
        call = len(self.sent) + 1
        text = repr({"name": run.name, "purpose": run.purpose, "inputs": run.inputs})
        self.sent.append({"step": len(self.steps), "service": "training", "method": "Train",
                          "request": {"manifest": text}})
        self.steps.append({"step": "train", "given": {}, "outcome": "blocked" if run.code else "done",
                           "said": {"code": run.code}})
        self.add("training", "received", f"{TRAIN}:request", call=call)
        asked = [item["table"] for item in run.inputs if "table" in item]
        for table in asked:
            self.add("warehouse", "received", f"{WARE}/Describe:request", call=self._at, table=table)
            self.add("warehouse", "sent", f"{WARE}/Describe:response", call=self._at - 1)
        if run.early:
            self.withdraws(run.early.removesuffix("+"), granted=run.early.endswith("+"), sent=False)
            self.add("training", "sent", f"{WARE}/Read:request", within=call, table="core.s")
        if run.written:
            self.add("warehouse", "write", f"sql:{run.written}", 3, columns=["said"], statement=self._at)
        if run.reads or run.written:
            for table in asked:
                self.add("training", "sent", f"{WARE}/Read:request", within=call, table=table)
                self.add("warehouse", "received", f"{WARE}/Read:request", table=table, activity=f"training:{run.name}")
        for table, columns, wearers in run.reads:
            self.add("training", "received", f"{WARE}/Read:response", len(wearers), within=call, schema=table,
                     columns=list(columns), of=[[f"key-{one}", ""] for one in wearers])
        for one in run.weights:
            self.add("training", "read", f"file:checkpoints/{one}/weights.safetensors", within=call)
        for one in run.teachers:
            self.add("training", "received", "grpc:/sightline.Inference/Generate:response", within=call, checkpoint=one)
        if run.gone:
            self.withdraws(run.gone, sent=False)
            self.add("training", "received", "grpc:/sightline.Policy/Recheck:response", within=call)
        if run.makes:
            for file in ("weights.safetensors", "manifest.json"):
                self.add("training", "write", f"file:checkpoints/{run.makes}/{file}", within=call)
        if not run.code:
            self.add("training", "sent", f"{TRAIN}:response", call=call)
        return self

    def told(self, deploy: Path, snapshots: Path = Path("no such folder")) -> monitor.Account:
        given = Construction(self.steps, self.sent, deploy, day="2026-01-05", snapshots=snapshots)
        records = sorted(self.records, key=lambda one: (one.process, one.n))
        return monitor.account(records, monitor_rules.read_all(deploy / "requirements"),
                               monitor_labels.deployed(deploy), [], given)


def deployed(folder: Path) -> Path:
    for name, file, text in (("tables", "s.sql", TABLES), ("requirements", "r.yaml", RULE)):
        (folder / name).mkdir()
        (folder / name / file).write_text(text)
    return folder


@pytest.fixture
def deploy(tmp_path: Path) -> Path:
    return deployed(tmp_path)


def verdicts(found: monitor.Account, name: str = "") -> list[tuple[str, str]]:
    """(kind, verdict) of the attempts of a run."""
    return [(one.kind, one.verdict) for one in found.items if not name or one.attempt == f"training:{name}"]


LEARNT = Run("base", [S], reads=(("core.s", ("said", "day"), ("w1", "w2")),), makes="assistant@1")
CLEAN = Run("open", [OPEN], reads=(("core.open", ("said",), ("w1",)),), makes="assistant@1")


@pytest.mark.parametrize(("columns", "expected"), [
    (("day",), [("training", "allowed"), ("left out", "blocked")]),
    (("said", "day"), [("training", "missed")]),
    (("said",), [("training", "missed")])])
def test_a_remedied_run_is_judged_by_the_columns_that_it_was_really_sent(deploy: Path, columns: tuple[str, ...],
                                                                         expected: list[tuple[str, str]]) -> None:
    found = Story().train(Run("m", [S], "safety", (("core.s", columns, ("w1",)),), makes="m@1")).told(deploy)
    assert verdicts(found) == expected
    assert found.to_dict()["missed"] == (1 if ("training", "missed") in expected else 0)


def test_what_was_left_out_is_the_other_table_where_one_stands_in_its_place(deploy: Path) -> None:
    run = Run("m", [S], "safety", (("core.open", ("said",), ("w1",)),), makes="m@1")
    found = Story().train(run).told(deploy)
    assert verdicts(found) == [("training", "allowed"), ("left out", "blocked")]
    assert found.of("blocked")[0].forbidden == ("warehouse:core.s#said",)


@pytest.mark.parametrize(("first", "took", "code", "verdict"), [
    (LEARNT, False, "PAI301", "blocked"), (LEARNT, True, "", "missed"),
    (CLEAN, True, "", "allowed"), (CLEAN, False, "PAI301", "rule_false_blocks")])
@pytest.mark.parametrize("key", ["checkpoint", "answers_of"])
def test_a_base_or_a_teacher_is_what_it_was_made_of(deploy: Path, first: Run, took: bool, code: str, verdict: str,
                                                    key: str) -> None:
    """Of a teacher the answer has a label of its own, by its contract: this rule does not govern it."""
    used = ("assistant@1",) if took else ()
    weights, teachers = (used, ()) if key == "checkpoint" else ((), used)
    run = Run("ads", [{key: "assistant", "prompts": {"corpus": "x"}}], "ads", (), weights, teachers,
              "ads@1" if took else "", code)
    assert verdicts(Story().train(first).train(run).told(deploy), "ads") == [("training", verdict)]


def test_the_newest_is_the_newest_by_then_and_a_version_is_just_that(deploy: Path) -> None:
    story = Story().train(CLEAN).train(Run("next", [S], reads=LEARNT.reads, makes="assistant@2"))
    for name, base in (("newest", "assistant"), ("first", "assistant@1"), ("second", "assistant@2")):
        story.train(Run(name, [{"checkpoint": base}], "ads", code="PAI301"))
    found = story.told(deploy)
    assert [verdicts(found, name)[0][1] for name in ("newest", "first", "second")] == [
        "blocked", "rule_false_blocks", "blocked"]


@settings(max_examples=10)
@given(st.lists(st.tuples(st.sampled_from([None, "core.s", "core.open"]), st.integers(-1, 5), st.booleans()),
                min_size=1, max_size=6))
def test_whatever_lies_below_a_checkpoint_is_in_it(steps: list[tuple[str | None, int, bool]]) -> None:
    """Of any chain of runs: ads may begin with a checkpoint just where no way down leads to the governed table."""
    story, below = Story(), list[set[str]]()
    for number, (table, base, teaches) in enumerate(steps):
        other = base if 0 <= base < number else -1
        below.append({table} - {None} | (below[other] if other >= 0 else set()))  # type: ignore[arg-type]
        uses = (f"m{other}@1",) if other >= 0 else ()
        story.train(Run(f"m{number}", [S] if table == "core.s" else [OPEN] if table else [],
                        reads=((table, ("said",), ("w1",)),) if table else (), weights=() if teaches else uses,
                        teachers=uses if teaches else (), makes=f"m{number}@1"))
    for number in range(len(steps)):
        story.train(Run(f"ads{number}", [{"checkpoint": f"m{number}@1"}], "ads", code="PAI301"))
    with tempfile.TemporaryDirectory() as folder:
        found = story.told(deployed(Path(folder)))
    assert [verdicts(found, f"ads{number}")[0][1] for number in range(len(steps))] == [
        "blocked" if "core.s" in tables else "rule_false_blocks" for tables in below]


@pytest.mark.parametrize(("written", "took", "verdict"), [
    ("core.s", False, "blocked"), ("core.s", True, "missed"), ("", True, "allowed"),
    ("core.open", True, "allowed"), ("core.open", False, "rule_false_blocks")])
def test_rows_that_came_after_the_gate_are_nobodys_to_use(deploy: Path, written: str, took: bool, verdict: str) -> None:
    found = Story().train(Run("m", [S], reads=LEARNT.reads if took else (), makes="m@1" if took else "",
                              code="" if took else "PAI332", written=written)).told(deploy)
    assert verdicts(found) == [("training", verdict)]


@pytest.mark.parametrize(("gone", "makes", "expected"), [
    ("w1", "", [("training", "allowed"), ("registration", "blocked")]),
    ("w1", "m@1", [("training", "allowed"), ("registration", "missed")]),
    ("w3", "m@1", [("training", "allowed")]), ("w3", "", [("training", "rule_false_blocks")])])
def test_consent_that_is_taken_back_before_a_checkpoint_registers(deploy: Path, gone: str, makes: str,
                                                                  expected: list[tuple[str, str]]) -> None:
    for apart in ((), ("training",), ("training", "policy")):
        story = Story(*apart)
        for wearer in ("w1", "w2", "w3"):
            story.asks(wearer)
        code = "" if makes else "PAI334"
        found = story.train(LEARNT._replace(name="m", makes=makes, code=code, gone=gone)).told(deploy)
        unsure = [("registration", "unknown")] if gone == "w1" else []
        assert verdicts(found) == ([("training", "allowed" if makes else "unknown"), *unsure] if apart else expected)
    decision = {"id": "d", "activity": "training:m", "verdict": "blocked", "where": "registration", "reason": "",
                "inputs": []}
    told = agreement([decision], [one for one in found.items if one.kind != "training"], story.records)
    assert [one.agrees for one in told] == [None]


@pytest.mark.parametrize("made", [False, True])
def test_a_refused_registration_is_held_against_what_registered(deploy: Path, made: bool) -> None:
    story = Story()
    story.asks("w1")
    found = story.train(LEARNT._replace(makes="m@1" if made else "", code="PAI334", gone="w1")).told(deploy)
    decision = {"id": "d", "activity": "training:base", "verdict": "blocked", "where": "registration", "reason": "",
                "inputs": []}
    assert [one.agrees for one in agreement([decision], found.items, story.records)] == [not made]


@pytest.mark.parametrize(("back", "took", "verdict"), [
    (False, False, "blocked"), (False, True, "missed"), (True, True, "allowed"), (True, False, "rule_false_blocks")])
@pytest.mark.parametrize("apart", [(), ("training",), ("training", "policy", "warehouse")])
def test_weights_that_hold_rows_of_who_has_withdrawn_are_not_gone_on_from(deploy: Path, back: bool, took: bool,
                                                                          verdict: str, apart: tuple[str, ...]) -> None:
    """Also where training is a process of its own: what the operator sent, he sent in an order."""
    story = Story(*apart)
    story.asks("w1")
    story.train(LEARNT).withdraws("w1")
    if back:
        story.withdraws("w1", granted=True)
    run = Run("tuned", [{"checkpoint": "assistant"}], weights=("assistant@1",) if took else (),
              makes="tuned@1" if took else "", code="" if took else "PAI334")
    assert verdicts(story.train(run).told(deploy), "tuned") == [("training", verdict)]


NAMED = TABLES.replace("day TEXT    -- operational:date\n", """\
day TEXT,   -- operational:date
  wearer TEXT, -- user.identifier A
  region TEXT  -- operational:region
""").replace("-- subject: wearer\n", "-- subject: wearer\n-- origin: region\n")


@pytest.mark.parametrize(("taken", "verdict"), [
    ("w3 w4", "blocked"), ("w3", "blocked"), ("w1 w2", "missed"), ("w1 w3 w4", "missed"), ("w1", "missed"),
    ("w1 w2 w3 w4", "missed"), ("x y", "blocked"), ("x y z", "missed"), ("w3 x z", "missed"), ("x", "unknown")])
def test_rows_that_had_to_be_left_out_are_told_by_whose_they_are(deploy: Path, tmp_path: Path, taken: str,
                                                                verdict: str) -> None:
    """w1 and w2 have withdrawn.  Whose x, y and z are nobody knows: only two rows may be used, so of three one may not.
    """
    (deploy / "tables" / "s.sql").write_text(NAMED)
    story = Story()
    for wearer in ("w1", "w2", "w3", "w4"):
        story.asks(wearer)
    for wearer in ("w1", "w2"):
        story.withdraws(wearer)
    story.train(Run("m", [S], reads=(("core.s", ("said", "day"), tuple(taken.split())),), makes="m@1"))
    found = story.told(deploy, keep(tmp_path, story, dict.fromkeys(("w1", "w2", "w3", "w4"), "SE")))
    assert verdicts(found) == [("training", "allowed"), ("rows", verdict)]


def keep(folder: Path, story: Story, rows: dict[str, str]) -> Path:
    """What the warehouse held right before the last request: a row of each wearer, with where it is from."""
    at = folder / "snapshots" / str(len(story.sent) - 1)
    at.mkdir(parents=True)
    own = sqlite3.connect(at / "core.db")
    own.execute("CREATE TABLE s (said TEXT, day TEXT, wearer TEXT, region TEXT)")
    own.executemany("INSERT INTO s VALUES ('x', 'd', ?, ?)", rows.items())
    own.commit()
    own.close()
    return folder / "snapshots"


@pytest.mark.parametrize(("early", "code", "kept", "expected"), [
    ("w1", "", "w1 w2", [("training", "allowed"), ("registration", "missed")]),
    ("w1", "PAI303", "w1 w2", [("training", "blocked")]), ("w1", "PAI303", "w2", [("training", "failed_closed")]),
    ("w2+", "PAI303", "w1 w2", [("training", "failed_closed")]), ("w1", "PAI303", "", [("training", "unknown")]),
    ("", "PAI303", "w1 w2", [("training", "rule_false_blocks")]),
    ("w1", "PAI301", "w1 w2", [("training", "rule_false_blocks")])])
def test_consent_that_is_taken_back_between_the_gate_and_the_read(deploy: Path, tmp_path: Path, early: str, code: str,
                                                                 kept: str, expected: list[tuple[str, str]]) -> None:
    """``kept``: whose rows were there, where anybody knows."""
    (deploy / "tables" / "s.sql").write_text(NAMED)
    for apart in ((), ("training",)):
        story = Story(*apart)
        for wearer in ("w1", "w2"):
            story.asks(wearer)
        story.train(LEARNT._replace(reads=() if code else LEARNT.reads, makes="" if code else "m@1", code=code,
                                    early=early))
        there = keep(tmp_path / str(apart), story, dict.fromkeys(kept.split(), "SE")) if kept else Path("nowhere")
        unsure = [("training", "unknown")] if code else [("training", "allowed"), ("registration", "unknown")]
        assert verdicts(story.told(deploy, there)) == (unsure if early and apart else expected)


@pytest.mark.parametrize(("outcome", "makes", "verdict"), [
    ("failed", "", "unknown"), ("skipped", "", "unknown"), ("failed", "m@1", "blocked"), ("done", "m@1", "blocked")])
def test_what_a_run_never_came_to_it_has_not_left_out(deploy: Path, outcome: str, makes: str, verdict: str) -> None:
    story = Story().train(Run("m", [OPEN, S], "ads", (("core.open", ("said",), ("w1",)),), makes=makes, code="PAI031"))
    story.steps[-1]["outcome"] = outcome
    assert verdicts(story.told(deploy)) == [("training", "allowed" if outcome == "done" else "invalid"),
                                            ("left out", verdict)]


@pytest.mark.parametrize(("origin", "verdict"), [("SE", "missed"), ("US", ""), ("", "missed")])
@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_only_who_is_asked_can_take_consent_back(deploy: Path, tmp_path: Path, origin: str, verdict: str,
                                                 when: str) -> None:
    """Consent is asked in the EU; a row of which nobody knows where it is from may be from there."""
    (deploy / "tables" / "s.sql").write_text(NAMED)
    only = RULE.replace("consent: [assistance]", "consent: {EU: [assistance]}")
    (deploy / "requirements" / "r.yaml").write_text(only)
    story = Story()
    story.asks("w1")
    if when == "before":
        story.train(LEARNT).withdraws("w1")
        story.train(Run("m", [{"checkpoint": "assistant"}], weights=("assistant@1",), makes="m@1"))
    else:
        story.train(LEARNT._replace(name="m", makes="m@1", gone="w1"))
    found = verdicts(story.told(deploy, keep(tmp_path, story, {"w1": origin, "w2": "SE"})), "m")
    verdict = verdict or "allowed"
    assert found == ([("training", verdict)] if when == "before" else
                     [("training", "allowed"), ("registration", "missed")][:1 + (verdict == "missed")])


@pytest.mark.parametrize("code", ["PAI330", "PAI331", "PAI337"])
@pytest.mark.parametrize(("checkpoint", "how", "verdict"), [
    ("assistant@1", "swapped", "failed_closed"), ("assistant@1", "gone", "failed_closed"),
    ("assistant@2", "labels", "failed_closed"), ("assistant@2", "gone", "rule_false_blocks"),
    ("other@1", "swapped", "rule_false_blocks"), ("", "", "rule_false_blocks")])
def test_a_way_back_is_refused_for_nothing_where_nobody_has_tampered_with_it(deploy: Path, code: str, checkpoint: str,
                                                                            how: str, verdict: str) -> None:
    """assistant@2 goes on from assistant@1, which lies on the way back, while other@1 does not; where assistant@2 is
    gone, assistant@1 is the newest, and nobody has touched that."""
    story = Story().train(CLEAN).train(CLEAN._replace(makes="other@1"))
    story.train(Run("next", [{"checkpoint": "assistant"}], weights=("assistant@1",), makes="assistant@2"))
    if checkpoint:
        story.steps.append({"step": "tamper", "given": {"checkpoint": checkpoint, "how": how}, "outcome": "done"})
    story.train(Run("m", [{"checkpoint": "assistant"}], code=code))
    story.steps[-1]["outcome"] = "failed"
    assert verdicts(story.told(deploy), "m") == [("training", verdict)]


@pytest.mark.parametrize(("apart", "again", "verdict"), [
    ((), False, "missed"), ((), True, "allowed"), (("training",), False, "unknown"), (("training",), True, "unknown")])
def test_a_teacher_is_the_weights_that_were_loaded_whatever_lies_there_by_now(deploy: Path, apart: tuple[str, ...],
                                                                             again: bool, verdict: str) -> None:
    """assistant@1 was made of governed rows and loaded, then made anew of others, and ``again`` loaded."""
    story = Story(*apart).train(LEARNT)
    story.add("inference", "read", "file:checkpoints/assistant@1/weights.safetensors")
    story.train(CLEAN)
    call = {} if again else {"within": 99}  # a load that was not answered was refused
    story.add("inference", "read", "file:checkpoints/assistant@1/weights.safetensors", **call)
    asks = [{"answers_of": "assistant@1", "prompts": {"corpus": "x"}}]
    story.train(Run("ads", asks, "ads", teachers=("assistant@1",), makes="ads@1"))
    story.train(Run("more", [{"checkpoint": "ads@1"}], "ads", code="PAI301"))
    found = story.told(deploy)
    assert verdicts(found, "ads") == [("training", verdict)]
    assert verdicts(found, "more") == [("training", {"missed": "blocked", "allowed": "rule_false_blocks"}.get(
        verdict, verdict))]
