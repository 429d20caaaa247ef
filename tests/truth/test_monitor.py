"""The account, of journals that say what happened: refused, slipped through, refused for nothing, not to be told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sim.truth.record import Record
from sim.truth.reference import labels as monitor_labels
from sim.truth.reference import monitor
from sim.truth.reference import rules as monitor_rules
from sim.truth.reference.account import COUNTS, Account, Item
from sim.truth.reference.attempts import Construction
from sim.truth.reference.decisions import agreement
from sim.truth.reference.reviewed import of_code
from tests.truth.made_rule import GOVERNS_A

RULE = GOVERNS_A + """\
permit: {purposes: [assistance]}
"""
TABLES = """\
-- subject: wearer
CREATE TABLE core.s (
  wearer TEXT,  -- user.identifier A
  region TEXT   -- operational:region
);
"""
OPEN = "CREATE TABLE core.open (\n  x TEXT  -- operational:note\n);\n"
LOOK = "-- query: look\n-- owner: ann\n-- purpose: {purpose}\nSELECT wearer FROM core.s;\n"
COPY = ("-- job: copy\n-- owner: bo\n-- purpose: assistance\n-- output: core.open\n"
        "INSERT INTO core.open SELECT {column} FROM core.s;\n")
MANIFEST = "name: eval\npurpose: {purpose}\ninputs: [{{table: core.s, columns: [wearer]}}]\n"
Entry = tuple[str, str, dict[str, Any], int]
RUN, TRAIN = "grpc:/sightline.Warehouse/RunJob", "grpc:/sightline.Training/Train"


@pytest.fixture
def deploy(tmp_path: Path) -> Path:
    for folder in ("tables", "categories", "requirements", "jobs", "exports"):
        (tmp_path / folder).mkdir()
    (tmp_path / "tables" / "s.sql").write_text(TABLES)
    (tmp_path / "tables" / "open.sql").write_text(OPEN)
    (tmp_path / "requirements" / "r.yaml").write_text(RULE)
    return tmp_path


def ran(call: int, answered: bool, *statements: tuple[str, str, str, int]) -> list[Entry]:
    """A job's request, its statements (op, table, column, rows), and its response where it was answered."""
    return [("received", f"{RUN}:request", {"call": call}, 0),
            *((op, f"sql:{table}", {"columns": [column], "statement": call, "within": call}, rows)
              for op, table, column, rows in statements),
            *([("sent", f"{RUN}:response", {"call": call}, 0)] if answered else [])]


def journal(process: str, *entries: Entry) -> list[Record]:
    return [Record(process, n, op, locator, detail, rows, 0)  # type: ignore[arg-type]
            for n, (op, locator, detail, rows) in enumerate(entries, 1)]


def sent(*jobs: str, outcome: str = "done", code: str = "", step: str = "submit",
         given: dict[str, Any] | None = None) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    steps = [{"step": step, "given": given or {}, "outcome": outcome, "said": {"code": code}} for _ in jobs]
    return steps, [{"step": number, "service": "warehouse", "method": "RunJob", "request": {"sql": job}}
                   for number, job in enumerate(jobs)]


def account(deploy: Path, records: list[Record], construction: tuple[list[Any], list[Any]], *,
            decisions: list[dict[str, Any]] | None = None, twin: list[Record] | None = None,
            devices: dict[str, frozenset[str]] | None = None) -> Account:
    return monitor.account(records, monitor_rules.read_all(deploy / "requirements"), monitor_labels.deployed(deploy),
                           decisions or [], Construction(*construction, deploy, devices or {}, day="2026-01-05"),
                           twin=twin)


def only(found: Account) -> Item:
    assert len(found.items) == 1
    return found.items[0]


READ = ("read", "core.s", "wearer", 4)


