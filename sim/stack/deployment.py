"""What is deployed: the config folders that services and Discover both read, one copy per run.

A copy, so that a run folder says what was really deployed, and a scenario can add to it.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lineage.discover.configs import Configs
from lineage.enforce import requirement
from lineage.enforce.requirement import Requirement
from lineage.errors import InputError

ROOT = Path(__file__).resolve().parents[2]
_BUNDLED = {"categories": ROOT / "services/logger/categories", "tables": ROOT / "services/warehouse/tables",
            "jobs": ROOT / "services/warehouse/jobs", "exports": ROOT / "services/warehouse/exports",
            "manifests": ROOT / "services/training/manifests",
            "requirements": ROOT / "scenarios/requirements"}


@dataclass(frozen=True)
class Deployment:
    """Folders of one deployment; ``requirements`` holds the files of those in force."""

    categories: Path
    tables: Path
    jobs: Path
    exports: Path
    manifests: Path
    requirements: Path

    @property
    def configs(self) -> Configs:
        return Configs(self.categories, self.tables, self.jobs, self.manifests, self.exports)

    def load_requirements(self) -> list[Requirement]:
        """Raises InputError (PAI022) for a malformed one."""
        return [requirement.load(path) for path in sorted(self.requirements.glob("*.yaml"))]


def bundled() -> Deployment:
    return Deployment(**_BUNDLED)


def deploy(folder: Path, requirements: Iterable[Path], jobs: Iterable[Path] = (),
           manifests: Iterable[Path] = ()) -> Deployment:
    """Copies the bundled configs, a scenario's own jobs and manifests, and the requirements in force."""
    for name in ("categories", "tables", "jobs", "exports", "manifests"):
        shutil.copytree(_BUNDLED[name], folder / name)
    (folder / "requirements").mkdir()
    for path in requirements:
        loaded = requirement.load(path)  # refused before anything starts
        target = folder / "requirements" / f"{loaded.name}.yaml"
        if target.exists():
            raise InputError("PAI022", f"two requirements are named {loaded.name!r}", where=str(path),
                             next="give each requirement a name of its own")
        shutil.copy(path, target)
    for kind, paths in (("jobs", jobs), ("manifests", manifests)):
        for path in paths:
            shutil.copy(path, folder / kind / path.name)
    return at(folder)


def at(folder: Path) -> Deployment:
    """The deployment below ``folder``; the bundled one where there is none."""
    if not folder.exists():
        return bundled()
    return Deployment(**{name: folder / name for name in _BUNDLED})
