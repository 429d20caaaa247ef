"""The order of labels, held against an oracle that enumerates what each requirement allows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from lineage.enforce.guard import Guard
from lineage.enforce.permit import applying
from lineage.enforce.regions import COUNTRIES, EEA, EU, KNOWN, read, written
from lineage.enforce.requirement import Requirement
from lineage.enforce.rules import Rules, enforced
from lineage.enforce.tokens import Grant, Signer, Verifier
from lineage.errors import PolicyDenied
from lineage.model import Label
from lineage.privacylib import PrivacyLib

ANNOTATIONS = ["GLASSES_INTERACTION", "LOCATION", "MESSAGE"]
PURPOSES = ["assistance", "safety", "ads_ranking"]
REGIONS = ["EU", "EEA", "SE", "NO", "US"]
# Where data may come from and be used, one of each kind that a rule of REGIONS tells apart; "JP" is nobody's.
ORIGINS = ["SE", "DE", "NO", "US", "JP"]

purposes = st.frozensets(st.sampled_from([*PURPOSES, "*"]), min_size=1)
places = st.lists(st.sampled_from([*REGIONS, "*"]), min_size=1, max_size=3).map(tuple)
asked = st.lists(st.sampled_from([*PURPOSES, "*"]), max_size=2).map(tuple)
requirements = st.builds(
    Requirement, name=st.sampled_from("abcd"), version=st.integers(1, 3), owner=st.just("o"), zone=st.just("z"),
    mode=st.sampled_from(["logging", "enforcement"]),
    governs=st.frozensets(st.sampled_from(ANNOTATIONS), min_size=1), purposes=purposes,
    regions=st.dictionaries(st.sampled_from([*REGIONS, "*"]), places, max_size=3), consent=asked,
    purposes_by_origin=st.dictionaries(st.sampled_from(REGIONS), purposes, max_size=2),
    consent_by_origin=st.dictionaries(st.sampled_from(REGIONS), asked, max_size=2))
many = st.lists(requirements, max_size=4, unique_by=lambda one: one.name)
labels = st.frozensets(st.sampled_from(ANNOTATIONS))
origins = st.sampled_from(ORIGINS)
regions = st.sampled_from(["", "elsewhere", *REGIONS, *ORIGINS])
stated = st.sampled_from([*PURPOSES, "another", ""])

Context = tuple[str, str, str, bool]
GROUPS = {"EU": EU, "EEA": EEA}
CONTEXTS: list[Context] = list(product(ORIGINS, [*PURPOSES, "another"], [*ORIGINS, "EU", "EEA"], [True, False]))


def _inside(name: str) -> frozenset[str]:
    return GROUPS.get(name, frozenset({name}))


def _about(origin: str, rules: dict[str, Iterable[str]]) -> list[set[str]]:
    return [set(values) for key, values in rules.items() if key == "*" or origin in _inside(key)]


def oracle(one: Requirement, label: frozenset[str]) -> set[Context]:
    """allowed_r(label), as the design says it: nothing of the code under test is in it."""
    if not one.governs & label:
        return set(CONTEXTS)
    by_purpose = {"*": one.purposes, **one.purposes_by_origin}
    consent = {"*": one.consent, **one.consent_by_origin}
    return {
        (origin, purpose, region, consented) for origin, purpose, region, consented in CONTEXTS
        if all({"*", purpose} & rule for rule in _about(origin, by_purpose))
        and all("*" in rule or _inside(region) <= {place for name in rule for place in _inside(name)}
                for rule in _about(origin, dict(one.regions)))
        and (consented or not any({"*", purpose} & rule for rule in _about(origin, consent)))}


def may_flow(rules: Rules, source: frozenset[str], sink: frozenset[str]) -> bool:
    return not rules.flow(source, sink)


@given(many, labels, labels)
def test_a_flow_is_allowed_where_every_requirement_allows_the_sink_no_more(
        given_: list[Requirement], source: frozenset[str], sink: frozenset[str]) -> None:
    refused = {refusal.requirement.name for refusal in Rules(given_).flow(source, sink)}
    assert refused == {one.name for one in given_ if not oracle(one, sink) <= oracle(one, source)}
    assert Rules(given_).crosses(source, sink) == any(one.name in refused and one.mode == "enforcement"
                                                      for one in given_)


@given(many, labels, stated, regions, origins, st.booleans())
def test_a_use_is_allowed_where_every_requirement_allows_its_context(
        given_: list[Requirement], label: frozenset[str], purpose: str, region: str, origin: str, consented: bool,
) -> None:
    rules = Rules(given_)
    refused = {refusal.requirement.name for refusal in rules.use(label, purpose, region, [origin])}
    if region != "elsewhere" and purpose:  # a place that the oracle's universe has; "" is where the data are
        context = (origin, purpose, region or origin, True)
        expected = {one.name for one in given_ if context not in oracle(replace(one, regions=one.regions if region
                                                                                else {}), label)}
        assert refused == expected
    # Consent is the rows' business: asked for just where the oracle's set has the context with it alone.
    strict = [one for one in given_ if one.mode == "enforcement"]
    if purpose in PURPOSES:
        free = {one.name: replace(one, purposes=frozenset({"*"}), purposes_by_origin={}, regions={}) for one in strict}
        needed = any((origin, purpose, origin, False) not in oracle(one, label) for one in free.values())
        assert (origin not in rules.unasked(label, purpose)) == needed
        assert rules.consent_needed(label, purpose) >= needed


@given(many, labels, stated, regions)
def test_of_an_unknown_origin_what_holds_for_every_origin_is_allowed(
        given_: list[Requirement], label: frozenset[str], purpose: str, region: str) -> None:
    rules = Rules(given_)
    unknown = {refusal.requirement.name for refusal in rules.use(label, purpose, region)}
    for origin in [*ORIGINS, "EU", "EEA"]:
        assert {refusal.requirement.name for refusal in rules.use(label, purpose, region, [origin])} <= unknown
    # What is no origin is an unknown one, and a group may be any of its members.
    assert {one.requirement.name for one in rules.use(label, purpose, region, ["?"])} == unknown
    of_members = {one.requirement.name for member in EU for one in rules.use(label, purpose, region, [member])}
    assert of_members <= {one.requirement.name for one in rules.use(label, purpose, region, ["EU"])}


@given(many, labels, stated, regions)
def test_rows_are_seen_just_where_their_use_is_allowed(
        given_: list[Requirement], label: frozenset[str], purpose: str, region: str) -> None:
    rules = Rules(given_)
    seen = rules.rows(label, purpose, region)
    for origin in sorted(KNOWN):
        assert (seen is None or origin in seen) >= (enforced(rules.use(label, purpose, region, [origin])) is None)
        if seen is not None:
            assert (origin in seen) == (enforced(rules.use(label, purpose, region, [origin])) is None)
    assert (seen is None) == (enforced(rules.use(label, purpose, region)) is None)
    if seen is not None:
        assert read(written(seen)) == seen


@given(many, labels, labels, labels)
def test_flows_are_reflexive_transitive_and_monotone_in_the_join(
        given_: list[Requirement], one: frozenset[str], two: frozenset[str], three: frozenset[str]) -> None:
    rules = Rules(given_)
    assert may_flow(rules, one, one)
    assert may_flow(rules, one, one | two)  # the join is at least as restrictive as each of its sources
    if may_flow(rules, one, two) and may_flow(rules, two, three):
        assert may_flow(rules, one, three)
    # Of several sources: just where each of them may flow.
    assert may_flow(rules, one | two, three) == (may_flow(rules, one, three) and may_flow(rules, two, three))
    if may_flow(rules, one, two):
        assert may_flow(rules, one, two | three) and may_flow(rules, one | three, two | three)


@given(many, labels, labels, stated, regions, st.lists(origins, max_size=3), st.randoms(use_true_random=False))
@settings(max_examples=60)
def test_no_order_of_anything_changes_a_decision(given_: list[Requirement], one: frozenset[str], two: frozenset[str],
                                                 purpose: str, region: str, come: list[str], chance: object) -> None:
    rules = Rules(given_)
    shuffled = list(given_)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    other = Rules(shuffled)
    assert rules.versions == other.versions
    assert rules.flow(sorted(one), sorted(two)) == other.flow(sorted(one, reverse=True), sorted(two, reverse=True))
    assert rules.use(sorted(one), purpose, region, come) == other.use(sorted(one, reverse=True), purpose, region,
                                                                      come[::-1])


@given(many, requirements, labels, labels, stated, regions, st.lists(origins, max_size=2))
def test_adding_a_requirement_never_changes_anothers_decision(
        given_: list[Requirement], new: Requirement, one: frozenset[str], two: frozenset[str], purpose: str,
        region: str, come: list[str]) -> None:
    new = replace(new, name="new")
    before, after = Rules(given_), Rules([*given_, new])
    for said, said_after in ((before.use(one, purpose, region, come), after.use(one, purpose, region, come)),
                             (before.flow(one, two), after.flow(one, two))):
        assert said == [refusal for refusal in said_after if refusal.requirement is not new]
    alone = Rules([new])
    assert [refusal for refusal in after.use(one, purpose, region, come) if refusal.requirement is new] == alone.use(
        one, purpose, region, come)


SIGNER = Signer("1")
TOKENS = {"none": b"", "of other rules": SIGNER.sign(Grant("p", "", "query:q", ("warehouse:t#x",), ("old@1",))),
          "of another": SIGNER.sign(Grant("p", "", "query:other", ("warehouse:t#x",), ("old@1",)))}


def boundary_lets(given_: list[Requirement], label: frozenset[str], shown: bytes) -> bool:
    lib = PrivacyLib("warehouse", [Guard(Rules(given_), Verifier(SIGNER.public_key))])
    lib.register("warehouse:t", {"x": Label("user.x", tuple(sorted(label))), "y": Label(operational="count")})
    try:
        with lib.scope(key="1" * 32), lib.activity("query:q", claims=shown), lib.read("warehouse:t", fields=("x", "y")):
            return True
    except PolicyDenied:
        return False


@given(many, requirements, labels, st.sampled_from(sorted(TOKENS)))
@settings(max_examples=60)
def test_a_requirement_about_other_data_changes_nothing_at_the_boundary(
        given_: list[Requirement], new: Requirement, label: frozenset[str], token: str) -> None:
    """A read is refused for want of a token where a requirement that governs it is in enforcement mode itself."""
    new = replace(new, name="new", mode="enforcement", governs=frozenset(ANNOTATIONS) - label)
    enforcing = any(one.mode == "enforcement" and one.governs & label for one in given_)
    assert boundary_lets(given_, label, TOKENS[token]) is not enforcing
    if new.governs:
        assert boundary_lets([*given_, new], label, TOKENS[token]) is not enforcing


@given(st.sets(st.sampled_from("xy")), st.sampled_from(["logging", "enforcement"]))
def test_what_a_token_does_not_admit_is_refused_where_it_is_enforced(admitted: set[str], mode: str) -> None:
    """x is governed by a requirement in enforcement mode, y by one in ``mode``."""
    rules = [Requirement(name, 1, "o", "z", of, frozenset({name.upper()}), frozenset({"*"}))  # type: ignore[arg-type]
             for name, of in (("x", "enforcement"), ("y", mode))]
    lib = PrivacyLib("warehouse", [Guard(Rules(rules), Verifier(SIGNER.public_key))])
    lib.register("warehouse:t", {name: Label("user.x", (name.upper(),)) for name in "xy"})
    shown = SIGNER.sign(Grant("p", "", "query:q", tuple(f"warehouse:t#{one}" for one in sorted(admitted)),
                              ("x@1", "y@1")))
    lets = "x" in admitted and (mode == "logging" or "y" in admitted)
    try:
        with lib.scope(key="1" * 32), lib.activity("query:q", claims=shown), lib.read("warehouse:t", fields=("x", "y")):
            assert lets
    except PolicyDenied as refused:
        assert refused.code == "PAI303" and not lets


@given(requirements, st.sampled_from([*ORIGINS, "EU"]))
def test_the_stricter_wins_is_the_intersection_of_the_rules_alone(one: Requirement, origin: str) -> None:
    """Each rule by itself, as a requirement of its own, allows what all of them together do, or more."""
    none = replace(one, purposes=frozenset({"*"}), regions={}, consent=(), purposes_by_origin={}, consent_by_origin={})
    alone = [replace(none, purposes=one.purposes), replace(none, consent=one.consent),
             *(replace(none, purposes_by_origin={key: rule}) for key, rule in one.purposes_by_origin.items()),
             *(replace(none, regions={key: rule}) for key, rule in one.regions.items()),
             *(replace(none, consent_by_origin={key: rule}) for key, rule in one.consent_by_origin.items())]
    together = applying(one, origin)
    for _, purpose, region, consented in CONTEXTS:
        assert together.allows(purpose, region, consented) == all(
            applying(rule, origin).allows(purpose, region, consented) for rule in alone)


@given(many, labels, stated, regions)
def test_what_is_forbidden_is_what_some_use_of_it_alone_is_refused_for(
        given_: list[Requirement], label: frozenset[str], purpose: str, region: str) -> None:
    rules = Rules(given_)
    refused = {name for one in given_ if one.mode == "enforcement"
               for name in one.governs if Rules([one]).use([name], purpose, region)}
    assert rules.forbidden(purpose, region) == refused
    assert bool(rules.forbidden(purpose, region) & label) == (enforced(rules.use(label, purpose, region)) is not None)


@given(st.frozensets(st.sampled_from(sorted(COUNTRIES))))
def test_origins_are_written_shortly_and_read_back(some: frozenset[str]) -> None:
    groups = {name for name, inside in GROUPS.items() if inside <= some}
    assert read(written(some)) == some | groups
    rest = COUNTRIES - some
    assert read(written(rest)) == rest | {name for name, inside in GROUPS.items() if inside <= rest}


@given(st.text(max_size=30))
def test_no_text_names_an_origin_that_is_none(text: str) -> None:
    assert read(text) <= KNOWN
