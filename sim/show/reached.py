"""What of a lineage is worth drawing: what the run reached.

A deployment declares more than one run uses; flows between assets that nothing came to would hide the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lineage.names import asset_of


def reached(lineage: Mapping[str, Any]) -> tuple[Mapping[str, Any], int]:
    """The same lineage without declared flows at whose ends nothing was observed or refused; how many those are.

    >>> edge = {"from": "web:ask#photo", "to": "app:x", "state": "observed"}
    >>> far = {"from": "web:ask#photo", "to": "warehouse:core.t#x", "state": "declared"}
    >>> assets = [{"name": name} for name in ("web:ask", "app:x", "warehouse:core.t")]
    >>> kept, left = reached({"assets": assets, "edges": [edge, far]})
    >>> [one["name"] for one in kept["assets"]], len(kept["edges"]), left
    (['web:ask', 'app:x'], 1, 1)
    """
    touched = {asset_of(edge[end]).partition("@")[0] for edge in lineage.get("edges", ()) if edge["state"] != "declared"
               for end in ("from", "to")}

    def seen(name: str) -> bool:
        return asset_of(name).partition("@")[0] in touched

    edges = [edge for edge in lineage.get("edges", ()) if edge["state"] != "declared"
             or (seen(edge["from"]) and seen(edge["to"]) and all(map(seen, edge.get("via", ()))))]
    assets = [asset for asset in lineage.get("assets", ()) if seen(asset["name"])]
    if not edges:
        return lineage, 0
    return {**lineage, "assets": assets, "edges": edges}, len(lineage["edges"]) - len(edges)
