"""From a trace id to the lineage: which edges of a run one request moved data along.

The correlation key is the W3C trace id, so it is the one that an OpenTelemetry back-end shows.
lineage.json counts keys and does not name them; lineage.db names them, on its edges and its signals.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from lineage.errors import InputError
from lineage.privacylib.context import parse_traceparent

Identity = tuple[str, str, str]
_KEY = re.compile(r"[0-9a-f]{32}")


def key_of(text: str) -> str:
    """The trace id in what a person pastes: itself, or a whole traceparent.  Raises InputError (PAI005).

    >>> key_of("00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01")
    '0af7651916cd43dd8448eb211c80319c'
    """
    text = text.strip().lower()
    if _KEY.fullmatch(text):
        return text
    if (key := parse_traceparent(text)) is not None:
        return key
    raise InputError("PAI005", f"{text[:60]!r} is neither a trace id (32 hex digits) nor a traceparent", where="--key")


def edges_of(database: Path, key: str) -> set[Identity]:
    """(from, to, state) of the edges with this key, declared ones never.

    Raises InputError: PAI005 when no signal has the key, PAI032 when the file is not one of this version.
    """
    try:
        with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as db:
            found = {tuple(row) for row in db.execute(
                "SELECT source, target, state FROM edges, json_each(edges.keys) AS one WHERE one.value = ?", [key])}
            known = found or db.execute(
                "SELECT 1 FROM signals, json_each(signals.keys) AS one WHERE one.value = ? LIMIT 1", [key]).fetchone()
    except sqlite3.Error as error:
        raise InputError("PAI032", f"the run's store cannot be asked: {error}", where=str(database),
                         next="sightline demo") from error
    if not known:
        raise InputError("PAI005", f"no signal of this run has the trace id {key}", where="--key")
    return found


def moved_under(lineage: dict[str, Any], database: Path, key: str) -> dict[str, Any]:
    """The content of lineage.json, cut to what moved, or was refused, under one key.  Raises as ``edges_of``."""
    wanted = edges_of(database, key)
    edges = [edge for edge in lineage["edges"] if (edge["from"], edge["to"], edge["state"]) in wanted]
    names = {edge[end].partition("#")[0] for edge in edges for end in ("from", "to")}
    return {**lineage, "edges": edges, "assets": [one for one in lineage["assets"] if one["name"] in names]}
