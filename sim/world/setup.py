"""Setting up the glasses [A]: the wearer tells the companion app who she is, and the app tells the web service."""

from __future__ import annotations

import json
from dataclasses import dataclass

import httpx

from lineage.errors import RunError
from protos.web_pb2 import ProfileRequest
from sim.world.app import NEXT, CompanionApp, body_of, error_of
from sim.world.wearers import Wearer

PATH = "/v1/profile"
HELD = "app:profile"
WEB = "web:profile"


@dataclass(frozen=True, slots=True)
class Setup:
    """One wearer's, at ``updated_at`` (RFC 3339)."""

    wearer: Wearer
    updated_at: str
    traceparent: str

    @property
    def told(self) -> dict[str, str]:
        """The fields of ProfileRequest (protos/web.proto)."""
        wearer = self.wearer
        return {"wearer": wearer.id, "name": wearer.name, "language": wearer.language, "region": wearer.region,
                "updated_at": self.updated_at}


async def enrol(app: CompanionApp, setup: Setup) -> None:
    """Raises PolicyDenied, InputError, and RunError (PAI031) when the web service cannot be reached or fails."""
    with app.lib.scope(traceparent=setup.traceparent, purpose="assistance", principal="app",
                       region=setup.wearer.region, family="A"):
        # She types it in: nothing comes from a device.
        with app.lib.write(HELD, sources={field: [] for field in setup.told}):
            app.store.write("app/profile", ProfileRequest(**setup.told).SerializeToString())
        with app.lib.call(WEB, sources={field: [f"{HELD}#{field}"] for field in setup.told}):
            await _post(app, setup.told)


async def _post(app: CompanionApp, told: dict[str, str]) -> None:
    try:
        response = await app.client.post(PATH, content=json.dumps(told, ensure_ascii=False).encode(),
                                         headers={**app.lib.headers(), "content-type": "application/json"})
    except httpx.HTTPError as error:
        raise RunError("PAI031", f"the web service did not answer: {type(error).__name__}", where=WEB,
                       next=NEXT) from error
    body = body_of(response)
    if not response.is_success:
        raise error_of(response.status_code, body, WEB)
    if body.get("stored") is not True:
        raise RunError("PAI031", "the web service did not say that the profile is stored", where=WEB, next=NEXT)
