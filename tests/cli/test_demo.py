"""``sightline demo``: the user's own photo and question, the four stages, and what to run next."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import ROOT, Demo, Photo, Sightline, Told

GPS, PHOTO = "web:ask#photo.exif.gps", "web:ask#photo"
LOCATION = "web:session#location"
OWN = """\
scenario: own-photo
stage: understand
world: {{wearers: 1}}
steps:
  - ask: {{question: "Whose house is that?", photo: "{photo}", verbatim: true}}
expect:
  discover: [{{complete: {{}}}}]
"""


def observed(lineage: dict[str, Any]) -> dict[tuple[str, str], int]:
    return {(one["from"], one["to"]): one["count"] for one in lineage["edges"] if one["state"] == "observed"}


def fields(lineage: dict[str, Any], asset: str) -> dict[str, Any]:
    return next(one["fields"] for one in lineage["assets"] if one["name"] == asset)


def located(lineage: dict[str, Any]) -> int:
    """How many payloads were found to hold a position that no label covers."""
    return sum(one["count"] for one in lineage["findings"]
               if one["code"] == "PAI101" and one["asset"] == PHOTO and GPS in one["what"])


@pytest.mark.parametrize("form", ["JPEG", "WEBP", "PNG"])
def test_the_position_in_the_users_photo_is_a_source(sightline: Sightline, photo: Photo, tmp_path: Path,
                                                     form: str) -> None:
    """One question with one photo, so that whatever is seen comes from it; the place goes on to the model."""
    found: dict[bool, dict[str, Any]] = {}
    for gps in (True, False):
        file = tmp_path / f"own-{gps}.yaml"
        file.write_text(OWN.format(photo=photo(form, gps=gps)))
        told = sightline("run", file, "--json")
        assert told.code == 0, told.err
        found[gps] = Demo(sightline, told, Path(told.json["scenarios"][0]["run_dir"])).read("lineage.json")
    with_, without = found[True], found[False]
    assert observed(with_)[PHOTO, GPS] == 1 and observed(with_)[GPS, LOCATION] == 1 and located(with_) == 1
    assert fields(with_, "web:ask")["photo.exif.gps"]["category"] == "user.location.precise"
    assert not [pair for pair in observed(without) if GPS in pair] and located(without) == 0
    # Declared by the code that would use it, and never seen: it has its parent's label.
    assert fields(without, "web:ask")["photo.exif.gps"]["category"] == "user.scene_image"


def test_the_demo_shows_it_among_everybodys_photos(placed: Demo, plain: Demo) -> None:
    with_, without = placed.read("lineage.json"), plain.read("lineage.json")
    for pair in ((PHOTO, GPS), (GPS, LOCATION)):
        assert observed(with_)[pair] == observed(without).get(pair, 0) + 1
    assert located(with_) == located(without) + 1


@pytest.mark.parametrize("which", ["placed", "plain"])
def test_the_demo_passes_with_any_photo(which: str, request: pytest.FixtureRequest) -> None:
    demo: Demo = request.getfixturevalue(which)
    told = demo.told.json
    assert demo.told.code == 0 and told["verdict"] == "pass" and (told["failed"], told["unknown"]) == (0, 0)
    assert told["operations"]["recall"] == 1.0 and told["operations"]["invented"] == 0
    assert len(told["answers"]) == 13 and all(told["answers"])
    assert demo.read("verdict.json")["steps"][0]["given"]["question"] == "Whose house is that?"
    assert (demo.sightline.runs / "latest").resolve() == demo.folder


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> tuple[Sightline, Told]:
    """In a process of its own, and in any folder."""
    folder = tmp_path_factory.mktemp("shown")
    sightline = Sightline(folder / "runs")
    return sightline, sightline.apart("demo", cwd=folder, environment={"PYTHONPATH": str(ROOT)})


def test_the_readme_shows_what_the_demo_prints(shown: tuple[Sightline, Told]) -> None:
    block = re.search(r"```\n\$ make demo[^\n]*\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert block is not None
    for line in block[1].splitlines():
        said = line.strip().removesuffix("…").strip()
        assert said in shown[1].out, f"README shows {said!r}, the demo does not: run make picture and correct README"


def test_it_tells_the_four_stages_in_plain_text(shown: tuple[Sightline, Told]) -> None:
    sightline, told = shown
    assert told.code == 0, told.err
    assert "\x1b" not in told.out + told.err and "\r" not in told.out + told.err
    titles = [line for line in told.out.splitlines() if line.isupper()]
    assert titles == ["UNDERSTAND", "DISCOVER", "ENFORCE", "DEMONSTRATE"]
    counts = re.search(r"(\d+) of (\d+) real reads, writes and calls have a signal; 0 invented", told.out)
    assert counts is not None and counts[1] == counts[2] != "0"
    for letter in "ABCD":
        assert re.search(rf"\[{letter}\] .*: [1-9]\d* edges", told.out)
    for said in ("(PAI101)", "training:ads_ranker for ads_ranking: blocked PAI301",
                 "training:assistant_eval for assistance: allowed", "0 rows moved", "PAI402 job:sessions_copy",
                 "zone glasses-interactions holds"):
        assert said in told.out
    seed = re.search(r"seed (\d+)", told.out.splitlines()[0])
    assert seed is not None and "PASS" in told.out and f"-seed{seed[1]}/" in told.out
    [report] = re.findall(r"^ *report +(.+)$", told.out, re.MULTILINE)
    assert Path(report).read_text(encoding="utf-8").startswith("<!")
    assert told.err.splitlines()[0]  # progress goes there, results do not
    assert "PASS" not in told.err and "starting" not in told.out

    following = [shlex.split(line, comments=True) for line in re.findall(r"^ *next +(.+)$", told.out, re.MULTILINE)]
    assert following and all(words[0] == "sightline" for words in following)
    for words in following:
        answer = sightline(*words[1:])
        assert answer.code in (0, 1, 3) and answer.out and "PAI001" not in answer.err, words
