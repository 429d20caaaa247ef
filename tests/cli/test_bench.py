"""``sightline bench``: what it prints, on a corpus of two statements."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.bench import tools
from tests.cli.conftest import Sightline


@pytest.fixture
def small(tmp_path: Path) -> Path:
    (tmp_path / "s.json").write_text('{"t": {"a": "", "b": ""}}')
    (tmp_path / "x.sql").write_text("--@ s.json\n--# one\nSELECT a FROM t WHERE b = 1\n--> a = t.a ~ t.b\n"
                                    "--# two\nSELECT CASE WHEN a > 1 THEN b END AS c FROM t\n--> c = t.b ~ t.a\n")
    return tmp_path


@pytest.fixture(autouse=True)
def without_sqllineage(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether or not it is here: it takes seconds to load."""
    monkeypatch.setattr(tools, "find_spec", lambda name: None)


def test_the_command(sightline: Sightline, small: Path) -> None:
    told = sightline("bench", "sql", "--corpus", small, "--blocks", "3", "--json")
    report = told.json
    assert told.code == 0
    ours, peer = report["sightline"], report["sqlglot"]
    assert (ours["right"], ours["wrong"], ours["missing"]) == (2, 0, 0)
    assert ours["all_edges"] == {"right": 4, "wrong": 0, "missing": 0}
    assert (peer["right"], peer["wrong"], peer["lenient"]["right"]) == (1, 1, 2)
    assert "pip install 'sightline[bench]'" in report["sqllineage"]["unavailable"]
    assert report["corpus"]["timed"] == 2 and ours["samples"] == 3
    assert ours["interval"][0] <= ours["queries_per_second"] <= ours["interval"][1]
    assert "sqllineage" not in report["ratio"]
    plain = sightline("bench", "sql", "--corpus", small, "--blocks", "2")
    assert "sightline   2      0      0" in plain.out and "pip install" in plain.out


def test_it_fails_when_ours_is_not_right(sightline: Sightline, small: Path) -> None:
    text = (small / "x.sql").read_text()
    (small / "x.sql").write_text(text.replace("--> a = t.a", "--> a = t.b"))
    told = sightline("bench", "sql", "--corpus", small, "--blocks", "2", "--json")
    assert told.code == 1 and told.json["sightline"]["wrong"] == 1


def test_bad_usage(sightline: Sightline, tmp_path: Path) -> None:
    assert sightline("bench", "squl").code == 2
    assert sightline("bench", "sql", "--corpus", tmp_path, "--json").json["error"]["code"] == "PAI022"
