"""Reclassification: one edge, digest of its transformation and schema of its inputs, until a day; one requirement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.enforce import requirement
from lineage.enforce.gate import Crossing, Input, flow
from lineage.enforce.requirement import Requirement
from lineage.enforce.reviewed import transformation
from lineage.enforce.reviewed.reclassification import Lowering, Reclassification, covers, lowering
from lineage.enforce.reviewed.review import ByFacts, Facts, Found, Review
from lineage.enforce.reviewed.transformation import Column, of_inputs, of_sql
from lineage.enforce.rules import Refusal, Rules
from lineage.errors import InputError

SQL = ["INSERT INTO d.b (n) SELECT count(DISTINCT who) FROM d.a WHERE ds = :ds"]
COLUMNS = {"warehouse:d.a": [Column("who", ("G",), True, "TEXT"), Column("ds", (), True, "TEXT")]}
TODAY = date(2026, 1, 5)
ENTRY = Reclassification("warehouse:d.a#who", "warehouse:d.b", frozenset({"G"}), of_sql(SQL), of_inputs(COLUMNS), "ann",
                         "counted", date(2026, 1, 5), sql="counts")


def made(name: str, governs: str = "G", entries: Sequence[Reclassification] = (), mode: str = "enforcement") -> Any:
    return Requirement(name, 1, "o", "z", mode, frozenset(governs), frozenset({"p"}),  # type: ignore[arg-type]
                       reclassify=tuple(entries))


def facts(sql: Sequence[str] = SQL, columns: Any = COLUMNS, today: date = TODAY, job: str = "counts") -> ByFacts:
    return ByFacts(Facts(lambda one: one.sql == job, lambda one: of_sql(sql), lambda one: of_inputs(columns), today))


def judged(rules: Rules, reviewed: Any, source: str = "warehouse:d.a#who", sink: str = "warehouse:d.b#n",
           labels: Sequence[str] = ("G",)) -> Any:
    return flow(rules, activity="job:counts", purpose="p", principal="x", where="gate", review=Review(rules, reviewed),
                crossings=[Crossing(Input(source, tuple(labels)), Input(sink, ()))])


def test_a_reviewed_flow_is_let_through_and_said_to_be() -> None:
    decision = judged(Rules([made("r", entries=[ENTRY])]), facts())
    assert (decision.verdict, decision.code, decision.inputs) == ("remediated", "", ("warehouse:d.a#who",))
    assert "r reclassifies warehouse:d.a#who → warehouse:d.b, without G" in decision.reason


@pytest.mark.parametrize(("now", "said"), [
    (facts(sql=[SQL[0].replace("DISTINCT ", "")]), "the transformation has changed"),
    (facts(sql=[*SQL, "DELETE FROM d.b"]), "the transformation has changed"),
    (facts(columns={"warehouse:d.a": [*COLUMNS["warehouse:d.a"], Column("more", (), True, "TEXT")]}),
     "the schema and the labels of its inputs changed"),
    (facts(columns={"warehouse:d.a": [COLUMNS["warehouse:d.a"][0]._replace(type="BLOB"),
                                      COLUMNS["warehouse:d.a"][1]]}), "the schema of its inputs changed"),
    (facts(columns={"warehouse:d.a": [COLUMNS["warehouse:d.a"][0]._replace(annotations=("G", "H")),
                                      COLUMNS["warehouse:d.a"][1]]}), "the labels of its inputs changed"),
    (facts(columns={**COLUMNS, "warehouse:d.c": []}), "the schema of its inputs changed"),
    (facts(today=date(2026, 1, 6)), "it ended on 2026-01-05, and it is 2026-01-06")])
def test_any_change_voids_it_and_the_reason_says_which(now: ByFacts, said: str) -> None:
    decision = judged(Rules([made("r", entries=[ENTRY])]), now)
    assert (decision.verdict, decision.code) == ("blocked", "PAI315")
    assert said in decision.reason and decision.reason.count(" changed") == ("changed" in said)


def test_several_changes_are_all_said() -> None:
    reason = judged(Rules([made("r", entries=[ENTRY])]), facts(sql=["x"], columns={}, today=date(2027, 1, 1))).reason
    assert "the transformation has" in reason and "the schema and the labels of" in reason and "it ended on" in reason


@pytest.mark.parametrize(("reviewed", "edge"), [
    (facts(job="other"), {}), (facts(), {"source": "warehouse:d.a#other"}), (facts(), {"source": "warehouse:d.a"}),
    (facts(), {"sink": "warehouse:d.c#n"}), (facts(), {"labels": ("G", "H")})])
def test_another_job_edge_or_annotation_is_refused_as_ever(reviewed: ByFacts, edge: Any) -> None:
    decision = judged(Rules([made("r", governs="GH", entries=[ENTRY])]), reviewed, **edge)
    assert (decision.verdict, decision.code) == ("blocked", "PAI302")


def test_an_asset_covers_its_fields() -> None:
    assert covers("warehouse:d.a", "warehouse:d.a#who") and covers("warehouse:d.a", "warehouse:d.a")
    assert not covers("warehouse:d.a#who", "warehouse:d.a") and not covers("warehouse:d.a", "warehouse:d.ab#who")


LABELS = st.frozensets(st.sampled_from("GHI"))
ENTRIES = st.lists(st.builds(
    lambda drops, good, until: replace(ENTRY, drops=drops or frozenset("G"), digest=ENTRY.digest if good else "0" * 64,
                                       until=date(2026, 1, until)),
    LABELS, st.booleans(), st.integers(4, 6)), max_size=2)


@given(st.dictionaries(st.sampled_from(["a", "b", "c"]), st.tuples(LABELS, ENTRIES), min_size=1), LABELS, LABELS,
       st.sampled_from(["a", "b", "c"]), ENTRIES)
def test_an_entry_changes_nobody_elses_decision(owners: dict[str, Any], source: frozenset[str], sink: frozenset[str],
                                                changes: str, entries: list[Reclassification]) -> None:
    """Whatever one requirement reviews, every other refuses what it refused; and none refuses more than without."""
    def left(of: dict[str, Any]) -> dict[str, str]:
        rules = Rules([made(name, "".join(governs) or "Z", has) for name, (governs, has) in of.items()])
        found = rules.flow(source, sink)
        kept = Review(rules, facts()).left(("warehouse:d.a#who", sorted(source)), ("warehouse:d.b#n", sorted(sink)),
                                           found)
        assert {one.requirement.name for one in kept} <= {one.requirement.name for one in found}
        return {one.requirement.name: one.code for one in kept}

    before = left(owners)
    if changes in owners:
        after = left({**owners, changes: (owners[changes][0], entries)})
        assert {name: code for name, code in before.items() if name != changes} == {
            name: code for name, code in after.items() if name != changes}


@given(LABELS, st.lists(st.frozensets(st.sampled_from("GHI"), min_size=1), max_size=3))
def test_what_is_left_is_what_the_rules_say_of_the_rest(source: frozenset[str], drops: list[frozenset[str]]) -> None:
    entries = [replace(ENTRY, drops=one) for one in drops]
    rules = Rules([made("r", "GHI", entries)])
    kept = Review(rules, facts()).left(("warehouse:d.a#who", sorted(source)), ("warehouse:d.b#n", ()),
                                       rules.flow(source, ()))
    assert bool(kept) == bool(source - frozenset[str]().union(*drops))


def test_logging_mode_needs_no_review() -> None:
    rules = Rules([made("r", entries=[ENTRY], mode="logging")])

    class Never:
        def found(self, requirement: Requirement, source: str, sink: str) -> Found:
            pytest.fail("nobody is refused")

    refusal = Refusal("PAI302", rules.requirements[0], "why")
    assert Review(rules, Never()).left(("a", ("G",)), ("b", ()), [refusal]) == [refusal]


def test_a_lowering_is_carried_as_text() -> None:
    one = Lowering("r", "warehouse:d.a", "warehouse:d.b#n", ("G", "H"), 5, "wearer")
    assert lowering(one.text) == one
    for text in ("", "[]", "{}", "[1]", '["r","a","b",1,2,3]', "null"):
        with pytest.raises(ValueError, match="malformed"):
            lowering(text)


# --- the digest of SQL ------------------------------------------------------------------------

GOOD = "SELECT a, 'it''s -- no comment' AS s FROM core.t WHERE b >= 1.5 AND ds = :ds"


@pytest.mark.parametrize("same", [
    GOOD.lower().replace("it''s -- no comment", "it''s -- no comment"), GOOD.replace(" ", "  \n\t"[:1]),
    "-- who knows\n" + GOOD.replace(", ", " ,\n /* all ; of\n it */ "), GOOD + " -- the end", GOOD + ";"])
def test_layout_comments_and_case_do_not_count(same: str) -> None:
    assert of_sql([same]) == of_sql([GOOD])


@pytest.mark.parametrize(("one", "other"), [
    ("SELECT 'A'", "SELECT 'a'"), ("SELECT 'a  b'", "SELECT 'a b'"), ("SELECT x 'ab'", "SELECT x'ab'"),
    ("SELECT \"A\"", "SELECT \"a\""), ("SELECT a -1", "SELECT a --1"), ("SELECT a FROM t", "SELECT a, b FROM t"),
    ("SELECT :ds", "SELECT 'ds'"), ("SELECT a b", "SELECT ab"), ("SELECT é", "SELECT É"),
    # To SQLite a block comment ends at the first */.
    ("/* /* */ SELECT 1 -- */", "/* /* */ SELECT 2 -- */"), ("SELECT 1.5", "SELECT 1 .5")])
def test_anything_else_counts(one: str, other: str) -> None:
    assert of_sql([one]) != of_sql([other])


def test_statements_are_apart() -> None:
    assert of_sql(["SELECT 1", "SELECT 2"]) != of_sql(["SELECT 1 SELECT 2"]) != of_sql(["SELECT 2", "SELECT 1"])


@given(st.text(alphabet="ab1.'\"-/* \n;:é[", max_size=30))
def test_every_letter_of_sql_is_in_a_token_or_is_skipped(sql: str) -> None:
    kept = "".join(transformation.tokens(sql)).lower()
    left = "".join(match[0] for match in transformation._TOKEN.finditer(sql))
    assert left == sql and len(kept) <= len(sql)
    assert of_sql([sql]) == of_sql([f"/* x */ {sql}"])


# --- the file -----------------------------------------------------------------------------------

FILE = f"""requirement: r
version: 1
owner: o
zone: z
mode: enforcement
governs: [G]
permit: {{purposes: [p]}}
reclassify:
  - from: "warehouse:d.a#who"
    to: "warehouse:d.b"
    drops: [G]
    transformation: {{sql: counts}}
    digest: "{ENTRY.digest}"
    inputs: "{ENTRY.inputs}"
    reviewer: ann
    reason: counted
    until: 2026-01-05
