"""What Spark needs is asked for before anything starts; needs neither pyspark nor Java."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from lineage.errors import InputError, RunError
from sim.cli.main import main
from sim.stack import spark, spark_session
from sim.stack.config import from_environment


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A machine that has all of it."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    monkeypatch.setattr(spark_session, "java", lambda: 17)
    monkeypatch.delenv("SIGHTLINE_SPARK", raising=False)
    return monkeypatch


@pytest.mark.parametrize(("name", "value", "what", "next_"), [
    ("pyspark", None, "needs pyspark", "pip install 'sightline[spark]'"),
    ("java", None, "which is not here", "apt-get install openjdk-17-jre-headless"),
    ("java", 11, "finds Java 11", "apt-get install openjdk-17-jre-headless"),
])
def test_what_is_missing_is_named_with_the_next_command(here: pytest.MonkeyPatch, name: str, value: Any, what: str,
                                                        next_: str) -> None:
    if name == "pyspark":
        here.setattr(importlib.util, "find_spec", lambda name: None)
    else:
        here.setattr(spark_session, "java", lambda: value)
    with pytest.raises(RunError, match=what) as caught:
        spark.check()
    assert (caught.value.code, caught.value.next) == ("PAI034", next_)


def test_the_command_says_so_and_leaves_no_run(here: pytest.MonkeyPatch, tmp_path: Path,
                                               capsys: pytest.CaptureFixture[str]) -> None:
    here.setattr(importlib.util, "find_spec", lambda name: None)
    here.setenv("SIGHTLINE_RUNS", str(tmp_path / "runs"))
    here.setattr("sys.argv", ["sightline", "run", "scenarios/05_training_refused.yaml", "--engine", "spark"])
    with pytest.raises(SystemExit):
        main()
    told = capsys.readouterr()
    assert "PAI034" in told.err and "pip install 'sightline[spark]'" in told.err
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("master", ["local[2]", "local", spark.LOCAL, "spark://one:7077,two:7077"])
def test_masters(here: pytest.MonkeyPatch, master: str) -> None:
    spark.check(master)


@pytest.mark.parametrize("master", ["", "yarn", "spark://", "local[2] --conf x", "local-cluster"])
def test_what_is_no_master(here: pytest.MonkeyPatch, master: str) -> None:
    with pytest.raises(RunError, match="no master"):
        spark.check(master)


def test_java_is_asked_for_its_version(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "bin/java"
    program.parent.mkdir()
    for said, version in (('openjdk version "17.0.15" 2025', 17), ('java version "1.8.0_412"', 8), ("no", None)):
        program.write_text(f"#!/bin/sh\necho '{said}' >&2\n")
        program.chmod(0o755)
        monkeypatch.setenv("JAVA_HOME", str(tmp_path))
        assert spark_session.java() == version
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "gone"))
    assert spark_session.java() is None
    monkeypatch.delenv("JAVA_HOME")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert spark_session.java() is None


def test_a_node_is_told_its_engine() -> None:
    assert from_environment({}).engine == "sqlite"
    told = from_environment({"SIGHTLINE_ENGINE": "spark", "SIGHTLINE_SPARK": "local[2]"})
    assert (told.engine, told.spark) == ("spark", "local[2]")
    with pytest.raises(InputError, match="SIGHTLINE_ENGINE is 'duckdb'"):
        from_environment({"SIGHTLINE_ENGINE": "duckdb"})
