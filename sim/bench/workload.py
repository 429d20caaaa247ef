"""The changing workload of ``sightline bench paradigms``: its files, and what was known before it changed."""

from __future__ import annotations

from pathlib import Path

from sim.stack.deployment import ROOT

HOME = Path(__file__).with_name("changing")
CHANGING = HOME / "changing.yaml"
_REQUIREMENTS = ROOT / "scenarios/requirements"
# By these somebody wrote point checks; the others came later.
KNOWN = tuple(_REQUIREMENTS / f"{name}.yaml" for name in ("glasses-interaction-purpose", "gaze-out-of-prompts"))
COMING = (HOME / "requirements/profile-assistance-only.yaml",)


def new_table() -> str:
    """The DDL of the sink that comes with its label."""
    text = (HOME / "jobs/said_copy.sql").read_text(encoding="utf-8")
    return text[text.index("CREATE"):text.index(");") + 2]
