"""The monitor's digest of a job is the PAI's, found in another way."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.enforce.reviewed.transformation import loaded, of_code, of_sql, tokens
from services.warehouse.job import parse
from sim.truth.reference.reviewed import _tokens, digest
from sim.truth.reference.reviewed import of_code as digest_of_code

ROOT = Path(__file__).resolve().parents[2]
JOBS = [path for folder in ("services/warehouse/jobs", "scenarios/jobs")
        for path in sorted((ROOT / folder).glob("*.sql"))]


@pytest.mark.parametrize("path", JOBS, ids=lambda path: path.stem)
def test_of_every_job(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    moving = [sql for _, sql in parse(text, str(path)).statements if not sql.upper().startswith("CREATE")]
    assert digest(text) == of_sql(moving)


@pytest.mark.parametrize("name", ["services.web.log:append", "services.warehouse.job:parse",
                                  "sim.truth.reference.flows:Places.source", "sim.scenario.examined:Examined.before"])
def test_of_a_function(name: str) -> None:
    loaded(name)
    assert digest_of_code(name) == of_code(name)


def test_of_no_function() -> None:
    assert digest_of_code("services.web.log:nothing") == digest_of_code("no.such.module:f") == ""


@pytest.mark.parametrize(("sql", "other", "same"), [
    ("SELECT $B", "select $b", False), ("SELECT :B", "SELECT :b", False), ("SELECT $$B", "SELECT $$b", False),
    ("SELECT $\u00e9B", "SELECT $\u00e9b", False), ("SELECT a$B", "SELECT A$b", True)])
def test_parameters_differ_by_case_and_bare_words_do_not(sql: str, other: str, same: bool) -> None:
    assert (of_sql([sql]) == of_sql([other])) is same
    assert (digest(sql) == digest(other)) is same


@given(st.lists(st.sampled_from(
    ["a", "B", "x'ab'", "'a''B'", '"C"', "`d`", "[E]", "--", "/*", "*/", "\n", " ", ":", ":ds", "1", ".5", "e", "1e",
     "-", "+", "é", "$", "$B", "?", ";", "|", "||", "<", "<=", "->>", "_", "\u00a0", "."]), max_size=12).map("".join))
def test_of_any_text(sql: str) -> None:
    assert list(_tokens(sql)) == tokens(sql)
