"""A deployment to be loaded: its configs, its first model, and the processes topology with an app beside it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from sim.load.untapped import Untapped
from sim.scenario.schema import Scenario
from sim.stack import operator
from sim.stack.companion import Companion, companion
from sim.stack.config import NodeConfig
from sim.stack.deployment import ROOT, Deployment, deploy
from sim.stack.injected import Seams
from sim.stack.processes import ProcessStack
from sim.stack.topology import processes
from sim.world.clock import SimClock
from sim.world.random import key_id


def deployed(data: Path, scenario: Scenario) -> Deployment:
    """The bundled configs with the scenario's requirements.  Raises InputError (PAI012, PAI022)."""
    return deploy(data / "deploy", [_requirement(name, scenario) for name in scenario.world.requirements])


def _requirement(name: str, scenario: Scenario) -> Path:
    """As in the runner: a path beside the scenario's file, or the name of a bundled one."""
    if name.endswith((".yaml", ".yml")):
        return scenario.path.parent / name if scenario.path else Path(name)
    return ROOT / "scenarios/requirements" / f"{name}.yaml"


async def train(addresses: Mapping[str, Any], deployment: Deployment, seed: int) -> None:
    """Makes the checkpoints that answer."""
    async with operator.calls(addresses, seed) as call:
        for number, base in enumerate(operator.base_manifests(deployment.manifests), 1):
            key, span = key_id(seed, "operator", number), key_id(seed, "operator-span", number, size=8)
            await call("training", "Train", base, (("traceparent", f"00-{key}-{span}-01"),))


@asynccontextmanager
async def running(folder: Path, scenario: Scenario, seed: int) -> AsyncIterator[tuple[ProcessStack, Companion]]:
    """Every process of the compose file below ``folder``, and the app in this one; the first model has been trained."""
    data = folder / "data"
    deployment = deployed(data, scenario)
    async with AsyncExitStack() as resources:
        stack = await resources.enter_async_context(
            processes(data, folder / "logs", seed, (), scenario.world.answers, memory=scenario.world.memory))
        config = NodeConfig(data, seed, addresses={
            name: stack.addresses[name]["grpc"] for name in ("collector", "policy")})
        app = await resources.enter_async_context(
            companion(config, Seams(SimClock(), Untapped()), str(stack.addresses["web"]["http"])))
        await train(stack.addresses, deployment, seed)
        yield stack, app
