"""``sightline reclassify``: the entry that is printed is the one that holds, once a person has filled it in."""

from __future__ import annotations

from pathlib import Path

import pytest

from lineage.enforce import requirement
from tests.cli.conftest import ROOT, Sightline

JOB = ROOT / "scenarios/jobs/regional_activity.sql"
EDGE = ("--from", "warehouse:core.sessions#wearer", "--to", "warehouse:dash.regional_activity")
HEAD = """requirement: r
version: 1
owner: o
zone: z
governs: [GLASSES_INTERACTION]
permit: {purposes: [assistance]}
"""


def test_it_is_the_entry_of_the_scenario(sightline: Sightline) -> None:
    told = sightline("reclassify", *EDGE, "--job", JOB, "--k", "5", "--of", "wearer", "--json").json
    kept = requirement.load(ROOT / "scenarios/requirements/glasses-interaction-reviewed.yaml").reclassify[0]
    assert (told["digest"], told["inputs"], set(told["drops"])) == (kept.digest, kept.inputs, set(kept.drops))
    assert told["transformation"] == {"sql": "regional_activity"}
    assert told["claims"] == {"k_anonymity": 5, "of": "wearer"}


def test_what_is_printed_can_be_pasted_once_somebody_answers_for_it(sightline: Sightline, tmp_path: Path) -> None:
    told = sightline("reclassify", *EDGE, "--job", JOB, "--k", "5", "--of", "wearer")
    path = tmp_path / "r.yaml"
    path.write_text(HEAD + told.out, encoding="utf-8")
    with pytest.raises(Exception, match="reviewer is a text"):
        requirement.load(path)
    filled = told.out.replace("reviewer: ", "reviewer: ann").replace("reason: ", "reason: counted").replace(
        "until: ", "until: 2026-12-31")
    path.write_text(HEAD + filled, encoding="utf-8")
    entry, = requirement.load(path).reclassify
    assert (entry.sql, entry.k, entry.reviewer, entry.edge) == (
        "regional_activity", 5, "ann", "warehouse:core.sessions#wearer → warehouse:dash.regional_activity")


@pytest.mark.parametrize(("given", "code", "said"), [
    (EDGE, "PAI010", "one of --job and --code"), ((*EDGE, "--job", "none_such"), "PAI012", "none_such"),
    ((*EDGE, "--job", str(JOB), "--k", "5"), "PAI010", "both --k and --of"),
    (("--from", "warehouse:core.profiles", *EDGE[2:], "--job", str(JOB)), "PAI001", "does not read"),
    (("--from", "warehouse:core.sessions#nose", *EDGE[2:], "--job", str(JOB)), "PAI001", "no column 'nose'"),
    (("--from", "warehouse:core.sessions#region", *EDGE[2:], "--job", str(JOB)), "PAI001", "no annotation"),
    (("--from", "core.sessions", *EDGE[2:], "--job", str(JOB)), "PAI001", "not an asset name"),
    ((*EDGE, "--code", "services.web.log:nothing"), "PAI012", "nothing")])
def test_bad_input_says_what_is_wrong(given: tuple[str, ...], code: str, said: str, sightline: Sightline) -> None:
    told = sightline("reclassify", *given, "--json")
    assert told.code == 2 and told.json["error"]["code"] == code and said in told.json["error"]["what"]


def test_code_is_named_by_its_function(sightline: Sightline) -> None:
    assert sightline("run", ROOT / "scenarios/01_ask_a_landmark.yaml").code == 0
    told = sightline("reclassify", "--from", "web:ask#utterance", "--to", "rpc:logger.Append.request",
                     "--code", "services.web.log:event", "--json")
    assert told.code == 0 and told.json["transformation"] == {"code": "services.web.log:event"}
    assert told.json["drops"] == ["GLASSES_INTERACTION"]
    # A detector found photo.exif.gps in this run; the entries that hold where the service judges know nothing of it.
    reviewed = requirement.load(ROOT / "scenarios/requirements/bystander-answers-reviewed.yaml").reclassify
    assert len(reviewed) == 2
    for entry in reviewed:
        printed = sightline("reclassify", "--from", entry.source, "--to", entry.sink, "--code", entry.code, "--json")
        assert (printed.json["digest"], printed.json["inputs"]) == (entry.digest, entry.inputs)
