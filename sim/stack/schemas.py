"""Whose rows a service sends inside its messages, as deployed: what its guard is told (``enforce.carried``)."""

from __future__ import annotations

from lineage.model import Label
from sim.stack.deployment import Deployment


def sent(name: str, deployment: Deployment) -> dict[str, dict[str, Label]]:
    """The schemas whose rows a service sends: web the declared log categories, the logger the tables."""
    if name == "web":
        from services.logger import registry

        return {category: {field.name: field.label for field in schema.latest.fields.values()}
                for category, schema in registry.load(deployment.categories).items()}
    if name == "logger":
        from services.warehouse import catalog

        return {table.name: table.labels for table in catalog.load(deployment.tables).values()}
    return {}
