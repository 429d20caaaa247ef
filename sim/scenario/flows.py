"""A step for scenarios about independent flows: one request that makes k files of k others, one of each.

Discover.  It works through the companion app's PrivacyLib and on its storage, which the journal watches.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from sim.scenario.stage import Outcome, Stage
from sim.scenario.steps import STEPS
from sim.world.app import CompanionApp
from sim.world.random import key_id

INDEPENDENT_FLOWS = "independent_flows"


@STEPS.register(INDEPENDENT_FLOWS, {"flows": int, "folder": str}, optional={"written_out": bool, "into_one": bool},
                stage="discover", doc="One request reads `flows` files and makes as many others of them, one of each.")
async def independent_flows(stage: Stage, given: Mapping[str, Any], where: str) -> Outcome:
    """``into_one``: one write with a field for each flow, instead of a file for each."""
    app = cast(CompanionApp, stage.app)
    lib, store = app.lib, app.store
    folder, count = given["folder"], given["flows"]
    names = [f"{number:02d}" for number in range(1, count + 1)]
    with lib.scope(key=key_id(stage.seed, folder, "before")):
        for name in names:
            with lib.write(f"file:{folder}/in-{name}", fields=("value",), sources={}):
                store.write(f"{folder}/in-{name}", f"value {name} of {folder}".encode())
    with lib.scope(key=key_id(stage.seed, folder, "request"), purpose="assistance"):
        values = {}
        for name in names:
            with lib.read(f"file:{folder}/in-{name}", fields=("value",)):
                values[name] = store.read(f"{folder}/in-{name}")
        if given.get("into_one"):
            with lib.write(f"file:{folder}/out", sources={f"value-{name}": [_input(folder, name)] for name in names}):
                store.write(f"{folder}/out", b"\n".join(values.values()))
        else:
            for name in reversed(names):
                sources = {"value": [_input(folder, name)]} if given.get("written_out", True) else None
                with lib.write(f"file:{folder}/out-{name}", fields=("value",), sources=sources):
                    store.write(f"{folder}/out-{name}", values[name].upper())
    return Outcome("done", {"flows": count})


def _input(folder: str, name: str) -> str:
    return f"file:{folder}/in-{name}#value"
