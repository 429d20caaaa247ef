"""What README.md shows of the demo is what the demo prints."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_readme_shows_what_the_demo_prints(tmp_path: Path) -> None:
    block = re.search(r"```\n\$ make demo[^\n]*\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert block is not None
    done = subprocess.run([sys.executable, "-m", "sim.cli.main", "demo"], cwd=tmp_path, capture_output=True, text=True,
                          check=True, timeout=100, env={"SIGHTLINE_RUNS": str(tmp_path), "PYTHONPATH": str(ROOT)})
    printed = done.stdout
    for line in block[1].splitlines():
        shown = line.strip().removesuffix("…").strip()
        assert shown in printed, f"README shows {shown!r}, the demo does not: run make picture and correct README"
