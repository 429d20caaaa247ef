"""Gathers the declared edges: what logger configs, job SQL and manifests say before anything runs.

(What is declared beside the code of a service arrives as signals; see ``PrivacyLib.declare``.)
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from lineage.discover import jobs, logger_config, manifests, sql
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


