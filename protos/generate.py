"""Generates the gRPC stubs from the contracts: the one generator, used by the build
hook, by `make stubs` and by the test for stale stubs.

The proto root is the repository root, so that a stub is imported as
``from protos import inference_pb2``.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def contracts(root: Path = ROOT) -> list[Path]:
    """Every contract below ``root/protos``, sorted."""
    return sorted((root / "protos").glob("*.proto"))


def generate(out: Path = ROOT, root: Path = ROOT) -> None:
    """Writes ``protos/*_pb2.py``, ``*_pb2.pyi`` and ``*_pb2_grpc.py`` below ``out``.

    Raises RuntimeError when protoc refuses a contract (it has printed where and why).
    """
    import grpc_tools
    from grpc_tools import protoc

    well_known = Path(grpc_tools.__file__).parent / "_proto"
    args = ["protoc", f"-I{root}", f"-I{well_known}", f"--python_out={out}",
            f"--pyi_out={out}", f"--grpc_python_out={out}"]
    files = [str(path.relative_to(root)) for path in contracts(root)]
    if protoc.main([*args, *files]) != 0:
        raise RuntimeError("protoc refused a contract under protos/; its message is above")


if __name__ == "__main__":
    generate(Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT)
