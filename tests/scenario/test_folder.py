"""The run folder: numbered, finished under its name or not at all, and ``latest`` only ever a finished one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lineage.errors import InputError, RunError
from sim.scenario import loader
from sim.scenario.folder import RunFolder, latest, runs
from sim.scenario.registry import Registries
from sim.scenario.vocabulary import EXPECTATIONS, FAULTS, STEPS


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SIGHTLINE_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


def finished(scenario: str = "one", seed: int = 7) -> Path:
    folder = RunFolder(scenario, seed)
    (folder.path / "lineage.json").write_text("{}")
    return folder.finish()


def test_below_the_working_directory_where_nothing_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SIGHTLINE_RUNS")
    monkeypatch.chdir(tmp_path)
    assert runs() == tmp_path / "runs"
    monkeypatch.setenv("SIGHTLINE_RUNS", "other")
    assert runs() == tmp_path / "other"


def test_numbers_go_up(place: Path) -> None:
    made = [finished(seed=seed) for seed in (7, 3, 7)]
    assert made == [place / "one/1-seed7", place / "one/2-seed3", place / "one/3-seed7"]
    assert finished("two") == place / "two/1-seed7"
    assert [finished().name for _ in range(8)][-1] == "11-seed7"  # 10 is more than 9


def test_a_number_is_not_given_twice(place: Path) -> None:
    first, second = RunFolder("one", 7), RunFolder("one", 7)
    assert first.path != second.path
    assert {first.finish().name, second.finish().name} == {"1-seed7", "2-seed7"}
    third = RunFolder("one", 7)
    assert third.abandon(keep=True) == place / "one/3-seed7.aborted"
    assert finished().name == "4-seed7"


def test_runs_that_start_at_the_same_time_get_folders_of_their_own() -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: RunFolder("one", 7), range(24)))
    assert len({folder.finish() for folder in made}) == 24


def test_unfinished_is_not_finished(place: Path) -> None:
    folder = RunFolder("one", 7)
    assert folder.path.name.endswith(".partial") and folder.data.parent == folder.path
    assert not (place / "one/1-seed7").exists() and not (place / "latest").exists()
    (folder.path / "lineage.json").write_text("{}")
    with pytest.raises(InputError) as caught:
        latest()
    assert caught.value.code == "PAI032" and caught.value.where == str(place)


def test_latest_is_the_last_that_finished(place: Path) -> None:
    first = finished()
    assert latest() == first
    second = finished("two")
    assert latest() == second and (place / "latest").is_symlink()
    assert not (place / "latest").readlink().is_absolute()  # the runs folder can be moved
    assert [path.name for path in place.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("keep", [True, False])
def test_what_is_abandoned_leaves_latest_alone(place: Path, keep: bool) -> None:
    done = finished()
    folder = RunFolder("one", 7)
    (folder.path / "lineage.json").write_text("{}")
    (folder.path / "log").write_text("what went wrong")
    kept = folder.abandon(keep=keep)
    assert latest() == done
    assert not folder.path.exists() and not folder.final.exists()
    if keep:
        assert kept == place / "one/2-seed7.aborted" and (kept / "log").read_text() == "what went wrong"
    else:
        assert kept is None and [path.name for path in (place / "one").iterdir()] == ["1-seed7"]


def test_a_latest_that_leads_nowhere(place: Path) -> None:
    place.mkdir()
    (place / "latest").symlink_to("gone/1-seed1")
    with pytest.raises(InputError, match="no finished run"):
        latest()
    assert finished() == latest()


def test_a_place_that_cannot_hold_a_folder(place: Path) -> None:
    place.write_text("a file")
    with pytest.raises(RunError) as caught:
        RunFolder("one", 7)
    assert caught.value.code == "PAI033" and str(place) in caught.value.where and "SIGHTLINE_RUNS" in caught.value.next


def test_a_folder_in_the_place_of_latest_is_refused(place: Path) -> None:
    """As ``cp -rL`` leaves one behind: no traceback, and nothing of the user's is removed."""
    (place / "latest").mkdir(parents=True)
    (place / "latest/kept").write_text("x")
    with pytest.raises(RunError) as caught:
        RunFolder("one", 7)
    assert caught.value.code == "PAI033" and "latest" in caught.value.where
    assert (place / "latest/kept").read_text() == "x"
    assert [path.name for path in place.iterdir() if path.name.startswith(".")] == []


def test_a_scenario_may_not_be_called_latest(place: Path, tmp_path: Path) -> None:
    """Its folder would stand where the link belongs; a run would then land inside another's folder."""
    finished()
    file = tmp_path / "latest.yaml"
    file.write_text("{scenario: latest, stage: discover, expect: {discover: [{complete: {}}]}}")
    with pytest.raises((InputError, RunError)):
        [scenario] = loader.load(file, Registries(STEPS, FAULTS, EXPECTATIONS))
        RunFolder(scenario.name, 7)
    assert (place / "latest").is_symlink() and not list((place / "one/1-seed7").glob("*seed*"))
