"""Rules, gate and tokens: per requirement, independent of every other, failing closed."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.enforce import requirement
from lineage.enforce.gate import Crossing, Input, admit, judge
from lineage.enforce.requirement import Requirement
from lineage.enforce.rules import Rules, enforced
from lineage.enforce.tokens import Grant, Signer, Verifier
from lineage.errors import InputError


def make(name: str, governs: set[str], purposes: set[str], mode: str = "enforcement") -> Requirement:
    return Requirement(name, 1, "owner", name, mode, frozenset(governs), frozenset(purposes))  # type: ignore[arg-type]


GLASSES = make("glasses", {"GLASSES_INTERACTION"}, {"assistance", "safety"})
def test_logging_mode_refuses_nothing() -> None:
    logging = Rules([make("glasses", {"GLASSES_INTERACTION"}, {"assistance"}, "logging")])
    assert logging.use({"GLASSES_INTERACTION"}, "ads_ranking")
    assert enforced(logging.use({"GLASSES_INTERACTION"}, "ads_ranking")) is None


def test_the_gate_names_the_refused_inputs_and_the_rule() -> None:
    decision = admit(Rules([GLASSES]), activity="training:ads", purpose="ads_ranking", principal="training", inputs=[
        Input("warehouse:t#said", ("GLASSES_INTERACTION",)), Input("warehouse:t#ds", ())])
    assert (decision.verdict, decision.code, decision.inputs) == ("blocked", "PAI301", ("warehouse:t#said",))
    assert "glasses@1 (owner owner)" in decision.reason
    assert decision.requirements == ("glasses@1",)


def test_an_input_without_a_label_is_refused_in_enforcement_mode_only() -> None:
    unlabelled = [Input("warehouse:t#x", (), annotated=False)]
    closed = admit(Rules([GLASSES]), activity="a", purpose="assistance", principal="p", inputs=unlabelled)
    assert (closed.verdict, closed.code) == ("blocked", "PAI304")
    logging = Rules([make("g", {"A"}, {"b"}, "logging")])
    assert admit(logging, activity="a", purpose="c", principal="p", inputs=unlabelled).verdict == "allowed"


def test_what_logging_mode_lets_through_says_so() -> None:
    logging = Rules([make("g", {"A"}, {"b"}, "logging")])
    decision = admit(logging, activity="a", purpose="c", principal="p", inputs=[Input("warehouse:t#x", ("A",))])
    assert decision.verdict == "allowed"
    assert decision.reason.startswith("in logging mode only: g@1")


def test_one_refused_input_of_many_refuses_the_run() -> None:
    inputs = [Input(f"warehouse:t#{index}", ()) for index in range(50)] + [
        Input("warehouse:t#said", ("GLASSES_INTERACTION",))]
    assert admit(Rules([GLASSES]), activity="a", purpose="ads_ranking", principal="p",
                 inputs=inputs).verdict == "blocked"


def test_a_job_is_judged_by_use_and_by_flow() -> None:
    source = Input("warehouse:a#said", ("GLASSES_INTERACTION",))
    bare, labelled = Input("warehouse:b#said", ()), Input("warehouse:b#said", ("GLASSES_INTERACTION",))

    def judged(purpose: str, sink: Input) -> str:
        return judge(Rules([GLASSES]), activity="job:x", purpose=purpose, principal="warehouse",
                     crossings=[Crossing(source, sink)]).code

    assert judged("assistance", labelled) == ""
    assert judged("assistance", bare) == "PAI302"
    assert judged("ads_ranking", labelled) == "PAI301"


def test_the_same_decision_has_the_same_id() -> None:
    def once() -> str:
        return admit(Rules([GLASSES]), activity="a", purpose="assistance", principal="p",
                     inputs=[Input("warehouse:t#x", ())]).id

    assert once() == once()


def test_a_token_is_genuine_only_as_it_was_signed() -> None:
    signer = Signer("7")
    token = signer.sign(Grant("training", "assistance", "training:x", ("warehouse:t#x",), ("glasses@1",), "EU"))
    verifier = Verifier(signer.public_key)
    claims = verifier.claims(token)
    assert claims is not None
    assert (claims.activity, claims.inputs) == ("training:x", ("warehouse:t#x",))
    forged = token.replace(b"assistance", b"ads_rankin")
    assert forged != token
    assert verifier.claims(forged) is None
    assert Verifier(Signer("8").public_key).claims(token) is None
    assert verifier.claims(b"") is None


@given(st.binary(max_size=200))
def test_no_bytes_but_a_token_are_a_token(data: bytes) -> None:
    assert Verifier(Signer("7").public_key).claims(data) is None


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "r.yaml"
    path.write_text(text)
    return path


GOOD = """requirement: r
version: 3
owner: o
zone: z
mode: enforcement
governs: [A]
permit: {purposes: [assistance], regions: {EU: [EU]}, consent: [assistance]}
reclassify: []
"""


def test_a_requirement_file_is_read(tmp_path: Path) -> None:
    read = requirement.load(write(tmp_path, GOOD))
    assert (read.id, read.mode, read.governs, read.purposes) == (
        "r@3", "enforcement", frozenset({"A"}), frozenset({"assistance"}))


@pytest.mark.parametrize(("old", "new", "said"), [
    ("governs: [A]", "govern: [A]", "did you mean 'governs'"), ("mode: enforcement", "mode: enforce", "mode is"),
    ("version: 3", "version: three", "whole number"), ("purposes: [assistance]", "purposes: []", "at least one"),
    ("owner: o\n", "", "'owner' is missing"), ("zone: z", "zone: [", "not YAML"), ("requirement: r", "- r", "YAML"),
    ("mode: enforcement", "mode: enforcment", "did you mean 'enforcement'"), ("version: 3", "version: 0", "from 1"),
    ("permit: {", "permit: [", "not YAML"),
    (GOOD[GOOD.index("permit"):GOOD.index("recl")], "permit: [a]\n", "permit is a mapping"),
    ("[A]", "[a-b]", "did you mean 'A_B'"), ("[assistance], r", "[To assist], r", "is no purpose"),
    ("{EU: [EU]}", "{EUU: [EU]}", "'EUU' is no region"), ("{EU: [EU]}", "{eu: [EU]}", "did you mean 'EU'"),
    ("{EU: [EU]}", "{EU: [UK]}", "did you mean 'GB'"), ("{EU: [EU]}", "{EU: []}", "regions.EU is a list"),
    ("{EU: [EU]}", "[EU]", "regions is a mapping"), ("{EU: [EU]}", "{false: [EU]}", 'write "NO" in quotes'),
    ("{EU: [EU]}", "{EU: [false]}", 'write "NO" in quotes'), ("purposes: [assistance]", "purposes: {}", "purposes is"),
    ("[assistance], r", "{UK: [safety]}, r", "did you mean 'GB'"), ("consent: [", "consents: [", "mean 'consent'")])
def test_a_malformed_requirement_says_what_and_where(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(InputError) as raised:
        requirement.load(write(tmp_path, GOOD.replace(old, new)))
    assert raised.value.code == "PAI022"
    assert said in raised.value.what
    assert "r.yaml" in raised.value.where


@pytest.mark.parametrize("old", ["version: 3", "zone: z", "governs: [A]", "permit: {", "mode: enforcement"])
def test_the_line_is_named(tmp_path: Path, old: str) -> None:
    with pytest.raises(InputError) as raised:
        requirement.load(write(tmp_path, GOOD.replace(old, "n" + old)))
    assert raised.value.where.endswith(f"r.yaml:{GOOD[:GOOD.index(old)].count(chr(10)) + 1}")


def test_a_requirement_goes_by_origin(tmp_path: Path) -> None:
    text = GOOD.replace("[assistance], r", "{EU: [assistance], NO: [safety]}, r")
    read = requirement.load(write(tmp_path, text.replace(
        "consent: [assistance]", 'consent: {"*": [assistance], EEA: ["*"], US: []}')))
    assert (read.purposes, read.purposes_by_origin) == ({"*"}, {"EU": {"assistance"}, "NO": {"safety"}})
    assert (read.consent, read.consent_by_origin) == (("assistance",), {"EEA": ("*",), "US": ()})
    assert read.permits("anything") and Rules([read]).use(["A"], "safety", "", ["SE"])
    assert not Rules([read]).use(["A"], "safety", "", ["NO"])


def test_a_refused_region_names_the_rule_and_the_origin(tmp_path: Path) -> None:
    rules = Rules([requirement.load(write(tmp_path, GOOD))])
    [refused] = rules.use(["A"], "assistance", "US", ["SE", "US"])
    assert refused.code == "PAI309" and refused.reason == "r@3 (owner o) lets A of SE be used in EU, not in US"
    [unknown] = rules.use(["A"], "assistance", "US")
    assert unknown.code == "PAI310" and "permits assistance in US" in unknown.reason
    assert not rules.use(["A"], "assistance", "EU") and not rules.use(["A"], "assistance")
    [nowhere] = Rules([requirement.load(write(tmp_path, GOOD.replace("{EU: [EU]}", '{"*": [EU]}')))]).use(
        ["A"], "assistance", "US")
    assert nowhere.code == "PAI309"  # nothing is to be known: no origin's data may be used there


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5),
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
                        st.sampled_from(["purposes", "regions", "consent", "EU", "*", "UK"]), inner, max_size=3)))
def test_any_permit_is_read_or_refused_with_a_line(permit: object) -> None:
    with TemporaryDirectory() as folder:
        text = GOOD.replace("{purposes: [assistance], regions: {EU: [EU]}, consent: [assistance]}", json.dumps(permit))
        try:
            read = requirement.load(write(Path(folder), text))
        except InputError as error:
            assert error.code == "PAI022"
        else:
            Rules([read]).use(["A"], "assistance", "US")


def test_a_missing_requirement_names_those_there_are(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    with pytest.raises(InputError, match="there are r") as raised:
        requirement.load(tmp_path / "q.yaml")
    assert raised.value.code == "PAI012"
