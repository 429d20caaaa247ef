"""From logging to enforcement: the same requirement file, its mode flipped and its version raised, and nothing else."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

from ruamel.yaml import YAML

from lineage.enforce.requirement import parse
from lineage.errors import InputError


def flipped(text: str, path: Path) -> str:
    """The file of the next version, in enforcement mode, with its comments and its order kept.

    Raises InputError: PAI022 for a malformed file, PAI318 where it is in enforcement mode already.
    """
    found = parse(text, path)
    if found.mode == "enforcement":
        raise InputError("PAI318", f"{found.id} is in enforcement mode already", where=str(path))
    yaml = YAML(typ="rt")
    yaml.preserve_quotes = True
    yaml.width = 4096
    yaml.indent(sequence=4, offset=2)
    data = yaml.load(text)
    data["mode"], data["version"] = "enforcement", found.version + 1
    out = StringIO()
    yaml.dump(data, out)
    return out.getvalue()
