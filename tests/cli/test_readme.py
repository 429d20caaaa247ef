"""What README has to be pasted does what README says of it."""

from __future__ import annotations

import re
from pathlib import Path

from tests.cli.conftest import ROOT, Sightline

MANIFEST = "services/training/manifests/assistant_eval.yaml"


def pasted(folder: Path) -> list[Path]:
    """Every YAML block of README as a file named after what it defines; the scenarios' paths."""
    scenarios = []
    for block in re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL):
        kind, name = re.match(r"(scenario|requirement|name): ([\w-]+)", block).groups()
        path = folder / f"{name}.yaml"
        path.write_text(block, encoding="utf-8")
        if kind == "scenario":
            scenarios.append(path)
    return scenarios


def test_every_example_of_the_readme_runs_and_passes(sightline: Sightline, tmp_path: Path) -> None:
    copy = (ROOT / MANIFEST).read_text(encoding="utf-8")
    scenarios = pasted(tmp_path)
    assert f"a copy of {MANIFEST} with name: model_us, region: US" in (ROOT / "README.md").read_text(encoding="utf-8")
    (tmp_path / "model_us.yaml").write_text(
        copy.replace("name: assistant_eval", "name: model_us").replace("region: EU", "region: US"), encoding="utf-8")
    told = {path.stem: sightline("run", path) for path in scenarios}
    assert {name: (one.code, one.err if one.code else "") for name, one in told.items()} == dict.fromkeys(
        ("my-story", "try-my-requirement", "try-training"), (0, ""))
