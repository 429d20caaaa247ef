"""certify and verify, as a person calls them: what they say, what they write, and with which exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lineage.demonstrate.certificate import MAX_BYTES
from tests.cli.conftest import ROOT, Sightline

SCENARIO = ROOT / "scenarios/94_certificate_of_non_use.yaml"


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> Sightline:
    """A runs folder whose latest run is of scenario 94, with her certificate and the keys beside it."""
    folder = tmp_path_factory.mktemp("certified")
    sightline = Sightline(folder)
    assert sightline("run", SCENARIO, "--json").code == 0
    told = sightline("certify", "w-0002", "assistant@3", "-o", folder / "hers.json", "--public-keys",
                     folder / "keys.json", "--json")
    assert told.code == 0 and told.json["bytes"] == (folder / "hers.json").stat().st_size
    return sightline


def test_it_is_verified_without_the_run(certified: Sightline, tmp_path: Path) -> None:
    elsewhere = Sightline(tmp_path / "nothing")
    hers, keys = certified.runs / "hers.json", certified.runs / "keys.json"
    told = elsewhere("verify", hers, "--keys", keys, "--wearer", "w-0002", "--json", "--timing", 3)
    assert told.code == 0 and told.json["verdict"] == "holds" and told.json["keys"] == "given"
    assert told.json["milliseconds"]["times"] == 3 and told.json["limits"]
    told = elsewhere("verify", hers, "--timing", 2)
    assert told.code == 0 and "who signed it, they cannot say" in told.out and "what it does not prove" in told.out
    assert f"{hers.stat().st_size:,} bytes; verified 2 times" in told.out and "w-0002" not in told.out


def test_another_wearer_a_changed_file_and_other_keys_fail_by_name(certified: Sightline, tmp_path: Path) -> None:
    hers = certified.runs / "hers.json"
    told = certified("verify", hers, "--wearer", "w-0003")
    assert told.code == 1 and "PAI413 wearer:" in told.err
    changed = tmp_path / "changed.json"
    changed.write_text(hers.read_text().replace('"payloadType"', ' "payloadType"'))
    told = certified("verify", changed, "--json")
    assert told.code == 1 and told.json["error"]["what"].startswith("envelope:")
    keys = json.loads((certified.runs / "keys.json").read_text())
    keys["keys"]["training"] = keys["keys"]["policy"]
    other = tmp_path / "keys.json"
    other.write_text(json.dumps(keys))
    told = certified("verify", hers, "--keys", other)
    assert told.code == 1 and "PAI413 keys:" in told.err


def test_what_is_refused_writes_nothing(certified: Sightline, tmp_path: Path) -> None:
    for wearer, of, code, said in (("w-0002", "assistant@2", 1, "PAI410"), ("w-0099", "assistant@3", 2, "PAI001"),
                                   ("w-0002", "assistant@9", 2, "PAI004"), ("w-0002", "0" * 32, 2, "PAI005")):
        told = certified("certify", wearer, of, "-o", tmp_path / "none.json", "--json")
        assert (told.code, told.json["error"]["code"]) == (code, said)
    told = certified("certify", "w-0002", "assistant@3", "-o", tmp_path / "no/folder.json")
    assert told.code == 2 and "PAI033" in told.err
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_certificate_is_said(certified: Sightline, tmp_path: Path) -> None:
    hers = (certified.runs / "hers.json").read_bytes()
    huge = tmp_path / "huge"
    for data in (b"", b"{}", b"[1]", hers[:-100], b"\x00" * (MAX_BYTES + 7)):
        huge.write_bytes(data)
        told = certified("verify", huge, "--json")
        assert told.code == 2 and told.json["error"]["code"] == "PAI412", told
    for path in (tmp_path, tmp_path / "missing", "\0"):
        assert certified("verify", path).code == 2
    assert certified("verify", certified.runs / "hers.json", "--keys", huge).code == 2
