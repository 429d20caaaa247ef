"""[B] An export: which columns of which table go into the parts of which file, for what purpose.

    export: daily_answers          # job:daily_answers makes file:exports/daily_answers
    owner: assistant-quality
    purpose: assistance
    table: core.daily_sessions
    columns: [ds, utterance, answer]
    parts: 4
    region: EU                     # optional: where the files will be; without it, where the data are
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lineage.errors import InputError
from lineage.model import Label
from lineage.yaml_file import Config
from services.warehouse.catalog import Table, columns_of, table_of

KEYS = ("export", "owner", "purpose", "table", "columns", "parts", "region")
MOST_PARTS = 64
_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class Export:
    """``columns`` are of ``table``, each once."""

    name: str
    owner: str
    purpose: str
    table: Table
    columns: tuple[str, ...]
    parts: int
    region: str = ""

    @property
    def activity(self) -> str:
        return f"job:{self.name}"

    @property
    def output(self) -> str:
        return f"file:exports/{self.name}"

    @property
    def manifest(self) -> str:
        """The path of the list of parts, in the data folder."""
        return f"exports/{self.name}/manifest.json"

    def part(self, number: int) -> str:
        """The path of one part, in the data folder."""
        return f"exports/{self.name}/part-{number:05d}.jsonl"

    @property
    def labels(self) -> dict[str, Label]:
        """Each column's own category, under the annotations of all of them: rows are exported whole."""
        own = [self.table.columns[name].label for name in self.columns]
        joined = tuple(sorted({annotation for label in own for annotation in label.annotations}))
        return {name: Label(label.category, joined, label.operational)
                for name, label in zip(self.columns, own, strict=True)}


def find(folder: Path, name: str, catalog: Mapping[str, Table]) -> Export:
    """Raises InputError: PAI012 for no such export, PAI022 for a malformed one, with file:line."""
    path = folder / f"{name}.yaml"
    if not _NAME.fullmatch(name) or not path.is_file():
        known = ", ".join(sorted(other.stem for other in folder.glob("*.yaml")))
        raise InputError("PAI012", f"no export {name!r}; there are {known or 'none'}", where=str(folder))
    found = parse(path.read_text(encoding="utf-8"), str(path), catalog)
    if found.name != name:
        raise InputError("PAI022", f"the file is named {name!r}, and the export in it {found.name!r}", where=str(path))
    return found


def parse(text: str, where: str, catalog: Mapping[str, Table]) -> Export:
    """Raises InputError (PAI022) with file:line."""
    config = Config.parse(text, "PAI022", where)
    config.only(KEYS)
    name, columns, parts = config.text("export"), config.texts("columns"), config.number("parts")
    if not _NAME.fullmatch(name):
        raise config.error(f"export is {name!r}; it is a name of a-z, 0-9 and _", "export")
    if parts > MOST_PARTS:
        raise config.error(f"parts is {parts}; at most {MOST_PARTS}, each is a process", "parts")
    try:
        table = table_of(dict(catalog), config.text("table"), "PAI022")
        columns_of(table, columns, "PAI022")
    except InputError as error:
        raise config.error(error.what, "columns" if "column" in error.what.split() else "table") from None
    if len(set(columns)) < len(columns):
        raise config.error("a column is named twice", "columns")
    return Export(name, config.text("owner"), config.text("purpose"), table, columns, parts,
                  config.text("region", ""))