def test_a_forbidden_use_that_was_refused_is_blocked_and_one_that_ran_is_missed(deploy: Path) -> None:
    job = LOOK.format(purpose="ads")
    blocked = only(account(deploy, journal("warehouse", *ran(2, False)), sent(job, outcome="blocked", code="PAI301")))
    assert (blocked.verdict, blocked.attempt, blocked.requirements) == ("blocked", "query:look", ("r@1",))
    assert blocked.forbidden == ("warehouse:core.s#wearer",) and blocked.rows is None
    missed = account(deploy, journal("warehouse", *ran(2, True, READ)), sent(job))
    assert (only(missed).verdict, only(missed).rows) == ("missed", 4)
    assert {key: missed.to_dict()[key] for key in COUNTS} == {
        "crossings": 1, "blocked": 0, "missed": 1, "rule_false_blocks": 0, "influence_false_blocks": 0, "allowed": 0}


@pytest.mark.parametrize(("outcome", "code"), [("failed", "PAI021"), ("skipped", "")])
def test_what_is_forbidden_and_was_not_refused_but_failed_is_unknown(deploy: Path, outcome: str, code: str) -> None:
    found = account(deploy, journal("warehouse", *ran(2, False)),
                    sent(LOOK.format(purpose="ads"), outcome=outcome, code=code))
    assert only(found).verdict == "unknown" and found.to_dict()["blocked"] == 0


def test_what_is_said_to_be_blocked_and_ran_all_the_same_is_missed(deploy: Path) -> None:
    """A refusal that comes after the rows is none."""
    found = account(deploy, journal("warehouse", *ran(2, False, READ)),
                    sent(LOOK.format(purpose="ads"), outcome="blocked", code="PAI301"))
    assert only(found).verdict == "missed"


def test_a_permitted_use_is_allowed_and_refusing_it_is_a_false_block(deploy: Path) -> None:
    job = LOOK.format(purpose="assistance")
    assert only(account(deploy, journal("warehouse", *ran(2, True, READ)), sent(job))).verdict == "allowed"
    refused = account(deploy, journal("warehouse", *ran(2, False)), sent(job, outcome="blocked", code="PAI301"))
    assert only(refused).verdict == "rule_false_blocks" and refused.to_dict()["rule_false_blocks"] == 1
    failed = account(deploy, journal("warehouse", *ran(2, False)), sent(job, outcome="failed", code="PAI021"))
    assert only(failed).verdict == "invalid"


@pytest.mark.parametrize(("sql", "code", "verdict"), [
    ("WITH s AS (SELECT wearer FROM core.s) SELECT * FROM s;", "PAI306", "failed_closed"),
    ("WITH s AS (SELECT wearer FROM core.s) SELECT * FROM s;", "PAI301", "rule_false_blocks"),
    ("WITH mine AS (SELECT wearer FROM core.s) SELECT * FROM mine;", "PAI306", "rule_false_blocks")])
def test_what_cannot_be_judged_fails_closed_only_where_it_can_be_read_in_two_ways(deploy: Path, sql: str, code: str,
                                                                                  verdict: str) -> None:
    job = f"-- query: look\n-- owner: ann\n-- purpose: assistance\n{sql}\n"
    found = account(deploy, journal("warehouse", *ran(2, False)), sent(job, outcome="blocked", code=code))
    assert only(found).verdict == verdict and found.to_dict()["crossings"] == 0


@pytest.mark.parametrize(("column", "verdict"), [("wearer", "blocked"), ("region", "rule_false_blocks")])
def test_a_flow_into_a_sink_without_the_label(deploy: Path, column: str, verdict: str) -> None:
    found = only(account(deploy, journal("warehouse", *ran(2, False)),
                         sent(COPY.format(column=column), outcome="blocked", code="PAI302")))
    assert found.verdict == verdict
    assert found.forbidden == (("warehouse:core.s#wearer → warehouse:core.open#x",) if verdict == "blocked" else ())


def test_who_shows_anothers_token_states_no_purpose(deploy: Path) -> None:
    given = sent(LOOK.format(purpose="assistance"), outcome="blocked", code="PAI303", step="present",
                 given={"token": "forged"})
    assert only(account(deploy, journal("warehouse", *ran(2, False)), given)).verdict == "blocked"
    given[0][0]["given"]["token"] = "none"
    assert only(account(deploy, journal("warehouse", *ran(2, False)), given)).verdict == "rule_false_blocks"


