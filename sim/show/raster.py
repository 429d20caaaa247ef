"""``python raster.py OUT.png < graph.dot``: a process of its own, because Graphviz reads fonts once."""

from __future__ import annotations

import sys
from pathlib import Path

import pygraphviz


def main() -> None:
    """Writes whole or not at all."""
    out = Path(sys.argv[1])
    data = pygraphviz.AGraph(string=sys.stdin.buffer.read().decode()).draw(format="png", prog="dot")
    part = out.with_name(f".{out.name}.part")
    part.write_bytes(data)
    part.replace(out)


if __name__ == "__main__":
    main()
