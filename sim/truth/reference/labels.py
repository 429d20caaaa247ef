"""Labels as they stand beside the schemas: table DDL, the headers of jobs, logger YAML, the contracts' proto options.

Truth.  A naive reading of the deployed files, line by line; nothing of the PAI's readers is asked.  None is "nothing
says what this is", which is not the same as a label without annotations.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pool
from google.protobuf.descriptor import Descriptor
from ruamel.yaml import YAML

from protos import annotations_pb2, web_pb2
from sim.truth.naming import CONTRACTS

# Field-level name → its annotations, in the order in which they were found.
Labels = dict[str, frozenset[str] | None]
_CREATE = re.compile(r"CREATE\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?([\w.]+)\s*\((.*?)\n\)\s*;", re.IGNORECASE | re.DOTALL)
_COLUMN = re.compile(r"\s*([A-Za-z_]\w*)\s+[A-Z]+[^\n]*")
_NO_COLUMN = ("PRIMARY", "UNIQUE", "CHECK", "FOREIGN", "CONSTRAINT")
_HEADER = re.compile(r"^\s*--\s*(\w+)\s*:\s*(.*?)\s*$")
_SAID = re.compile(r"(subject|origin):\s*(\w+)")


def header(sql: str) -> dict[str, str]:
    """The lines ``-- key: value`` above the first statement of a job."""
    found: dict[str, str] = {}
    for line in sql.splitlines():
        if not line.lstrip().startswith("--") and line.strip():
            break
        if match := _HEADER.match(line):
            found.setdefault(match[1].lower(), match[2])
    return found


def tables(sql: str) -> Iterator[tuple[str, dict[str, frozenset[str] | None]]]:
    """(table, column → annotations) of each CREATE TABLE; a column without a comment has the header's."""
    given = header(sql).get("annotations")
    default = frozenset(re.split(r"[,\s]+", given)) if given else None
    for match in _CREATE.finditer(sql):
        yield match[1], {column: default if label is None else label for column, label in _columns(match[2])}


def columns_that_say(what: str, folder: Path) -> dict[str, str]:
    """Table → the column that says whose a row is (``what``: "subject"), or where it is from ("origin")."""
    found = {}
    for path in sorted(folder.glob("*.sql")):
        text = path.read_text(encoding="utf-8")
        said = dict(_SAID.findall(text.partition("CREATE")[0]))
        for table, _ in tables(text):
            if what in said:
                found[table] = said[what]
    return found


def deployed(folder: Path) -> Labels:
    """Of the tables and the logger's categories below ``folder`` (a run's ``data/deploy``), and of every contract."""
    found = dict(contracts())
    for path in sorted((folder / "tables").glob("*.sql")):
        found |= of_tables(path.read_text(encoding="utf-8"))
    for path in [*sorted((folder / "categories").glob("*.yaml")),
                 *sorted((folder / "running" / "categories").glob("*.yaml"))]:
        data = YAML(typ="safe").load(path)
        for field, said in data["fields"].items():
            labelled = "annotations" in said or "category" in said or "operational" in said
            found[f"logger:{data['category']}#{field}"] = (
                frozenset(said.get("annotations") or ()) if labelled else None)
    return found


def of_tables(sql: str) -> Labels:
    return {f"warehouse:{table}#{column}": label for table, columns in tables(sql) for column, label in columns.items()}


def whole(labels: Mapping[str, frozenset[str] | None], asset: str) -> frozenset[str]:
    """The join of all that an asset has."""
    return frozenset().union(*(label for name, label in labels.items()
                               if name.partition("#")[0] == asset and label is not None))


@cache
def contracts() -> Mapping[str, frozenset[str] | None]:
    """``rpc:inference.Generate.request#prompt`` … of each method, and the fields that go by HTTP."""
    found: Labels = {}
    for contract in CONTRACTS:
        file = descriptor_pool.Default().FindFileByName(contract.DESCRIPTOR.name)
        for service in file.services_by_name.values():
            for method in service.methods:
                name = f"rpc:{service.name.lower()}.{method.name}"
                found |= _fields(f"{name}.request", method.input_type) | _fields(f"{name}.response", method.output_type)
    for route in ("Ask", "Converse", "Overlay", "Profile"):
        message = getattr(web_pb2, f"{route}Message" if route == "Converse" else f"{route}Request")
        found |= _fields(f"web:{route.lower()}", message.DESCRIPTOR)
    return found


def carriers(asset: str) -> frozenset[str]:
    """The fields of a message that hold fields of another schema."""
    return frozenset(name.partition("#")[2] for name, label in contracts().items()
                     if label is None and name.startswith(f"{asset}#"))


def _fields(asset: str, message: Descriptor) -> Labels:
    option: Any = annotations_pb2.label
    found: Labels = {}
    for field in message.fields:
        said = field.GetOptions().Extensions[option]
        found[f"{asset}#{field.name}"] = None if said.carries else frozenset(said.annotations)
    return found


def _columns(body: str) -> Iterable[tuple[str, frozenset[str] | None]]:
    for line in body.splitlines():
        code, comment, said = line.partition("--")
        if (match := _COLUMN.match(code)) and match[1].upper() not in _NO_COLUMN:
            words = said.split()
            yield match[1], frozenset(words[1:]) if comment and words else None
