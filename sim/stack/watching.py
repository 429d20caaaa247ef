"""Whose code a watch claims: which packages and folders are a service's own (``lineage.privacylib.mediation``)."""

from __future__ import annotations

from lineage.privacylib.mediation import Watch
from sim.stack.config import NodeConfig
from sim.stack.deployment import ROOT

# The companion app's code; what the glasses do by themselves is another's.
APP = ("sim.world.app", "sim.world.overlay", "sim.world.setup", "sim.world.talk")
# The policy service's code is the PAI's own.
POLICY = ("lineage.enforce.pes", "lineage.enforce.requiring")


def watching(name: str, config: NodeConfig) -> Watch:
    """Not started.  The code of a service lies in its package; policy's is the PAI's own, the app's the world's."""
    packages = {"policy": POLICY, "app": APP}.get(name, (f"services.{name}",))
    code = [ROOT / package.replace(".", "/") for package in packages]
    deployment = config.deployment
    # An engine's own upkeep, and its wire to Java, on which even a thread of another service collects its garbage.
    engine = ["sim.stack.spark_session", "py4j"]
    return Watch(packages, shared=["services"], beside=["sim.truth", "sim.stack.pool", *engine],
                 own=[*code, config.data / "deploy", deployment.categories, deployment.tables, deployment.jobs,
                      deployment.exports, deployment.manifests, deployment.requirements])
