"""What is deployed: the config folders that services and Discover both read, one copy per run.

A copy, so that a run folder says what was really deployed, and a scenario can add to it.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lineage.discover.configs import Configs
from lineage.discover.logger_config import check
from lineage.enforce import principal, requirement
from lineage.enforce.principal import Principals
from lineage.enforce.requirement import Requirement
from lineage.errors import InputError
from services.inference import endpoint as endpoints
from services.inference.endpoint import Endpoint

ROOT = Path(__file__).resolve().parents[2]
PRINCIPALS = ROOT / "services/principals.yaml"
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

    @property
    def principals(self) -> Path:
        """Who may act for what; the bundled file where none was deployed beside the requirements."""
        deployed = self.requirements.parent / "principals.yaml"
        return deployed if deployed.is_file() else PRINCIPALS

    @property
    def running_categories(self) -> Path:
        """What the logger really runs: the declared categories, unless somebody changed them there alone."""
        running = self.categories.parent / "running" / "categories"
        return running if running.is_dir() else self.categories

    @property
    def running_jobs(self) -> Path:
        """What the warehouse really runs: the declared jobs, unless somebody changed one there alone."""
        running = self.jobs.parent / "running" / "jobs"
        return running if running.is_dir() else self.jobs

    @property
    def running_manifests(self) -> Path:
        """What training is really given: the declared manifests, unless somebody changed one there alone."""
        running = self.manifests.parent / "running" / "manifests"
        return running if running.is_dir() else self.manifests

    @property
    def endpoint(self) -> Endpoint | None:
        """The model that somebody else runs.  Raises InputError (PAI022)."""
        file = self.manifests.parent / "endpoint.yaml"
        return endpoints.load(file) if file.is_file() else None

    def requirement_texts(self) -> list[str]:
        """The files themselves, as the rulebook passes them on."""
        return [path.read_text(encoding="utf-8") for path in sorted(self.requirements.glob("*.yaml"))]

    def requirements_by_name(self) -> dict[str, str]:
        """Name → file.  Raises InputError (PAI022)."""
        return {requirement.parse(text, self.requirements).name: text for text in self.requirement_texts()}

    def load_principals(self) -> Principals:
        """Raises InputError (PAI022) for a malformed file."""
        return principal.load(self.principals)

    def load_requirements(self) -> list[Requirement]:
        """Raises InputError (PAI022) for a malformed one."""
        return [requirement.load(path) for path in sorted(self.requirements.glob("*.yaml"))]


def bundled() -> Deployment:
    return Deployment(**_BUNDLED)


def deploy(folder: Path, requirements: Iterable[Path], jobs: Iterable[Path] = (),
           manifests: Iterable[Path] = (), *, categories: Iterable[Path] = (), tables: Iterable[Path] = (),
           running: Iterable[Path] = (), exports: Iterable[Path] = (),
           changed: Mapping[str, Path] | None = None, endpoint: Path | None = None) -> Deployment:
    """Copies the bundled configs, a scenario's own jobs, manifests, categories and tables, and the requirements in
    force.  ``running``: categories that the logger alone is given, so that nobody else knows of them; ``changed``: so
    for jobs of the warehouse and manifests of training, by their place ("jobs/daily_sessions.sql"); ``endpoint``:
    where a model is that somebody else runs.

    Raises InputError (PAI012, PAI022) before anything starts.
    """
    for name in ("categories", "tables", "jobs", "exports", "manifests"):
        shutil.copytree(_BUNDLED[name], folder / name)
    shutil.copy(PRINCIPALS, folder / "principals.yaml")
    (folder / "requirements").mkdir()
    for path in requirements:
        loaded = requirement.load(path)  # refused before anything starts
        target = folder / "requirements" / f"{loaded.name}.yaml"
        if target.exists():
            raise InputError("PAI022", f"two requirements are named {loaded.name!r}", where=str(path),
                             next="give each requirement a name of its own")
        shutil.copy(path, target)
    for kind, paths in (("jobs", jobs), ("manifests", manifests), ("categories", categories), ("tables", tables),
                        ("exports", exports)):
        for path in paths:
            shutil.copy(path, folder / kind / path.name)
    others = list(running)
    if others:
        shutil.copytree(folder / "categories", folder / "running" / "categories")
    for path in others:
        shutil.copy(path, folder / "running" / "categories" / path.name)
    for place, path in (changed or {}).items():
        if not (folder / place).is_file():
            raise InputError("PAI012", f"no {place} is deployed, so it cannot be changed", where=str(path))
        if not (folder / "running" / place).is_file():
            shutil.copytree((folder / place).parent, (folder / "running" / place).parent)
        shutil.copy(path, folder / "running" / place)
    if endpoint is not None:
        endpoints.load(endpoint)  # refused before anything starts
        shutil.copy(endpoint, folder / "endpoint.yaml")
    deployed = at(folder)
    check(deployed.running_categories, _annotations(deployed))
    return deployed


def _annotations(deployed: Deployment) -> set[str]:
    """All that a requirement governs, or that stands beside a table's column."""
    known = {name for path in (_BUNDLED["requirements"], deployed.requirements) for file in path.glob("*.yaml")
             for name in requirement.load(file).governs}
    for table in deployed.tables.glob("*.sql"):
        known.update(word for line in table.read_text(encoding="utf-8").splitlines()
                     for word in line.partition("--")[2].split() if word.isupper())
    return known


def at(folder: Path) -> Deployment:
    """The deployment below ``folder``; the bundled one where there is none."""
    if not folder.exists():
        return bundled()
    return Deployment(**{name: folder / name for name in _BUNDLED})
