"""What the configs of a run say of its activities: whose they are, and what for.  Read for plans and explanations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lineage import jobfile
from lineage.discover.configs import Configs
from lineage.enforce.manager.seen import Deployed
from lineage.errors import InputError
from lineage.yaml_file import tree_of


def deployed(configs: Configs) -> Deployed:
    """What cannot be read is left out: it ran, or was refused, all the same."""
    owners: dict[str, str] = {}
    purposes: dict[str, str] = {}
    files: dict[str, Path] = {}
    for path in sorted(configs.jobs.glob("*.sql")):
        try:
            job = jobfile.parse(path.read_text(encoding="utf-8"), str(path))
        except (InputError, OSError, UnicodeDecodeError):
            continue
        owners[job.activity], purposes[job.activity], files[job.activity] = job.owner, job.purpose, path
    for folder, kind, key in ((configs.manifests, "training", "name"), (configs.exports, "job", "export")):
        for path in sorted(folder.glob("*.yaml")):
            told = _mapping(path)
            name = f"{kind}:{told.get(key) or path.stem}"
            owners[name], purposes[name] = str(told.get("owner", "")), str(told.get("purpose", ""))
            files[name] = path
    return Deployed(owners, purposes, files)


def _mapping(path: Path) -> dict[str, Any]:
    try:
        found = tree_of(path, "PAI022")
    except (OSError, InputError):
        return {}
    return found if isinstance(found, dict) else {}
