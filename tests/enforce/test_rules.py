"""Rules, gate and tokens: per requirement, independent of every other, failing closed."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.enforce import requirement
from lineage.enforce.gate import Crossing, Input, admit, judge
from lineage.enforce.requirement import Requirement
from lineage.enforce.rules import Rules, enforced
from lineage.enforce.tokens import Grant, Signer, Verifier
from lineage.errors import InputError

ANNOTATIONS = ["GLASSES_INTERACTION", "LOCATION", "MESSAGE"]
PURPOSES = ["assistance", "safety", "ads_ranking"]


def make(name: str, governs: set[str], purposes: set[str], mode: str = "enforcement") -> Requirement:
    return Requirement(name, 1, "owner", name, mode, frozenset(governs), frozenset(purposes))  # type: ignore[arg-type]


GLASSES = make("glasses", {"GLASSES_INTERACTION"}, {"assistance", "safety"})
requirements = st.builds(make, st.sampled_from("abc"), st.sets(st.sampled_from(ANNOTATIONS), min_size=1),
                         st.sets(st.sampled_from(PURPOSES), min_size=1))
labels = st.sets(st.sampled_from(ANNOTATIONS))


@given(requirements, labels, st.sampled_from(PURPOSES))
def test_adding_a_requirement_never_changes_anothers_decision(
        other: Requirement, label: set[str], purpose: str) -> None:
    alone = Rules([GLASSES]).use(label, purpose)
    beside = [one for one in Rules([GLASSES, other]).use(label, purpose) if one.requirement is GLASSES]
    assert alone == beside


@given(requirements, labels, labels, st.sampled_from(PURPOSES))
def test_a_flow_that_is_allowed_never_allows_a_purpose_that_the_source_refuses(
        one: Requirement, source: set[str], sink: set[str], purpose: str) -> None:
    rules = Rules([one])
    if not rules.flow(source, sink) and rules.use(source, purpose):
        assert rules.use(sink, purpose)


@given(requirements, labels, labels, labels)
def test_flows_are_transitive_and_monotone(
        one: Requirement, first: set[str], second: set[str], third: set[str]) -> None:
    rules = Rules([one])
    if not rules.flow(first, second) and not rules.flow(second, third):
        assert not rules.flow(first, third)
    if rules.flow(first, second):
        assert rules.flow(first | third, second)


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
    ("owner: o\n", "", "'owner' is missing"), ("zone: z", "zone: [", "not YAML"), ("requirement: r", "- r", "YAML")])
def test_a_malformed_requirement_says_what_and_where(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(InputError) as raised:
        requirement.load(write(tmp_path, GOOD.replace(old, new)))
    assert raised.value.code == "PAI022"
    assert said in raised.value.what
    assert "r.yaml" in raised.value.where


def test_a_missing_requirement_names_those_there_are(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    with pytest.raises(InputError, match="there are r") as raised:
        requirement.load(tmp_path / "q.yaml")
    assert raised.value.code == "PAI012"
