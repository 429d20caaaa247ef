"""The command line, called in this process or as one of its own; photos; runs of the demo for those who only look."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from PIL import Image

from sim.cli.main import main

ROOT = Path(__file__).resolve().parents[2]
# What would turn colour on or off, or tell a command of another run.
_STRANGE = ("FORCE_COLOR", "NO_COLOR", "CLICOLOR_FORCE", "PY_COLORS", "TTY_COMPATIBLE")


class Told(NamedTuple):
    """What a command said, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def _environment(runs: Path) -> dict[str, str]:
    return {**{key: value for key, value in os.environ.items()
               if key not in _STRANGE and not key.startswith("SIGHTLINE_")}, "SIGHTLINE_RUNS": str(runs)}


class Sightline:
    """``sightline("run", "x.yaml")`` with ``runs`` as its runs folder."""

    def __init__(self, runs: Path) -> None:
        self.runs = runs

    def __call__(self, *arguments: str | Path) -> Told:
        out, err = io.StringIO(), io.StringIO()
        code = 0
        with pytest.MonkeyPatch.context() as patch:
            for key in _STRANGE:
                patch.delenv(key, raising=False)
            patch.setenv("SIGHTLINE_RUNS", str(self.runs))
            with redirect_stdout(out), redirect_stderr(err):
                try:
                    main([str(one) for one in arguments])
                except SystemExit as end:
                    code = end.code if isinstance(end.code, int) else 1
        return Told(code, out.getvalue(), err.getvalue())

    def process(self, *arguments: str | Path, **options: Any) -> subprocess.Popen[str]:
        """The same in a process of its own, its output in pipes; ``environment`` is added to its own."""
        environment = _environment(self.runs) | options.pop("environment", {})
        return subprocess.Popen([sys.executable, "-m", "sim.cli.main", *map(str, arguments)], text=True,
                                cwd=options.pop("cwd", ROOT),
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                env=environment, **options)

    def apart(self, *arguments: str | Path, **options: Any) -> Told:
        """As a process of its own, to its end."""
        with self.process(*arguments, **options) as process:
            out, err = process.communicate(timeout=60)
        return Told(process.returncode, out, err)

    @property
    def finished(self) -> list[Path]:
        """The folders of finished, unfinished and broken-off runs, by name."""
        return sorted(path for path in self.runs.glob("*/*") if path.parent.name != "latest")


@pytest.fixture
def sightline(tmp_path: Path) -> Sightline:
    return Sightline(tmp_path / "runs")


Photo = Callable[..., Path]


@pytest.fixture(scope="session")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Photo:
    """``photo("JPEG", gps=True)``: a photo as a user has one, with or without a position in its EXIF header."""
    folder = tmp_path_factory.mktemp("my photos")

    def make(form: str = "JPEG", *, gps: bool = False) -> Path:
        path = folder / f"my {'placed' if gps else 'plain'}.{form.lower()}"
        exif = Image.Exif()
        exif[0x010F] = "Some Phone"
        if gps:
            exif.get_ifd(0x8825).update({1: "N", 2: (59.0, 54.0, 50.5), 3: "E", 4: (10.0, 43.0, 40.25)})
        Image.linear_gradient("L").convert("RGB").save(path, form, exif=exif)
        return path

    return make


class Demo(NamedTuple):
    """A run of the demo with a photo of the user's own; ``sightline`` asks the runs folder where it is the latest."""

    sightline: Sightline
    told: Told
    folder: Path

    def read(self, name: str) -> Any:
        return json.loads((self.folder / name).read_text(encoding="utf-8"))


def _demo(runs: Path, mine: Path) -> Demo:
    sightline = Sightline(runs)
    told = sightline("demo", "--photo", mine, "--ask", "Whose house is that?", "--seed", "7", "--json")
    return Demo(sightline, told, Path(told.json["run_dir"]))


@pytest.fixture(scope="session")
def placed(tmp_path_factory: pytest.TempPathFactory, photo: Photo) -> Demo:
    """With a position in the photo's EXIF header."""
    return _demo(tmp_path_factory.mktemp("placed"), photo(gps=True))


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory, photo: Photo) -> Demo:
    """The same picture without a position."""
    return _demo(tmp_path_factory.mktemp("plain"), photo())
