"""A node's rulebook is kept at what is in force: what was deployed with the node, until the policy service is heard."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from lineage.enforce.following import Follower
from lineage.enforce.rulebook import Rulebook
from lineage.privacylib import PrivacyLib
from sim.stack.config import NodeConfig


async def following(lib: PrivacyLib, book: Rulebook, config: NodeConfig,
                    stopping: list[Callable[[], Any]]) -> Callable[[], Sequence[str]]:
    """``book`` has what is in force when this returns, and from then on; the files of it, whenever they are asked for.

    Where there is no policy service to ask, what was deployed stays.
    """
    texts = config.deployment.requirement_texts()
    address = config.addresses.get("policy")
    if address is None:
        return lambda: texts
    follower = Follower(lib, book, address, texts)
    stopping.append(follower.stop)
    await follower.start()
    return lambda: follower.texts
