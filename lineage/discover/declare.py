"""Gathers the declared edges: what logger configs, job SQL and manifests say before anything runs.

(What is declared beside the code of a service arrives as signals; see ``PrivacyLib.declare``.)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from lineage import jobfile
from lineage.discover import exports, jobs, logger_config, manifests, sql
from lineage.discover.configs import Configs
from lineage.model import Edge


def schema(tables: Path) -> dict[str, dict[str, str]]:
    """"core.sessions" → column → type, from the ``CREATE TABLE`` statements in ``tables/*.sql``."""
    found: dict[str, dict[str, str]] = {}
    for path in sorted(tables.glob("*.sql")):
        for _, text in sql.split(path.read_text(), name=str(path)):
            table = sql.defined(text)
            if table is not None:
                found[table[0]] = dict(table[1])
    return found


def _made(found: Iterable[jobfile.JobFile]) -> dict[str, dict[str, str]]:
    """The tables that jobs make themselves, which other jobs may read."""
    tables: dict[str, dict[str, str]] = {}
    for job in found:
        for _, text in sql.split(job.sql, name=job.file, line=job.line):
            if (table := sql.defined(text)) is not None:
                tables.setdefault(table[0], {}).update(table[1])
    return tables


class Declared(NamedTuple):
    """``purposes``: every job and training run that a config declares → what it says it is for.  ``schema``: the
    tables of the configs, and those that jobs make."""

    edges: list[Edge]
    purposes: dict[str, str]
    schema: Mapping[str, Mapping[str, str]] = MappingProxyType({})


def declared(configs: Configs) -> Declared:
    """Raises InputError (PAI020 to PAI022) for the first config that is malformed."""
    edges = list(logger_config.declared_edges(configs.categories))
    purposes: dict[str, str] = {}
    found = [jobfile.parse(path.read_text(), str(path)) for path in sorted(configs.jobs.glob("*.sql"))]
    tables = {**_made(found), **schema(configs.tables)}
    for job in found:
        edges.extend(jobs.declared_edges(job, tables))
        purposes[job.activity] = job.purpose
    for path in sorted(configs.manifests.glob("*.yaml")):
        manifest = manifests.parse(path.read_text(), str(path))
        edges.extend(manifests.declared_edges(manifest))
        purposes[manifest.activity] = manifest.purpose
    for path in sorted(configs.exports.glob("*.yaml")):
        export = exports.parse(path.read_text(), str(path))
        edges.extend(exports.declared_edges(export))
        purposes[export.activity] = export.purpose
    return Declared(edges, purposes, tables)
