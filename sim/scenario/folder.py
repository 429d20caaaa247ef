"""The run folder: ``runs/<scenario>/<n>-seed<seed>/`` and ``runs/latest``.

Made under a name that nobody takes for a finished run, and renamed when all of it is written.
"""

from __future__ import annotations

import os
import re
import shutil
from contextlib import suppress
from pathlib import Path

from lineage.errors import InputError, RunError

_NUMBER = re.compile(r"(\d+)-seed\d+(\.aborted)?")


def runs() -> Path:
    """SIGHTLINE_RUNS, or ``runs`` in the working directory."""
    return Path(os.environ.get("SIGHTLINE_RUNS", "runs")).absolute()


def latest() -> Path:
    """The newest finished run.  Raises InputError (PAI032) when there is none."""
    link = runs() / "latest"
    if not (link / "lineage.json").is_file():
        raise InputError("PAI032", "there is no finished run", where=str(runs()), next="sightline demo")
    return link.resolve()


class RunFolder:
    """``home``: another folder than :func:`runs`.  Raises RunError (PAI033) when it cannot be made."""

    def __init__(self, scenario: str, seed: int, home: Path | None = None) -> None:
        self._home = home or runs()
        parent = self._home / scenario
        if (self._home / "latest").is_dir() and not (self._home / "latest").is_symlink():
            raise RunError("PAI033", "a folder stands where the link to the newest run belongs",
                           where=str(self._home / "latest"),
                           next="move it away, or set SIGHTLINE_RUNS to another folder")
        try:
            parent.mkdir(parents=True, exist_ok=True)
            self.final, self.path = self._reserve(parent, seed)
        except OSError as error:
            raise RunError("PAI033", f"the run folder cannot be made: {error.strerror}", where=str(parent),
                           next="SIGHTLINE_RUNS=/tmp/runs sightline run …") from error
        self.data = self.path / "data"
        self.data.mkdir()

    @staticmethod
    def _reserve(parent: Path, seed: int) -> tuple[Path, Path]:
        numbers = [int(match[1]) for entry in parent.iterdir()
                   if (match := _NUMBER.fullmatch(entry.name.removesuffix(".partial")))]
        number = max(numbers, default=0) + 1
        while True:  # another run of the same scenario may be starting
            path = parent / f"{number}-seed{seed}.partial"
            try:
                path.mkdir()
            except FileExistsError:
                number += 1
                continue
            return parent / f"{number}-seed{seed}", path

    def finish(self) -> Path:
        """The folder takes its name, and ``latest`` points at it."""
        self.path.rename(self.final)
        link = self._home / "latest"
        fresh = self._home / f".latest-{os.getpid()}"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(self.final.relative_to(self._home))
        fresh.replace(link)
        return self.final

    def abandon(self, *, keep: bool) -> Path | None:
        """A run that could not be completed: its logs are kept, or nothing is."""
        if not keep:
            shutil.rmtree(self.path, ignore_errors=True)
            with suppress(OSError):  # other runs of this scenario are there
                self.path.parent.rmdir()
            return None
        aborted = self.final.with_name(f"{self.final.name}.aborted")
        return self.path.rename(aborted)
