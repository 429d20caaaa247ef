"""[D] What is served, as the store keeps it, so that it outlives the process: a file for each model."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from lineage.model import Label
from lineage.privacylib import PrivacyLib
from services.inference import traffic
from services.inference.traffic import Traffic
from services.seams import Store


class Kept:
    """``recorded``: names of models of which the store says from the first one on what is served."""

    def __init__(self, lib: PrivacyLib, store: Store, recorded: Collection[str]) -> None:
        self._lib = lib
        self._store = store
        self._recorded = frozenset(recorded)

    def write(self, name: str, after: Traffic, told: Sequence[str], *, keep: bool) -> None:
        """``told``: what says so.  ``keep``: from now on; until the first roll-out the newest checkpoint is served, and
        nothing is kept of a model that is not recorded."""
        path = traffic.path(name)
        if keep or name in self._recorded or self._store.exists(path):
            self._lib.register(f"file:{path}", {"traffic": Label(operational="structure")})
            with self._lib.write(f"file:{path}", fields=("traffic",), sources={"traffic": told}):
                self._store.write(path, after.dumps())

    def read(self, name: str) -> Traffic | None:
        """Raises InputError (PAI004) for what cannot be read."""
        path = traffic.path(name)
        if not self._store.exists(path):
            return None
        self._lib.register(f"file:{path}", {"traffic": Label(operational="structure")})
        with self._lib.read(f"file:{path}", fields=("traffic",)):
            return traffic.loads(self._store.read(path), f"file:{path}", name)
