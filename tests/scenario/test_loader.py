"""Scenario files: what is read, what is refused and where, and how a name finds its file."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lineage.errors import InputError
from sim.scenario.compare import Comparable
from sim.scenario.loader import SCENARIOS, files, find, load, select
from sim.scenario.reader import read
from sim.scenario.registry import Registries, Registry
from sim.scenario.schema import STAGES, Scenario, World, expect, step
from sim.scenario.source import parse

VALID = """\
scenario: training-refused
stage: enforce
seed: 7
about: The ads ranker is refused.
world: {wearers: 20, regions: [US, SE, NO], requirements: [glasses-interaction-purpose]}
steps:
  - ask:   {wearers: all, question: "What is that building?", times: 3}
  - batch:
      job: daily_sessions
faults:
  - sink_down
  - strip_context: {method: "Logger/Append"}
expect:
  discover:
    - path: {from: "web:ask#utterance", to: "warehouse:core.sessions"}
  enforce:
    - moved: {from: "warehouse:core.sessions", to: "training:ads_ranker", rows: ">= 0"}
"""


FLOW: dict[str, Any] = {"from": str, "to": str}
# The names that the bundled scenarios use, with the keys they take.
PLACEHOLDERS: tuple[tuple[str, str, dict[str, Any], dict[str, Any]], ...] = (
    (
        "steps",
        "ask",
        {"wearers": (Literal["all"], int, list[str]), "question": str},
        {"times": int, "photo": str, "location": bool, "geotag": bool, "verbatim": bool, "preprocess": dict,
         "go_on": bool, "bystanders": int, "sign": str, "canaries": dict},
    ),
    ("faults", "hidden_read", {"corpus": str, "table": str, "from": str, "to": str}, {"after": int, "times": int}),
    ("expectations", "exposure", {**FLOW, "is": Literal["exposed", "not exposed", "unknown"]},
     {"canaries": str, "lineage": Literal["yes", "no", "other rows"]}),
    ("steps", "converse", {"turns": list}, {"wearers": (str, int, list), "location": bool}),
    ("steps", "overlay", {}, {"wearers": (str, int, list)}),
    ("steps", "enrol", {}, {"wearers": (str, int, list)}),
    ("steps", "gesture", {"gesture": str}, {"wearers": (str, int, list), "raw": bool}),
    ("expectations", "call", {"rpc": str}, {
        "answered": str, "requested": str, "finish": str, "inputs": list[str], "retrieved": list[str],
        "weights": list[str], "used_in": str, "count": Comparable}),
    ("expectations", "carried", {**FLOW, "messages": Comparable}, {}),
    ("expectations", "happened", {"process": str, "op": str, "at": str, "count": Comparable}, {}),
    ("expectations", "flow_refused", {"from": str, "code": str}, {"count": Comparable}),
    ("expectations", "plan", {"requirement": str, "violations": Comparable},
     {"cost": Comparable, "undecided": Comparable, "remedies": list[str], "include": list[str], "exclude": list[str]}),
    ("expectations", "plan_refused", {"requirement": str, "code": str},
     {"include": list[str], "exclude": list[str], "despite": int}),
    ("expectations", "simulated", {"requirement": str, "requests": Comparable}, {"activity": str, "code": str}),
    ("expectations", "certificate", {"wearer": str, "checkpoint": str, "is": str}, {"how": str, "with": str}),
    ("steps", "replay", {}, {"category": str}),
    ("faults", "bad_events", {"category": str, "field": str, "how": str}, {"after": int, "times": int}),
    ("faults", "logger_field_added", {"category": str, "field": str, "from": str, "config": str},
     {"after": int, "table": str, "declared": bool}),
    ("expectations", "appended", {"to": str, "rows": Comparable}, {}),
    ("steps", "batch", {"job": str}, {"with": dict}),
    ("steps", "wait", {"days": int}, {}),
    ("steps", "consent", {"wearers": (str, int, list), "purpose": str, "granted": bool}, {}),
    ("steps", "present", {"job": str, "token": str}, {}),
    ("expectations", "consent", {"purpose": str}, {"checked": Comparable, "withheld": Comparable}),
    ("expectations", "origin", {"purpose": str}, {"checked": Comparable, "withheld": Comparable}),
    ("expectations", "step", {"name": str, "is": str, "count": Comparable}, {"code": str}),
    ("steps", "require", {"requirement": str}, {}),
    ("steps", "enforce", {"requirement": str}, {}),
    ("steps", "submit", {"sql": str}, {"with": dict}),
    ("steps", "attempt", {"question": str}, {"wearers": (str, int, list)}),
    ("steps", "invoke", {"as": str}, {"job": str, "sql": str, "manifest": str, "export": str, "schedule": str,
                                      "claims": str}),
    ("steps", "relabel", {"job": str}, {}),
    ("faults", "strip_claims", {"method": str}, {"after": int, "times": int}),
    ("faults", "forge_claims", {"method": str, "how": str}, {"after": int, "times": int}),
    ("faults", "policy_away", {}, {"after": int, "times": int}),
    ("faults", "clock_skew", {"service": str, "seconds": int}, {}),
    ("faults", "changed_sql", {"job": str, "sql": str}, {}),
    ("faults", "changed_manifest", {"manifest": str, "by": str}, {}),
    ("steps", "flush", {}, {}),
    ("steps", "schedule", {"from": str}, {"to": str}),
    ("steps", "train", {"manifest": str}, {"purpose": str, "go_on": bool}),
    ("steps", "rollout", {"checkpoint": str, "share": float}, {"go_on": bool}),
    ("steps", "rollback", {"model": str}, {"go_on": bool}),
    ("steps", "embed", {"texts": list[str]}, {"model": str, "times": int, "go_on": bool}),
    ("faults", "crash", {"method": str}, {"after": int, "times": int}),
    ("faults", "labelled_branch", {"category": str, "when": str, "config": str, "table": str}, {"after": int}),
    ("expectations", "told", {"step": str, "at": int, "contains": str}, {"is": str}),
    ("expectations", "remains", {"of": str, "in": str, "places": Comparable}, {}),
    ("steps", "independent_flows", {"flows": int, "folder": str}, {"written_out": bool, "into_one": bool}),
    ("steps", "export", {"export": str}, {}),
    ("faults", "bypass_guard", {"service": str}, {"after": int, "times": int}),
    ("faults", "worker", {"part": int, "does": str}, {}),
    ("faults", "sample_probes", {"rate": float}, {}),
    ("faults", "unlink_write", {"asset": str}, {"after": int, "times": int}),
    ("faults", "strip_context", {"method": str}, {"after": int, "times": int}),
    ("faults", "new_job", {}, {"job": str, "sql": str, "when": str}),
    ("faults", "sink_down", {}, {}),
    ("faults", "side_channel", {"asset": str, "to": Literal["file", "socket", "database"]},
     {"after": int, "times": int, "service": str}),
    ("expectations", "mediated", {}, {"gaps": Comparable, "service": str}),
    ("expectations", "path", FLOW, {"state": str, "family": str}),
    ("expectations", "no_path", FLOW, {}),
    ("expectations", "flows", {**FLOW, "count": Comparable}, {"precision": Comparable, "confidence": str}),
    ("expectations", "captured", {"edges": list, "recall": Comparable}, {"seen": Comparable}),
    ("expectations", "edge", FLOW, {"state": str, "families": list[str], "count": Comparable, "parts": Comparable,
                                    "evidence": str}),
    ("expectations", "involved", {"asset": str, "system": str, "is": Literal["yes", "no", "unknown"]}, {}),
    ("expectations", "complete", {"operations": Comparable, "invented": Comparable}, {}),
    ("expectations", "decision", {"job": str, "is": str}, {"code": str, "by": str, "where": str}),
    ("expectations", "moved", {**FLOW, "rows": Comparable}, {}),
    ("expectations", "activity", {"name": str, "principal": str, "purpose": str}, {}),
    ("expectations", "zone", {"name": str, "contains": list[str]}, {}),
    ("expectations", "evidence", {"zone": str, "verdict": str}, {}),
    ("expectations", "finding", {"code": str}, {"asset": str, "count": Comparable}),
    ("expectations", "gap", {"at": str}, {"code": str}),
    ("expectations", "served", {"checkpoint": str}, {"count": Comparable}),
    ("expectations", "answer", {"contains": str}, {"count": Comparable, "by": str}),
    ("expectations", "impact", {"wearer": str, "asset": str, "is": str}, {"rows": Comparable, "answers": Comparable}),
    ("steps", "tamper", {"checkpoint": str, "how": str}, {"with": str}),
    ("steps", "load", {"checkpoint": str}, {}),
    ("faults", "kill", {"service": str, "writing": str}, {"after": int, "times": int}),
    ("steps", "restart", {"service": str}, {}),
    ("expectations", "same_weights", {"checkpoint": str, "as": str}, {}),
    ("steps", "train_at_once", {"manifest": str, "runs": int}, {}),
    ("faults", "meanwhile", {"service": str, "before": str},
     {"after": int, "times": int, "job": str, "withdraw": list[str], "purpose": str}),
    ("faults", "disk_full", {"path": str}, {"after": int, "times": int}),
    ("expectations", "checkpoints", {"model": str, "whole": Comparable}, {"half": Comparable}),
    ("expectations", "executed", {"checkpoint": str},
     {"rows": Comparable, "remedy": str, "of": str, "withheld": Comparable}),
    ("expectations", "trained_on", {"wearer": str, "checkpoint": str, "rows": Comparable}, {}),
)


def placeholders() -> Registries:
    made = {"steps": Registry[Any]("step"), "faults": Registry[Any]("fault"),
            "expectations": Registry[Any]("expectation")}
    for registry, name, keys, optional in PLACEHOLDERS:
        made[registry].register(name, keys, optional=optional)(object())
    return Registries(made["steps"], made["faults"], made["expectations"])


KNOWN = placeholders()


def read_text(text: str) -> Scenario:
    return read(parse(text, Path("x.yaml")), KNOWN)


def refusal(text: str) -> InputError:
    with pytest.raises(InputError) as caught:
        read_text(text)
    return caught.value


def line(error: InputError) -> int:
    return int(error.where.rpartition(":")[2])


def test_a_whole_file() -> None:
    scenario = read_text(VALID)
    assert (scenario.name, scenario.stage, scenario.seed) == ("training-refused", "enforce", 7)
    assert scenario.world == World(20, ("US", "SE", "NO"), ("glasses-interaction-purpose",))
    assert [one.kind for one in scenario.steps] == ["ask", "batch"]
    assert scenario.steps[0].given == {"wearers": "all", "question": "What is that building?", "times": 3}
    assert [one.to_dict() for one in scenario.faults] == [
        {"sink_down": {}},
        {"strip_context": {"method": "Logger/Append"}},
    ]
    assert [(one.stage, one.kind, one.where) for one in scenario.expect] == [
        ("discover", "path", "x.yaml:15"),
        ("enforce", "moved", "x.yaml:17"),
    ]
    assert (scenario.steps[1].where, scenario.faults[0].where, scenario.world.where) == (
        "x.yaml:8",
        "x.yaml:11",
        "x.yaml:5",
    )


@pytest.mark.parametrize(
    ("old", "new", "code", "at", "says"),
    [
        ("seed: 7", "sede: 7", "PAI010", 3, "unknown key 'sede'; did you mean 'seed'?"),
        ("wearers: 20", "wearer: 20", "PAI010", 5, "did you mean 'wearers'?"),
        ("seed: 7", "stage: understand", "PAI010", 3, "the key 'stage' is given twice; the first is at x.yaml:2"),
        ("times: 3", "times: 3, times: 4", "PAI010", 7, "given twice"),
        ("  - ask: ", "  - aks: ", "PAI011", 7, "unknown step 'aks'; did you mean 'ask'?"),
        ("sink_down", "sink_dwn", "PAI011", 11, "unknown fault 'sink_dwn'; did you mean 'sink_down'?"),
        ("- path:", "- paths:", "PAI011", 15, "unknown expectation 'paths'; did you mean 'path'?"),
        ("  discover:", "  discovery:", "PAI010", 14, "did you mean 'discover'?"),
        ("stage: enforce", "stage: enforced", "PAI010", 2, "did you mean 'enforce'?"),
        ("stage: enforce", "stage: [enforce]", "PAI010", 2, "not a list"),
        ("      job: daily", "      jbo: daily", "PAI010", 9, "batch has no key 'jbo'; did you mean 'job'?"),
        ("      job: daily_sessions", "      job: true", "PAI010", 9, "'job' must be text, not true"),
        ("      job: daily_sessions\n", "", "PAI010", 8, "batch needs the key 'job': text"),
        ("      job: daily", "    job: daily", "PAI010", 8, "found 'batch', 'job'. Indent the keys"),
        ("times: 3", "times: true", "PAI010", 7, "a whole number, not true"),
        ('rows: ">= 0"', "rows: many", "PAI010", 17, 'a comparator such as ">= 3"'),
        ('rows: ">= 0"', "rows: >= 0", "PAI010", 17, 'quote a comparator: ">= 0"'),
        ("seed: 7", "seed: -1", "PAI010", 3, "from 0 to"),
        ("seed: 7", "seed: true", "PAI010", 3, "seed must be a whole number"),
        ("seed: 7", "seed: 7.0", "PAI010", 3, "not 7.0"),
        ("seed: 7", "seed:", "PAI010", 3, "not nothing"),
        ("seed: 7", "seed: " + "9" * 30, "PAI010", 3, "64 bits"),
        ("seed: 7", "seed: .nan", "PAI010", 3, "finite"),
        ("seed: 7", "seed: !!int 7", "PAI010", 3, "a tag (!)"),
        ("seed: 7", "<<: {seed: 7}", "PAI010", 3, "merge key"),
        ("seed: 7", "? [a]\n: 7", "PAI010", 3, "a key must be a word"),
        ("seed: 7", "seed: *none", "PAI010", 3, "alias"),
        ("seed: 7", "seed: 7\n---", "PAI010", 4, "a second document"),
        ("seed: 7", "seed: 'x", "PAI010", 18, "not YAML"),
        ("seed: 7", 'seed: "\\ud800"', "PAI010", 3, "surrogate"),
        ("seed: 7", "seed: a\x00b", "PAI010", 3, "cannot stand in YAML"),
        ("seed: 7", "seed: 7\n\tx: 1", "PAI010", 4, "not YAML"),
        ("scenario: training-refused", "scenario: Training_Refused", "PAI010", 1, "a name of a-z, 0-9 and -"),
        ("scenario: training-refused", "scenario: 5", "PAI010", 1, "not 5"),
        ("scenario: training-refused\n", "", "PAI010", 1, "the key 'scenario' is missing"),
        ("wearers: 20", "wearers: 0", "PAI010", 5, "from 1 to 10,000"),
        ("wearers: 20", "wearers: 10001", "PAI010", 5, "from 1 to 10,000"),
        ("[US, SE, NO]", "[US, Se]", "PAI010", 5, "two capital letters"),
        ("[US, SE, NO]", "[US, false]", "PAI010", 5, "not false"),
        ("[US, SE, NO]", "NO", "PAI010", 5, "world.regions must be a list"),
        ("[US, SE, NO]", "[]", "PAI010", 5, "at least one region"),
        ("requirements: [glasses", "requirements: [../glasses", "PAI010", 5, "a requirement must be"),
        ("about: The", "about: [The]  #", "PAI010", 4, "one sentence"),
        ("faults:\n  - sink_down", "faults:\n  - 3", "PAI010", 11, "a fault must be one name with its keys"),
        ("  - sink_down", "  - strip_context", "PAI010", 11, "needs the key 'method'"),
        ("steps:\n  - ask:  ", "steps:\n  - batch\n  - ask:", "PAI010", 7, "a step must be one name with its keys"),
        ("  - sink_down", "  - sink_down: [1]", "PAI010", 11, "takes a mapping of keys"),
        ("    - path:", "    path:", "PAI010", 14, "not YAML|must be a list"),
    ],
)
def test_refused_with_place_and_suggestion(old: str, new: str, code: str, at: int, says: str) -> None:
    assert VALID.count(old) == 1
    error = refusal(VALID.replace(old, new))
    assert error.code == code
    assert any(one in error.what for one in says.split("|")), error.what
    assert error.where.startswith("x.yaml:")
    if "|" not in says:
        assert line(error) == at, error


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        ("# only a comment\n", "empty"),
        ("---\n", "empty"),
        ("~\n", "empty"),
        ("5", "must be a mapping"),
        ("- a", "must be a mapping"),
        ("text", "must be a mapping"),
        ("{}", "is missing"),
        (VALID.partition("expect:")[0], "the key 'expect' is missing"),
        (VALID.partition("expect:")[0] + "expect:\n", "without expectations proves nothing"),
        (VALID.partition("expect:")[0] + "expect: {}\n", "without expectations proves nothing"),
        (VALID.partition("expect:")[0] + "expect: {discover: []}\n", "without expectations proves nothing"),
        (VALID.partition("expect:")[0] + "expect: []\n", "expect must be a mapping"),
        ("%YAML 1.1\n---\n" + VALID.replace("[US, SE, NO]", "[US, 3]"), "a region must be two capital letters"),
    ],
)
def test_refused_as_a_whole(text: str, says: str) -> None:
    assert says in refusal(text).what


def test_absent_and_empty_parts_are_defaults() -> None:
    scenario = read_text(
        "scenario: x\nstage: discover\nabout:\nworld:\nsteps:\nfaults:\nexpect:\n  discover:\n"
        "    - path: {from: a, to: b}\n  enforce:\n"
    )
    assert (scenario.seed, scenario.about, scenario.world, scenario.steps) == (1, "", World(), ())


def test_norway_stays_norway_under_a_yaml_1_1_directive() -> None:
    assert read_text("%YAML 1.1\n---\n" + VALID).world.regions == ("US", "SE", "NO")


def test_a_folded_sentence_is_one_line() -> None:
    assert read_text(VALID.replace("about: The ads", "about: >\n  The ads\n ")).about == "The ads ranker is refused."


def test_anchors_and_aliases() -> None:
    text = VALID.replace(
        '{from: "web:ask#utterance", to:', '{from: &it "web:ask#utterance", to: *it}\n    - no_path: {from: *it, to:'
    )
    assert read_text(text).expect[0].given == {"from": "web:ask#utterance", "to": "web:ask#utterance"}


def test_aliases_cannot_blow_up() -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 30)
    )
    assert "100,000 values" in refusal(bomb).what
    chain = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 2000))
    assert "40 levels" in refusal(chain).what
    assert "stands before the end of its anchor" in refusal("a: &a [*a]\n").what


@pytest.mark.parametrize(
    "text",
    [
        "[" * 500_000,
        "{a: " * 200_000,
        "- " * 300_000,
        "a: " * 300_000,
        "&a " * 100_000,
        "? " * 300_000,
        "!" * 900_000,
        "'" * 900_000,
        "#" * 900_000,
        "x" * 900_000,
    ],
)
def test_hostile_texts_are_refused_quickly(text: str) -> None:
    began = time.process_time()
    refusal(text)
    assert time.process_time() - began < 5


def write(folder: Path, name: str, text: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def load_refusal(path: Path) -> InputError:
    with pytest.raises(InputError) as caught:
        load(path, KNOWN)
    return caught.value


def test_bytes_that_are_no_scenario(tmp_path: Path) -> None:
    bad = load_refusal(write(tmp_path, "bad.yaml", VALID.encode().replace(b"about: The", b"about: \xffThe")))
    assert "UTF-8" in bad.what and line(bad) == 4
    assert "larger than" in load_refusal(write(tmp_path, "big.yaml", VALID + "#" * 1_000_000)).what
    assert load_refusal(tmp_path / "none.yaml").code == "PAI012"
    assert load_refusal(write(tmp_path, "note.txt", VALID)).code == "PAI012"
    assert load(write(tmp_path, "mark.yaml", b"\xef\xbb\xbf" + VALID.encode()), KNOWN)[0].name == "training-refused"
    assert load(write(tmp_path, "crlf.yml", VALID.replace("\n", "\r\n")), KNOWN)[0] == read_text(VALID)


def test_a_folder_in_the_order_of_its_names(tmp_path: Path) -> None:
    for number, name in enumerate(
        ("b.yml", "a.yaml", "c.py", "_d.yaml", "conftest.py", "test_x.py", "readme.md", ".e.yaml")
    ):
        write(tmp_path, name, VALID.replace("training-refused", f"n{number}") if "y" in name[-4:-1] else PYTHON)
    (tmp_path / "requirements").mkdir()
    write(tmp_path / "requirements", "r.yaml", "requirement: x")
    (tmp_path / "jobs.yaml").mkdir()
    assert [path.name for path in files(tmp_path)] == ["a.yaml", "b.yml", "c.py"]
    assert [one.name for one in load(tmp_path, KNOWN)] == ["n1", "n0", "in-python"]
    write(tmp_path, "z.yaml", VALID.replace("training-refused", "n1"))
    assert "'n1' is taken by" in load_refusal(tmp_path).what
    assert load_refusal(tmp_path / "requirements").code == "PAI010"
    (tmp_path / "empty").mkdir()
    assert load_refusal(tmp_path / "empty").code == "PAI012"


PYTHON = """\
from sim.scenario.schema import Scenario, expect, step
SCENARIO = Scenario("in-python", "discover",
    steps=(step("batch", job="daily_sessions"),),
    expect=(expect("discover", "path", from_="a", to="b"),))
