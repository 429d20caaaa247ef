"""What the configs of a run say of its activities: whose they are, and what for.  Read for plans and explanations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from lineage import jobfile
from lineage.discover.configs import Configs
from lineage.enforce.manager.seen import Deployed
from lineage.errors import InputError


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
        found = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, YAMLError):
        return {}
    return found if isinstance(found, dict) else {}