@pytest.mark.parametrize(("asked", "rows", "verdict"), [
    ("", None, "blocked"), ("", 3, "missed"), ("assistance", None, "blocked")])
def test_a_training_run_is_held_to_its_manifest_and_to_its_request(deploy: Path, asked: str, rows: int | None,
                                                                   verdict: str) -> None:
    steps = [{"step": "train", "given": {}, "outcome": "blocked", "said": {"code": "PAI301"}}]
    request = {"manifest": MANIFEST.format(purpose="ads"), "purpose": asked}
    read = "grpc:/sightline.Warehouse/Read:response"
    moved = [] if rows is None else [("received", read, {"schema": "core.s", "columns": ["wearer"], "within": 1}, rows)]
    records = journal("training", ("received", f"{TRAIN}:request", {"call": 1}, 0), *moved)
    found = only(account(deploy, records, (steps, [
        {"step": 0, "service": "training", "method": "Train", "request": request}])))
    assert (found.verdict, found.attempt, found.rows) == (verdict, "training:eval", rows)


DAILY = ("-- job: daily\n-- owner: bo\n-- purpose: {purpose}\n-- output: core.open\n-- schedule: daily\n"
         "-- parameters: ds\nINSERT INTO core.open SELECT region FROM core.s WHERE wearer <> :ds;\n")
DAYS = {"first": "2026-01-05", "last": "2026-01-06"}


@pytest.mark.parametrize(("label", "blocked", "ran_", "verdicts"), [
    ("A", 0, 2, ["allowed", "allowed"]), ("operational:x", 2, 0, ["blocked", "blocked"]),
    ("operational:x", 0, 2, ["missed", "missed"]), ("operational:x", 2, 1, ["missed", "missed"]),
    ("A", 1, 1, ["rule_false_blocks", "allowed"])])
def test_each_day_of_a_schedule_is_an_attempt(deploy: Path, label: str, blocked: int, ran_: int,
                                              verdicts: list[str]) -> None:
    """The runs of a schedule stand between its request and its answer, in no call."""
    (deploy / "tables" / "open.sql").write_text(OPEN.replace("note", f"note {label}"))
    (deploy / "jobs" / "daily.sql").write_text(DAILY.format(purpose="assistance"))
    held = [{"job": "daily", "ds": f"2026-01-0{5 + day}", "outcome": "blocked", "code": "PAI302"}
            for day in range(blocked)]
    steps = [{"step": "schedule", "given": {}, "outcome": "done", "said": {"not done": held}}]
    locator = "grpc:/sightline.Warehouse/RunSchedule"
    records = journal("warehouse", ("received", f"{locator}:request", {"call": 1}, 0), *(
        ("write", "sql:core.open", {"columns": ["x"], "statement": n, "within": 0}, 3) for n in range(ran_)),
        ("sent", f"{locator}:response", {"call": 1}, 0),
        ("write", "sql:core.open", {"columns": ["x"], "statement": 9, "within": 0}, 3))
    found = account(deploy, records, (steps, [
        {"step": 0, "service": "warehouse", "method": "RunSchedule", "request": DAYS}]))
    assert [one.verdict for one in found.items] == verdicts
    assert [one.day for one in found.items] == ["2026-01-05", "2026-01-06"]


def message(locator: str, **detail: Any) -> Entry:
    return "sent", locator, detail, 1


def test_a_flow_between_services_is_attempted_where_it_happens_without_enforcement(deploy: Path) -> None:
    devices = {"device:band#emg": frozenset({"A"})}
    held = journal("app", message("http:/v1/overlay:request", carries=["band#emg"]))
    quiet = journal("app", message("http:/v1/overlay:request", carries=[]))
    blocked = only(account(deploy, quiet, ([], []), twin=held, devices=devices))
    assert (blocked.verdict, blocked.attempt) == ("blocked", "device:band#emg → web:overlay")
    missed = only(account(deploy, held, ([], []), twin=held, devices=devices))
    assert (missed.verdict, missed.rows) == ("missed", 1)
    assert account(deploy, quiet, ([], []), twin=quiet, devices=devices).items == ()


