"""Edits are counted in the text that people keep, before and after a change."""

from __future__ import annotations

from pathlib import Path

from lineage.enforce import requirement
from sim.bench import points, workload
from sim.bench.edits import Change, edits

REQUIREMENT = """\
requirement: {name}
version: 1
owner: somebody
zone: {name}
mode: enforcement
governs: [{governs}]
permit:
  purposes: [{purposes}]
"""
DDL = """\
CREATE TABLE core.copy (
  said TEXT,  -- user.utterance GLASSES_INTERACTION
  ds TEXT  -- operational:date
);
"""


def _file(folder: Path, name: str, governs: str, purposes: str) -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(REQUIREMENT.format(name=name, governs=governs, purposes=purposes))
    return path


def test_a_new_requirement(tmp_path: Path) -> None:
    first = _file(tmp_path, "first", "GLASSES_INTERACTION", "assistance, safety")
    change = Change([first], more=[_file(tmp_path, "second", "GAZE", "assistance")])
    # Its own file, of eight lines, and nothing of anybody else's.
    assert edits("zones", change) == {"files": 1, "lines": 8, "in_code": 0, "others_changed": 0}
    assert edits("zones", change) == edits("store", change) == edits("propagation", change)
    one = edits("one-policy", change)
    # Fewer lines, and safety may not use interactions any more.
    assert one["files"] == 1 and 0 < one["lines"] < 8 and one["others_changed"] == 1
    by_point = edits("points", change)
    assert by_point["files"] == 1 and by_point["in_code"] > 20 and by_point["lines"] > 20
    assert edits("nothing", change) == {"files": 0, "lines": 0, "in_code": 0, "others_changed": 0}


def test_a_new_sink(tmp_path: Path) -> None:
    change = Change([_file(tmp_path, "first", "GLASSES_INTERACTION", "assistance")], tables=[DDL])
    assert edits("zones", change)["lines"] == 2, "a label beside each column"
    assert edits("points", change) == {"files": 1, "lines": 1, "in_code": 0, "others_changed": 0}, "a line of the list"


def test_the_list_has_a_line_for_each_site(tmp_path: Path) -> None:
    checks = points.derived([requirement.load(path) for path in workload.KNOWN])
    lines = checks.text().splitlines()
    assert len(lines) == 2 + len(checks.lists) + len(checks.ifs)
    assert checks.sites == len(checks.lists) + sum(map(len, checks.ifs.values())) > checks.in_code > 0
    assert "  warehouse:core.sessions: [assistance, safety]" in lines


def test_logging_mode_is_nobodys_check(tmp_path: Path) -> None:
    path = _file(tmp_path, "first", "GLASSES_INTERACTION", "assistance")
    path.write_text(path.read_text().replace("mode: enforcement", "mode: logging"))
    assert points.derived([requirement.load(path)]).sites == 0
