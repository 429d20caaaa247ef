"""Which rows an activity may see: what the policy service signs, and what the boundary makes of it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.enforce.boundary import placed
from lineage.enforce.gate import Crossing, Input, admit
from lineage.enforce.narrowing import Keys, narrowed, origins_of
from lineage.enforce.regions import COUNTRIES, EEA, EU, KNOWN
from lineage.enforce.requirement import Requirement
from lineage.enforce.rules import Rules, enforced
from lineage.enforce.tokens import Grant, Signer, Verifier

SIGNER = Signer("1")
SAID, WHO = Input("warehouse:core.a#said", ("G",)), Input("warehouse:core.a#who", ("G",))
FROM, FREE = Input("warehouse:core.a#from", ()), Input("warehouse:core.b#id", ())
KEYS = {"warehouse:core.a": Keys(WHO, FROM)}


def requirement(name: str = "r", **more: Any) -> Requirement:
    return Requirement(**{"name": name, "version": 1, "owner": "o", "zone": "z", "mode": "enforcement",  # type: ignore[arg-type]
                          "governs": frozenset({"G"}), "purposes": frozenset({"assistance"}), **more})


HOME = requirement(regions={"EU": ("EU",), "*": ("*",)})


def names(items: list[Input]) -> list[str]:
    return [item.asset.partition("#")[2] for item in items]


def test_rows_are_narrowed_to_the_origins_that_may_be_used_there() -> None:
    rows = narrowed(Rules([HOME]), KEYS, [SAID, FREE], "assistance", "US")
    assert rows.origins == ("warehouse:core.a=-EU",) and rows.consenting == rows.unasked == ()
    # To see where a row comes from is a use too, whose it is nobody asked.
    assert names(rows.used) == ["from", "said", "id"]
    assert set(rows.placed(SAID).origins) == COUNTRIES - EU and rows.placed(FREE).origins == ()


@pytest.mark.parametrize(("used", "purpose", "region"), [
    ([SAID], "assistance", "EU"), ([SAID], "assistance", ""), ([FROM], "assistance", "US"), ([FREE], "ads", "US")])
def test_nothing_is_narrowed_where_every_row_may_be_used(used: list[Input], purpose: str, region: str) -> None:
    rows = narrowed(Rules([HOME]), KEYS, used, purpose, region)
    assert rows.origins == () and names(rows.used) == names(used)


def test_a_table_that_does_not_say_where_its_rows_are_from_is_used_whole_or_not_at_all() -> None:
    rules = Rules([HOME])
    for region, code in (("EU", ""), ("US", "PAI310"), ("", "")):
        rows = narrowed(rules, {"warehouse:core.a": Keys(WHO, None)}, [SAID], "assistance", region)
        assert rows.origins == ()
        assert admit(rules, activity="a", purpose="assistance", principal="p", inputs=rows.used,
                     region=region).code == code


@pytest.mark.parametrize(("rules", "code"), [
    ([requirement(regions={"*": ("EU",)})], "PAI309"),
    ([HOME, requirement("s", regions={"*": ("EEA",)})], "PAI309"),
    # Only together do they leave nothing: it is named for an origin that one of them refuses.
    ([HOME, requirement("s", regions=dict.fromkeys(COUNTRIES - EU, ("JP",)))], "PAI309"),
    ([requirement(purposes_by_origin={"*": frozenset({"safety"})})], "PAI301")])
def test_what_may_be_used_of_no_origin_is_refused_whole(rules: list[Requirement], code: str) -> None:
    rows = narrowed(Rules(rules), KEYS, [SAID], "assistance", "US")
    decision = admit(Rules(rules), activity="a", purpose="assistance", principal="p", inputs=rows.used, region="US")
    assert (decision.verdict, decision.code) == ("blocked", code)


def test_what_is_written_may_work_on_rows_that_are_there() -> None:
    keys = {"warehouse:core.a": Keys(WHO, FROM, columns=(SAID, WHO, FROM))}
    rows = narrowed(Rules([HOME]), keys, [FREE], "assistance", "US")
    assert rows.origins == ("warehouse:core.a=-EU",) and names(rows.used) == ["id"]


def test_consent_is_asked_of_those_whom_a_rule_on_their_origin_asks() -> None:
    rules = Rules([requirement(consent_by_origin={"EEA": ("assistance",)})])
    rows = narrowed(rules, KEYS, [SAID], "assistance", "")
    assert rows.consenting == ("core.a",) and origins_of(rows.unasked, "warehouse:core.a") == COUNTRIES - EEA
    assert names(rows.used) == ["from", "said", "who"] and rows.origins == ()
    # Without the column everybody is asked.
    rows = narrowed(rules, {"warehouse:core.a": Keys(WHO, None)}, [SAID], "assistance", "")
    assert (rows.consenting, rows.unasked) == (("core.a",), ())
    assert narrowed(rules, KEYS, [SAID], "safety", "").consenting == ()


def test_what_is_made_of_narrowed_rows_is_of_their_origins() -> None:
    rows = narrowed(Rules([HOME]), KEYS, [SAID], "assistance", "US")
    made, other = Input("file:exports/x#said", ("G",)), Input("file:exports/y#said", ("G",))
    flows = [Crossing(SAID, made), Crossing(FREE, made), Crossing(SAID, other),
             Crossing(Input("warehouse:core.c#said", ("G",)), other)]
    assert rows.made(flows) == ("warehouse:core.a=-EU", "file:exports/x=-EU")  # of y part is from anywhere


def test_the_boundary_goes_by_what_was_signed() -> None:
    token = SIGNER.sign(Grant("p", "assistance", "job:j", (SAID.asset,), ("r@1",), "US",
                              origins=("warehouse:core.a=-EU",)))
    claims = Verifier(SIGNER.public_key).claims(token)
    assert claims is not None and claims.region == "US"
    at, free = placed([SAID, FREE], claims)
    assert set(at.origins) == COUNTRIES - EU and free.origins == ()


def test_logging_mode_withholds_nothing() -> None:
    rules = Rules([requirement(mode="logging", regions={"*": ("EU",)}, consent=("assistance",))])
    rows = narrowed(rules, KEYS, [SAID], "assistance", "US")
    assert (rows.origins, rows.consenting, rows.unasked) == ((), (), ())
    decision = admit(rules, activity="a", purpose="assistance", principal="p", inputs=rows.used, region="US")
    assert (decision.verdict, decision.code) == ("allowed", "PAI309")


places = st.lists(st.sampled_from(["EU", "EEA", "US", "NO", "*"]), min_size=1, max_size=2).map(tuple)
purposes = st.frozensets(st.sampled_from(["assistance", "safety", "*"]), min_size=1)
regional = st.sampled_from(["EU", "EEA", "US", "NO"])
some = st.lists(st.builds(
    requirement, name=st.sampled_from("abc"), governs=st.frozensets(st.sampled_from("GH"), min_size=1),
    purposes=purposes, regions=st.dictionaries(regional | st.just("*"), places, max_size=2),
    purposes_by_origin=st.dictionaries(regional, purposes, max_size=2),
    mode=st.sampled_from(["enforcement", "logging"])), max_size=3, unique_by=lambda one: one.name)


@given(some, st.lists(st.sampled_from([SAID, WHO, FROM, Input("warehouse:core.a#h", ("H",))]), min_size=1, unique=True),
       st.sampled_from(["assistance", "safety"]), st.sampled_from(["", "EU", "US", "NO", "JP"]))
def test_the_rows_that_are_left_are_those_whose_use_is_permitted(
        given_: list[Requirement], used: list[Input], purpose: str, region: str) -> None:
    """Row by row, against the judgement of the row's own origin."""
    rules = Rules(given_)
    rows = narrowed(rules, {"warehouse:core.a": Keys(WHO, FROM._replace(annotations=("G",)))}, used, purpose, region)
    label = {name for item in rows.used for name in item.annotations}
    decision = admit(rules, activity="a", purpose=purpose, principal="p", inputs=rows.used, region=region)
    seen = origins_of(rows.origins, "warehouse:core.a")
    for origin in sorted(KNOWN):
        may = enforced(rules.use(label, purpose, region, [origin])) is None
        assert may == (decision.verdict == "allowed" and (seen is None or origin in seen))