"""


def load(text: str, tmp_path: Path) -> Requirement:
    path = tmp_path / "r.yaml"
    path.write_text(text, encoding="utf-8")
    return requirement.load(path)


def test_a_file_says_what_was_reviewed(tmp_path: Path) -> None:
    assert load(FILE, tmp_path).reclassify == (ENTRY,)
    claimed = load(FILE + "    claims: {k_anonymity: 5, of: who}\n", tmp_path).reclassify[0]
    assert (claimed.k, claimed.of) == (5, "who")
    past = load(FILE.replace("2026-01-05", '"2020-01-01"'), tmp_path).reclassify[0]
    assert past.until == date(2020, 1, 1)  # no error: it is void


@pytest.mark.parametrize(("old", "new", "line", "said"), [
    ("reviewer: ann", "reviewr: ann", 15, "did you mean 'reviewer'"), ("    reviewer: ann\n", "", 9, "'reviewer'"),
    ("reviewer: ann", "reviewer: ''", 15, "somebody answers"), ("drops: [G]", "drops: [H]", 11, "does not govern"),
    ("drops: [G]", "drops: G", 11, "a list"), ("drops: [G]", "drops: []", 11, "at least one"),
    ("{sql: counts}", "{sql: counts, code: 'a:b'}", 12, "{sql: JOB}"), ("{sql: counts}", "{sql: Counts}", 12, "name"),
    ("{sql: counts}", "{code: nothing}", 12, "a function"), ("{sql: counts}", "counts", 12, "{sql: JOB}"),
    ('from: "warehouse:d.a#who"', "from: job:x", 9, "is an activity"),
    ('from: "warehouse:d.a#who"', "from: kitchen:sink", 9, "unknown kind"),
    ('from: "warehouse:d.a#who"', "from: web:ask", 12, "warehouse:"),
    ("until: 2026-01-05", "until: soon", 17, "2026-12-31"),
    ("until: 2026-01-05", "until: 2026-01-05 10:00:00", 17, "last day"),
    (f'digest: "{ENTRY.digest}"', "digest: abc", 13, "64 hex"),
    ("until: 2026-01-05", "until: 2026-01-05\n    claims: {k_anonymity: 1, of: who}", 18, "from 2"),
    ("until: 2026-01-05", "until: 2026-01-05\n    claims: {k_anonymity: 5}", 18, "'of'"),
    ("until: 2026-01-05", "until: 2026-01-05\n    claims: {k_anonymity: 5, off: who}", 18, "'of'"),
    ("until: 2026-01-05", "until: 2026-01-05\n    claims: 5", 18, "claims is"),
    ("reclassify:\n", "reclassify: yes\nx:\n", 8, "a list")])
def test_a_malformed_entry_is_refused_with_its_line(old: str, new: str, line: int, said: str, tmp_path: Path) -> None:
    assert old in FILE
    text = FILE.replace(old, new) if "\nx:" not in new else FILE[:FILE.index("reclassify:")] + "reclassify: yes\n"
    with pytest.raises(InputError) as wrong:
        load(text, tmp_path)
    assert (wrong.value.code, wrong.value.where) == ("PAI022", f"{tmp_path / 'r.yaml'}:{line}")
    assert said in wrong.value.what


def test_an_entry_that_is_no_mapping_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="mapping"):
        load(FILE[:FILE.index("  - from")] + "  - nothing\n", tmp_path)
