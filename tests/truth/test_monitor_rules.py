"""The monitor's reading of requirements, beside the PAI's: two readings by two people must say the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage.enforce.requirement import parse
from lineage.enforce.rules import Rules
from sim.truth.reference.rules import Rule, forbidding_flow, forbidding_use, in_force, read

TEXT = """\
requirement: {name}
version: 1
owner: someone
zone: {name}
mode: {mode}
governs: [{governs}]
permit:
  purposes: {purposes}
  regions: {regions}
  consent: []
"""
ANNOTATIONS = ("GLASSES", "GAZE", "VOICE")
ORIGINS = ("SE", "NO", "US", "EU", "EEA")


def text(name: str = "one", mode: str = "enforcement", governs: str = "GLASSES", purposes: str = "[assistance]",
         regions: str = '{"*": ["*"]}') -> str:
    return TEXT.format(name=name, mode=mode, governs=governs, purposes=purposes, regions=regions)


def rule(**given: str) -> Rule:
    return read(text(**given))


def listed(values: list[str]) -> str:
    return "[" + ", ".join(f'"{value}"' for value in values) + "]"


_purposes = st.lists(st.sampled_from(("assistance", "safety", "ads", "*")), min_size=1, max_size=2, unique=True)
_regions = st.lists(st.sampled_from((*ORIGINS, "*")), min_size=1, max_size=2, unique=True)


@st.composite
def requirements(draw: st.DrawFn, name: str = "one") -> str:
    by_origin = draw(st.dictionaries(st.sampled_from((*ORIGINS, "*")), _purposes, min_size=1, max_size=2))
    regions = draw(st.dictionaries(st.sampled_from((*ORIGINS, "*")), _regions, min_size=1, max_size=2))
    purposes = listed(draw(_purposes)) if draw(st.booleans()) else (
        "{" + ", ".join(f'"{key}": {listed(value)}' for key, value in by_origin.items()) + "}")
    return text(name=name, mode=draw(st.sampled_from(("enforcement", "logging"))),
                governs=", ".join(draw(st.lists(st.sampled_from(ANNOTATIONS), min_size=1, unique=True))),
                purposes=purposes,
                regions="{" + ", ".join(f'"{key}": {listed(value)}' for key, value in regions.items()) + "}")


_labels = st.frozensets(st.sampled_from(ANNOTATIONS), max_size=2)


@settings(max_examples=300, deadline=None)
@given(requirements(), requirements(name="other"), _labels, _labels,
       st.sampled_from(("assistance", "safety", "ads", "")), st.sampled_from(("", *ORIGINS)),
       st.lists(st.sampled_from(("SE", "NO", "US")), max_size=2))
def test_two_readings_say_the_same(one: str, other: str, source: frozenset[str], sink: frozenset[str], purpose: str,
                                   region: str, origins: list[str]) -> None:
    """Differential: the naive one enumerates, the PAI's compiles to bits."""
    ours = [read(one), read(other)]
    theirs = Rules([parse(one, Path("one.yaml")), parse(other, Path("other.yaml"))])
    refused = {refusal.requirement.id for refusal in theirs.use(source, purpose, region, origins)
               if refusal.requirement.mode == "enforcement"}
    assert set(forbidding_use(ours, source, purpose, region, origins)) == refused
    crossed = {refusal.requirement.id for refusal in theirs.flow(source, sink)
               if refusal.requirement.mode == "enforcement"}
    assert set(forbidding_flow(ours, source, sink)) == crossed


@pytest.mark.parametrize(("purpose", "region", "origins", "forbidden"), [
    ("assistance", "", (), False),
    ("ads", "", (), True),
    ("", "", (), True),  # nobody vouches for a purpose
    ("assistance", "US", ("SE",), True),
    ("assistance", "SE", ("SE",), False),
    ("assistance", "EU", ("SE", "US"), False),
    ("assistance", "US", ("US",), False),
    ("assistance", "US", (), True),  # it may be from anywhere
])
def test_a_use(purpose: str, region: str, origins: tuple[str, ...], forbidden: bool) -> None:
    one = rule(regions='{EU: [EU], "*": ["*"]}')
    assert bool(forbidding_use([one], {"GLASSES"}, purpose, region, origins)) is forbidden
    assert not forbidding_use([one], {"GAZE"}, purpose, region, origins)
    assert not forbidding_use([rule(mode="logging", regions='{EU: [EU]}')], {"GLASSES"}, purpose, region, origins)


def test_a_sink_that_nothing_labels_is_permitted_nothing_that_is_governed() -> None:
    assert forbidding_flow([rule()], {"GLASSES"}, None) and forbidding_flow([rule()], {"GLASSES"}, ())
    assert not forbidding_flow([rule()], {"GLASSES"}, {"GLASSES", "GAZE"})
    assert not forbidding_flow([rule()], {"GAZE"}, None)


def test_a_reviewed_lowering_holds_for_its_edge_and_until_its_day() -> None:
    entry = ("reclassify:\n  - {from: 'warehouse:core.a', to: 'warehouse:core.b#n', drops: [GLASSES],"
             " until: 2026-01-31, transformation: {sql: count}, digest: 'd'}")
    one, now = read(f"{text()}{entry}\n"), {"sql:count": "d"}
    edge = ("warehouse:core.a#said", "warehouse:core.b#n")
    other = ("warehouse:core.a#said", "warehouse:core.b#other")
    assert not forbidding_flow([one], {"GLASSES"}, (), edge, "2026-01-31", now)
    assert forbidding_flow([one], {"GLASSES"}, (), edge, "2026-02-01", now)
    assert forbidding_flow([one], {"GLASSES"}, (), other, "2026-01-05", now)
    # What cannot be checked does not hold.
    assert forbidding_flow([one], {"GLASSES"}, (), edge, "", now)
    for digests in ({}, {"sql:count": "e"}, {"sql:other": "d"}, {"code:count": "d"}):
        assert forbidding_flow([one], {"GLASSES"}, (), edge, "2026-01-31", digests)


def test_what_an_owner_sends_is_in_force_from_then_on() -> None:
    sent = [{"method": "RunJob"}, {"method": "Require", "request": {"text": text(purposes="[safety]")}},
            {"method": "RunJob"}]
    before, between, after, at_last = in_force([rule()], sent, lambda at: True)
    assert before == between == [rule()] and after == at_last == [rule(purposes="[safety]")]
    assert in_force([rule()], sent, lambda at: False)[-1] == [rule()]
