"""The generated stubs are those of the contracts as they stand: stale ones fail, and say what to run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SUFFIXES = ("_pb2.py", "_pb2.pyi", "_pb2_grpc.py")


def _stubs(root: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((root / "protos").iterdir())
            if path.name.endswith(SUFFIXES)}


def stale(installed: dict[str, bytes], fresh: dict[str, bytes]) -> list[str]:
    """Names of the stubs that are missing, differ, or belong to no contract."""
    return sorted(name for name in installed.keys() | fresh.keys() if installed.get(name) != fresh.get(name))


def test_stubs_are_those_of_the_contracts(tmp_path: Path) -> None:
    subprocess.run([sys.executable, str(ROOT / "protos" / "generate.py"), str(tmp_path)], check=True, timeout=60)
    fresh = _stubs(tmp_path)
    assert len(fresh) == len(SUFFIXES) * len(list((ROOT / "protos").glob("*.proto"))) > 0
    found = stale(_stubs(ROOT), fresh)
    assert found == [], "stale stubs; run: make stubs (and remove those of a contract that is gone)"


def test_stale_missing_and_leftover_stubs_are_found() -> None:
    fresh = {"web_pb2.py": b"1", "rows_pb2.py": b"1"}
    assert stale(fresh, fresh) == []
    assert stale({"web_pb2.py": b"2", "gone_pb2.py": b"1"}, fresh) == ["gone_pb2.py", "rows_pb2.py", "web_pb2.py"]
