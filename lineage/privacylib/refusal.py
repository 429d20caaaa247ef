"""How a refusal crosses a process boundary: the error as JSON in the gRPC status details."""

from __future__ import annotations

import json

from lineage.errors import SightlineError


def details(error: SightlineError) -> str:
    return json.dumps(error.to_dict(), sort_keys=True)
