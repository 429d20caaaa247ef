"""A line to paste permits what it says, and loosens no other rule of its file."""

from __future__ import annotations

from pathlib import Path

import pytest

from lineage.enforce import requirement
from lineage.enforce.manager.paste import Places, permit

RULE = """\
requirement: questions-stay-home
version: 1
owner: privacy-me
zone: questions
governs: [GLASSES_INTERACTION]
permit:
  purposes: {}
"""


@pytest.mark.parametrize(("purposes", "after"), [
    ("[assistance]", {"*": ["ads", "assistance"]}),
    ('{"*": [assistance, safety], EU: [assistance]}', {"*": ["ads", "assistance", "safety"], "EU": ["assistance"]}),
    ("{EU: [assistance], US: [safety]}", {"EU": ["ads", "assistance"], "US": ["ads", "safety"]}),
])
def test_a_purpose_that_is_permitted_leaves_the_rules_of_origins(tmp_path: Path, purposes: str,
                                                                 after: dict[str, list[str]]) -> None:
    file = tmp_path / "questions-stay-home.yaml"
    file.write_text(RULE.format(purposes), encoding="utf-8")
    places = Places((), tmp_path, file, tmp_path / "decisions.yaml", tmp_path)
    paste = permit(requirement.load(file).permitted, "ads", places)
    lines = file.read_text(encoding="utf-8").splitlines()
    lines[paste.line - 1] = paste.text
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert requirement.load(file).permitted == after
