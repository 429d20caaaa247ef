"""The picture of README.md: what the latest run of the demo really drew.  ``make picture`` calls it."""

from __future__ import annotations

import json
from pathlib import Path

from sim.show.layout import drawing
from sim.show.picture import to_svg
from sim.show.reached import reached

PICTURE = Path(__file__).with_name("demo.svg")


def write(lineage_json: Path, target: Path = PICTURE) -> None:
    """``lineage_json``: of a finished run."""
    target.write_text(to_svg(drawing(reached(json.loads(lineage_json.read_text()))[0])))


if __name__ == "__main__":
    write(Path("runs/latest/lineage.json"))
