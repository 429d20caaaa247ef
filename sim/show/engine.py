"""Runs Graphviz: SVG in this process without fonts, PNG in one of its own with the machine's."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pygraphviz

from lineage.errors import RunError

_NO_FONTS = Path(__file__).with_name("fonts.conf")
_RASTER = Path(__file__).with_name("raster.py")
# Environment and file descriptor 2 belong to the whole process: one drawing at a time.
_ONE = threading.Lock()


def draw_svg(graph: pygraphviz.AGraph) -> str:
    """What ``dot`` writes, measured without fonts: the same on every machine."""
    with _ONE, _no_fonts(), _no_font_warnings():
        return str(graph.draw(format="svg", prog="dot").decode())


def draw_png(graph: pygraphviz.AGraph, path: Path) -> None:
    """Raises RunError (PAI033) where the file cannot be written or Graphviz gives up within two minutes."""
    try:
        done = subprocess.run([sys.executable, "-I", str(_RASTER), str(path)], input=graph.to_string(),
                              capture_output=True, text=True, encoding="utf-8", timeout=120, check=False)
    except subprocess.TimeoutExpired as error:
        raise RunError("PAI033", "Graphviz drew no picture within 120 s", where=str(path)) from error
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise RunError("PAI033", f"no picture was written: {said}", where=str(path))


@contextmanager
def _no_fonts() -> Iterator[None]:
    before = os.environ.get("FONTCONFIG_FILE")
    os.environ["FONTCONFIG_FILE"] = str(_NO_FONTS)
    try:
        yield
    finally:
        if before is None:
            del os.environ["FONTCONFIG_FILE"]
        else:
            os.environ["FONTCONFIG_FILE"] = before


@contextmanager
def _no_font_warnings() -> Iterator[None]:
    """Graphviz's copy of fontconfig is older than the files of a new system and complains of them on stderr.

    Everything else that was written meanwhile is passed on.
    """
    sys.stderr.flush()
    try:
        real = os.dup(2)
    except OSError:  # stderr is closed: there is nobody to spare
        yield
        return
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(real, 2)
            os.close(real)
            held.seek(0)
            rest = b"".join(text for text in held if not text.startswith(b"Fontconfig "))
            if rest:
                os.write(2, rest)
