"""What may be said of a message without its payload: which fields are set, and which rows it carries.

Of each row its correlation key, and where the row says whose it is, a digest of that; of a consent, whose it is,
likewise.
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Any

from google.protobuf.message import Message

_ROWS = "sightline.Rows"
# The column of rows that says whose they are, in every table that does.
WEARER = "wearer"
# Values that say what a request is about, not what it carries.
_VALUES = {
    "sightline.ReadRequest": ("table", "activity"),
    "sightline.DescribeRequest": ("table",),
    "sightline.AdmitRequest": ("activity",),
    "sightline.JudgeRequest": ("activity",),
    "sightline.JobRequest": ("job",),
    "sightline.ExportRequest": ("export",),
    "sightline.ConsentRequest": ("purpose", "granted"),
    "sightline.GenerateResponse": ("checkpoint",),
}
_HEADER = re.compile(r"^\s*--\s*(job|query)\s*:\s*(\S+)\s*$", re.MULTILINE)


def describe(message: Message) -> tuple[dict[str, Any], int]:
    """(detail, rows): names of the fields on the wire; schema, columns, keys and wearers of carried rows, their number.

    ``of``: [key, digest of the wearer or ""] per row."""
    detail: dict[str, Any] = {"fields": [field.name for field, _ in message.ListFields()]}
    rows = 0
    for field, value in message.ListFields():
        if field.message_type is not None and field.message_type.full_name == _ROWS and isinstance(value, Message):
            carried: Any = value
            detail["schema"], detail["columns"] = carried.schema, list(carried.columns)
            rows += len(carried.rows)
            at = detail["columns"].index(WEARER) if WEARER in detail["columns"] else -1
            detail["of"] = detail.get("of", []) + [[row.key, person(row.values[at].text) if 0 <= at < len(row.values)
                                                    else ""] for row in carried.rows]
    name = message.DESCRIPTOR.full_name
    for key in _VALUES.get(name, ()):
        detail[key] = getattr(message, key)
    if name == "sightline.ConsentRequest":
        detail["whose"] = person(getattr(message, "wearer", ""))
    if name == "sightline.JobRequest":
        # The text of a job says in its header which activity it is.
        header = _HEADER.search(getattr(message, "sql", ""))
        if header is not None:
            detail["activity"] = f"{header[1]}:{header[2]}"
    return detail, rows


def person(wearer: str) -> str:
    """As the journal knows a wearer; empty for nobody."""
    return sha256(wearer.encode("utf-8", "surrogatepass")).hexdigest()[:16] if wearer else ""
