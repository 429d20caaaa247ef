"""Gathers the declared edges: what logger configs, job SQL and manifests say before anything runs.

(What is declared beside the code of a service arrives as signals; see ``PrivacyLib.declare``.)
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import sqlglot
from sqlglot import exp

from lineage.discover import jobs, logger_config, manifests
from lineage.errors import InputError
from lineage.model import Edge


class Configs(NamedTuple):
    """The folders that hold the configs of a deployment."""

    categories: Path
    tables: Path
    jobs: Path
    manifests: Path


def schema(tables: Path) -> dict[str, dict[str, str]]:
    """"core.sessions" → column → type, from the ``CREATE TABLE`` statements in ``tables/*.sql``."""
    found: dict[str, dict[str, str]] = {}
    for path in sorted(tables.glob("*.sql")):
        try:
            statements = sqlglot.parse(path.read_text(), dialect="sqlite")
        except sqlglot.ParseError as error:
            raise InputError("PAI021", str(error), where=str(path)) from error
        for statement in statements:
            if isinstance(statement, exp.Create) and isinstance(statement.this, exp.Schema):
                name = f"{statement.this.this.db}.{statement.this.this.name}".lstrip(".")
                found[name] = {column.name: column.args["kind"].sql() if column.args.get("kind") else "TEXT"
                               for column in statement.this.expressions if isinstance(column, exp.ColumnDef)}
    return found


def declared(configs: Configs) -> list[Edge]:
    """Raises InputError (PAI020 to PAI022) for the first config that is malformed."""
    edges = list(logger_config.declared_edges(configs.categories))
    tables = schema(configs.tables)
    for path in sorted(configs.jobs.glob("*.sql")):
        edges.extend(jobs.declared_edges(jobs.parse_job(path.read_text(), str(path)), tables))
    edges.extend(manifests.declared_edges(configs.manifests))
    return edges


def activities(edges: Iterable[Edge]) -> frozenset[str]:
    """Every job and training run that a config declares."""
    return frozenset(name for edge in edges for name in (edge.target, *edge.via)
                     if name.startswith(("job:", "training:", "query:")))