REVIEWED = """\
reclassify:
  - {{from: "device:band#emg", to: "web:overlay", drops: [A], transformation: {{code: "{code}"}}, digest: "{digest}",
     until: {until}}}
"""
NOW = of_code("services.web.log:append")


@pytest.mark.parametrize(("code", "digest", "until", "verdict"), [
    ("services.web.log:append", NOW, "2026-01-05", "allowed"),
    ("services.web.log:append", NOW, "2026-01-04", "missed"),
    ("services.web.log:append", "0" * 64, "2026-01-05", "missed"),
    ("services.web.log:other", NOW, "2026-01-05", "missed"), ("no.such.module:f", "", "2026-01-05", "missed")])
def test_a_review_of_code_holds_by_the_day_of_the_run_and_by_what_the_file_says(
        deploy: Path, code: str, digest: str, until: str, verdict: str) -> None:
    (deploy / "requirements" / "r.yaml").write_text(RULE + REVIEWED.format(code=code, digest=digest, until=until))
    held = journal("app", message("http:/v1/overlay:request", carries=["band#emg"]))
    devices = {"device:band#emg": frozenset({"A"})}
    assert only(account(deploy, held, ([], []), twin=held, devices=devices)).verdict == verdict
    told = [refusal("device:band#emg → web:overlay: because", ["device:band#emg"])]
    refused = account(deploy, [], ([], []), decisions=told, devices=devices)
    assert only(refused).verdict == ("rule_false_blocks" if verdict == "allowed" else "blocked")


def refusal(reason: str, inputs: list[str], activity: str = "", purpose: str = "") -> dict[str, Any]:
    return {"id": "d", "activity": activity, "verdict": "blocked", "code": "PAI302", "reason": reason, "inputs": inputs,
            "purpose": purpose, "requirements": ["r@1"], "where": "guard"}


@pytest.mark.parametrize(("source", "sink", "verdict"), [
    ("warehouse:core.s#wearer", "warehouse:core.open#x", "blocked"),
    ("warehouse:core.s#region", "warehouse:core.open#x", "rule_false_blocks"),
    ("warehouse:core.s#wearer", "warehouse:core.s", "rule_false_blocks"),
    ("web:somewhere#thing", "warehouse:core.open#x", "unknown"),
])
def test_a_refusal_that_no_attempt_explains_is_held_against_the_requirements(deploy: Path, source: str, sink: str,
                                                                             verdict: str) -> None:
    found = account(deploy, [], ([], []), decisions=[refusal(f"{source} → {sink}: because", [source])])
    assert only(found).verdict == verdict


def decision(verdict: str, activity: str = "query:look") -> dict[str, Any]:
    return {"id": verdict, "activity": activity, "verdict": verdict, "reason": "because", "inputs": []}


@pytest.mark.parametrize(("rows", "verdicts", "expected"), [
    ((None,), ("blocked",), [True]), ((4,), ("blocked",), [False]), ((4,), ("allowed",), [True]),
    ((None,), ("allowed",), [False]), ((None,), ("allowed", "blocked"), [True, True]),
    ((4, None), ("allowed", "blocked"), [True, True]), ((4,), ("allowed", "blocked"), [True, None])])
def test_the_journal_is_asked_about_every_decision(rows: tuple[int | None, ...], verdicts: tuple[str, ...],
                                                   expected: list[bool | None]) -> None:
    items = [Item("query:look", "job", "allowed", rows=one) for one in rows]
    assert [one.agrees for one in agreement([decision(one) for one in verdicts], items, [])] == expected


def test_a_refused_flow_that_a_message_holds_is_a_disagreement() -> None:
    one = refusal("web:ask#utterance → rpc:inference.Generate.request#prompt: because", ["web:ask#utterance"])
    ask = "grpc:/sightline.Inference/Generate:request"
    held = journal("web", message(ask, holds={"prompt": ["web:ask#utterance"]}))
    clean = journal("web", message(ask, holds={}))
    assert [found.agrees for records in (held, clean, []) for found in agreement([one], [], records)] == [
        False, True, None]
