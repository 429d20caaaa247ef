"""A run is admitted with the remedies that its manifest allows, and what was admitted is judged again."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.enforce.admission import admitted, rechecked
from lineage.enforce.requirement import Requirement
from lineage.enforce.rules import Rules
from protos import policy_pb2 as pb

TABLE, OTHER = "core.sessions", "dash.counts"
MINE = Requirement("mine", 1, "o", "z", "enforcement", frozenset({"GI"}), frozenset({"assistance"}), {"*": ("*",)},
                   ("assistance",))
RULES = Rules([MINE])
WITHDRAWN = True


def labelled(name: str, *annotations: str, table: str = TABLE) -> pb.Labelled:
    return pb.Labelled(asset=f"warehouse:{table}#{name}", annotations=annotations, annotated=True)


UTTERANCE, REGION, WEARER = labelled("utterance", "GI"), labelled("region"), labelled("wearer", "GI")
COUNTS = pb.Replacement(of=TABLE, by=OTHER, inputs=[labelled("n", table=OTHER)])


def request(*inputs: pb.Labelled, purpose: str = "ads", allow: tuple[str, ...] | None = None,
            droppable: tuple[pb.Labelled, ...] = (), replacements: tuple[pb.Replacement, ...] = ()) -> pb.AdmitRequest:
    made = pb.AdmitRequest(activity="training:x", purpose=purpose, principal="training", inputs=inputs)
    if allow is not None:
        made.remedies.CopyFrom(pb.Remedies(allow=allow, droppable=[item.asset for item in droppable],
                                           replacements=replacements, keys=[WEARER.asset]))
    return made


def test_a_refused_column_is_left_out_where_the_manifest_allows_it() -> None:
    asked = (UTTERANCE, REGION, WEARER)
    found = admitted(RULES, request(*asked, allow=("drop_column",), droppable=(UTTERANCE,)), False)
    assert found.decision.verdict == "remediated" and found.decision.code == "PAI301"
    assert found.dropped == (UTTERANCE.asset, WEARER.asset), "nobody needs to know whose a row is any more"
    assert [item.asset for item in found.rows.used] == [REGION.asset]
    assert "utterance is left out" in found.decision.reason and found.decision.inputs == found.dropped


@pytest.mark.parametrize("asked", [
    request(UTTERANCE, REGION), request(UTTERANCE, REGION, allow=(), droppable=(UTTERANCE,)),
    request(UTTERANCE, REGION, allow=("drop_column",)),
    request(UTTERANCE, allow=("drop_column",), droppable=(UTTERANCE,)),
    request(UTTERANCE, allow=("replace_table",)), request(UTTERANCE, allow=("drop_rows",), replacements=(COUNTS,)),
    request(UTTERANCE, allow=("replace_table",), replacements=(
        pb.Replacement(of=TABLE, by=OTHER, inputs=[labelled("n", "GI", table=OTHER)]),)),
], ids=["none said", "none allowed", "needed", "nothing left", "nothing stands in", "another remedy", "as governed"])
def test_what_cannot_be_remedied_is_refused_as_it_would_be_without(asked: pb.AdmitRequest) -> None:
    found = admitted(RULES, asked, False)
    assert (found.decision.verdict, found.decision.code) == ("blocked", "PAI301")
    assert (found.dropped, found.replaced) == ((), ())


def test_a_table_that_is_permitted_stands_for_one_that_is_not() -> None:
    found = admitted(RULES, request(UTTERANCE, WEARER, allow=("replace_table",), replacements=(COUNTS,)), False)
    assert found.decision.verdict == "remediated" and found.replaced == (TABLE,)
    assert [item.asset for item in found.rows.used] == [f"warehouse:{OTHER}#n"]


def test_rows_without_consent_are_left_out_or_the_run_is() -> None:
    def judged(allow: tuple[str, ...] | None, withdrawn: bool) -> tuple[str, str, bool]:
        found = admitted(RULES, request(UTTERANCE, WEARER, purpose="assistance", allow=allow), withdrawn)
        assert found.rows.consenting == (TABLE,), "whatever is said, the warehouse withholds them"
        return found.decision.verdict, found.decision.code, found.rows_dropped

    assert judged(None, WITHDRAWN) == judged(None, False) == ("allowed", "", False)
    assert judged(("drop_rows",), WITHDRAWN) == ("remediated", "", True)
    assert judged(("drop_column",), WITHDRAWN) == ("blocked", "PAI336", False)
    assert judged(("drop_column",), False) == ("allowed", "", False)


@given(st.lists(st.sampled_from(["drop_column", "drop_rows", "replace_table"]), unique=True), st.booleans(),
       st.sampled_from(["ads", "assistance"]), st.sets(st.sampled_from(["utterance", "wearer"])))
def test_what_is_let_through_holds_nothing_that_is_refused(allow: list[str], withdrawn: bool, purpose: str,
                                                           droppable: set[str]) -> None:
    found = admitted(RULES, request(
        UTTERANCE, REGION, WEARER, purpose=purpose, allow=tuple(allow), replacements=(COUNTS,),
        droppable=tuple(labelled(name, "GI") for name in droppable)), withdrawn)
    if found.decision.verdict == "blocked":
        return
    assert not [item for item in found.rows.used if RULES.use(item.annotations, purpose)]
    assert {item.asset for item in found.rows.used}.isdisjoint(found.dropped)
    assert found.decision.verdict == "remediated" or not (found.dropped or found.replaced or found.rows_dropped)


def again(rules: Rules, asked: pb.AdmitRequest, *, consenting: tuple[str, ...] = (TABLE,),
          origins: tuple[str, ...] = ()) -> tuple[str, str, str]:
    decision, _ = rechecked(rules, pb.RecheckRequest(admitted=asked, consenting=consenting, origins=origins,
                                                     at="registration"))
    return decision.verdict, decision.code, decision.where


def test_what_was_admitted_is_judged_by_the_rules_of_now() -> None:
    asked = request(UTTERANCE, WEARER, purpose="assistance")
    assert again(RULES, asked) == ("allowed", "", "gate"), "as it was decided before"
    arrived = replace(MINE, name="another", purposes=frozenset({"safety"}), consent=())
    assert again(Rules([MINE, arrived]), asked) == ("blocked", "PAI301", "registration")
    apart = replace(arrived, governs=frozenset({"OTHER"}))
    assert again(Rules([MINE, apart]), asked) == ("allowed", "", "gate"), "it governs none of this"


def test_rows_that_were_read_by_milder_rules_are_too_many() -> None:
    asked = request(UTTERANCE, WEARER, purpose="assistance")
    assert again(RULES, asked, consenting=()) == ("blocked", "PAI333", "registration")
    placed = request(UTTERANCE, WEARER, purpose="assistance")
    placed.origins.append(REGION)
    by_origin = Rules([replace(MINE, regions={"EU": ("EU",), "*": ("*",)}, consent=())])
    placed.region = "US"
    _, now = rechecked(by_origin, pb.RecheckRequest(admitted=placed))
    assert again(by_origin, placed, consenting=()) == ("blocked", "PAI333", "registration")
    assert again(by_origin, placed, consenting=(), origins=now.origins)[0] == "allowed"