"""


def test_python_builds_the_same(tmp_path: Path) -> None:
    path = write(tmp_path, "x.py", PYTHON)
    [scenario] = load(path, KNOWN)
    assert scenario == Scenario(
        "in-python",
        "discover",
        steps=(step("batch", job="daily_sessions"),),
        expect=(expect("discover", "path", **{"from": "a", "to": "b"}),),
    )
    assert scenario.path == path and scenario.steps[0].where.endswith("x.py:3")
    write(tmp_path, "x.py", PYTHON.replace("in-python", "in-pythos"))  # same size, same second: still read anew
    assert load(path, KNOWN)[0].name == "in-pythos"
    write(tmp_path, "x.py", PYTHON.replace("SCENARIO =", "def scenarios(): yield").replace("\n    ", ""))
    assert load(path, KNOWN) == [scenario]
    assert not (tmp_path / "__pycache__").exists()


@pytest.mark.parametrize(
    ("old", "new", "at", "says"),
    [
        ("SCENARIO =", "SCENARIO = 1/0 #", 2, "ZeroDivisionError"),
        ("SCENARIO =", "import nothing_of_this_name #", 2, "ModuleNotFoundError"),
        ("SCENARIO =", "SCENARIO = = ", 2, "SyntaxError"),
        ("SCENARIO =", "raise SystemExit(3) #", 2, "SystemExit"),
        ("SCENARIO =", "THING =", 0, "found none"),
        ("SCENARIO =", "SCENARIOS = 5 #", 1, "TypeError"),
        ("SCENARIO =", "SCENARIOS = [] #", 0, "gives no scenario"),
        ("SCENARIO =", "SCENARIO = ['x'] #", 0, "must give Scenario objects"),
        ("SCENARIO =", "SCENARIOS = scenarios = SCENARIO =", 0, "found SCENARIO, SCENARIOS, scenarios"),
        ('"in-python"', '"In Python"', 0, "a name of a-z"),
        ('"in-python"', "None", 0, "not nothing"),
        ('"discover",\n', '"discovr",\n', 0, "did you mean 'discover'?"),
        ('step("batch"', 'step("bacth"', 3, "did you mean 'batch'?"),
        ("job=", "jbo=", 3, "did you mean 'job'?"),
        ('"daily_sessions"', "3", 3, "must be text"),
        ('"daily_sessions"', "object", 3, "cannot stand in a scenario"),
        ('expect("discover"', 'expect("discovr"', 4, "unknown stage"),
        ("steps=(step(", "steps=(str(", 3, "TypeError"),
        ('expect=(expect("discover", "path", from_="a", to="b"),)', "expect=()", 0, "proves nothing"),
        ('"discover",\n', '"discover", steps,\n', 2, "SyntaxError|NameError"),
        ('"discover",\n', '"discover", seed=-1,\n', 0, "from 0 to"),
        ('"discover",\n', '"discover", world=3,\n', 2, "must be a World"),
    ],
)
def test_python_refused_with_its_place(tmp_path: Path, old: str, new: str, at: int, says: str) -> None:
    text = PYTHON.replace(old, new, 1)
    if "#" in new:  # the rest of the file would not parse
        text = text.partition("#")[0] + "\n"
    error = load_refusal(write(tmp_path, "x.py", text))
    assert error.code in ("PAI010", "PAI011")
    assert any(one in error.what for one in says.split("|")), error.what
    assert error.where.endswith(f"x.py:{at}" if at else "x.py"), error.where


@pytest.mark.parametrize(
    "name",
    [
        "05_training_refused",
        "05_training_refused.yaml",
        "training-refused",
        "scenarios/05_training_refused.yaml",
        "scenarios/training-refused",
        str(SCENARIOS / "05_training_refused.yaml"),
    ],
)
def test_names_find_their_file(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find(name).resolve() == SCENARIOS / "05_training_refused.yaml"


def test_a_name_that_finds_nothing() -> None:
    with pytest.raises(InputError, match="did you mean 'training-refused'") as caught:
        find("trainig-refused")
    assert caught.value.code == "PAI012"
    for name in ("", "\0", "x" * 5000, "../nowhere", "README.md", "a\nb"):
        with pytest.raises(InputError) as caught:
            find(name)
        assert caught.value.code == "PAI012"


def test_select_knows_folders_and_single_scenarios_of_a_file(tmp_path: Path) -> None:
    assert [one.name for one in select(["every-region-no", "training-refused", "05_training_refused"], KNOWN)] == [
        "every-region-no",
        "training-refused",
    ]
    assert len(select([str(SCENARIOS)], KNOWN)) == len(load(SCENARIOS, KNOWN))
    with pytest.raises(InputError, match="PAI012"):
        select(["every-region-xx"], KNOWN)
    with pytest.raises(InputError, match="PAI010"):
        select([str(write(tmp_path, "x.yaml", "a: 1"))], KNOWN)


def test_the_bundled_scenarios() -> None:
    bundled = load(SCENARIOS, KNOWN)
    names = [one.name for one in bundled]
    assert names[:7] == [
        "ask-a-landmark",
        "probe-to-warehouse",
        "inference-rpc",
        "training-manifest",
        "training-refused",
        "context-stripped",
        "undeclared-job",
    ]
    assert "every-region-no" in names and {one.stage for one in bundled} == set(STAGES)
    for one in bundled:
        assert one.path is not None and one.about.endswith(".")
        assert one.path.suffix == ".py" or find(one.name) == one.path
        assert all((SCENARIOS / name if name.endswith(".yaml") else SCENARIOS / "requirements" / f"{name}.yaml"
                    ).is_file() for name in one.world.requirements)


def test_loading_is_light() -> None:
    code = (
        "import sys, sim.scenario.loader, sim.scenario.lock; "
        "print([m for m in ('grpc', 'fastapi', 'networkx', 'sqlglot', 'google.protobuf') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.strip() == "[]"


def survives(text: str) -> None:
    try:
        read_text(text)
    except InputError as error:
        assert error.code in ("PAI010", "PAI011") and error.where.startswith("x.yaml:") and line(error) >= 1


MARKS = st.sampled_from(
    [
        *"[]{}:,-?!&*#|>'\"%@`\n\t\r \\~<=",
        "\n- ",
        ": ",
        "\n  ",
        "<<",
        "&a ",
        "*a",
        "!!x ",
        "---\n",
        "...",
        "null",
        "true",
        "\x00",
        "\x85",
        "\ufeff",
        "\ud800",
        "9" * 40,
        ".inf",
        "NO",
        "|\n",
        ">-\n ",
        "? ",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.text() | st.lists(MARKS, max_size=20).map("".join))
def test_any_text_is_read_or_refused(text: str) -> None:
    survives(text)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_mutation_is_read_or_refused(data: st.DataObject) -> None:
    text = VALID
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 12)))
        text = text[:start] + data.draw(MARKS | st.text(max_size=5)) + text[end:]
    survives(text)


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=4), below, max_size=3),
    max_leaves=5,
)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(["scenario", "stage", "seed", "about", "world", "steps", "faults", "expect"]),
    PLAIN,
    st.sampled_from(
        ["{}", "[{}]", "{{ask: {}}}", "{{wearers: {}}}", "{{discover: {}}}", "{{discover: [{{path: {}}}]}}"]
    ),
)
def test_any_value_at_any_key_is_read_or_refused(key: str, value: object, shape: str) -> None:
    lines = [f"{key}: {shape.format(json.dumps(value))}"]
    lines += [
        f"{other}: {text}"
        for other, text in (
            ("scenario", "x"),
            ("stage", "discover"),
            ("expect", "{discover: [path: {from: a, to: b}]}"),
        )
        if other != key
    ]
    survives("\n".join(lines))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(tmp_path: Path, data: bytes) -> None:
    path = write(tmp_path, "fuzz.yaml", data)
    try:
        load(path, KNOWN)
    except InputError as error:
        assert error.code in ("PAI010", "PAI011")
