"""An extension that raises: counted and a gap, while the request goes on; a guard that enforces fails closed.

>>> from lineage.privacylib import Extension, PrivacyLib
>>> class Broken(Extension):
...     def after(self, op):
...         raise KeyError("what it saw")
>>> lib = PrivacyLib("web", [Broken()])
>>> with lib.scope(key="0af7651916cd43dd8448eb211c80319c"), lib.read("web:ask"):
...     pass
>>> lib.failures["Broken failed: KeyError"]
2

(The second is of the gap that says so: it is a note, and goes to the same extension.)
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from lineage.errors import PolicyDenied
from lineage.model import Decision

if TYPE_CHECKING:
    from lineage.privacylib.extension import Hook
    from lineage.privacylib.library import PrivacyLib
    from lineage.privacylib.operation import Operation

# What a guard judges; the others are notes, which move nothing.
_JUDGED = ("read", "write", "call")


def run(hooks: Iterable[Hook], op: Operation) -> bool:
    """Every hook in turn, whichever of them fail; true where none did.  Raises PolicyDenied."""
    left = iter(hooks)  # goes on behind the hook that failed
    good = True
    while True:
        try:
            for hook in left:
                hook(op)
            return good
        except PolicyDenied:
            raise
        except Exception as error:
            good = False
            _failed(hook, op, error)


def _failed(hook: Hook, op: Operation, error: Exception) -> None:
    """Raises PolicyDenied (PAI308) where it is a guard that enforces: a check that cannot be made refuses."""
    extension = getattr(hook, "__self__", None)
    # The type alone: a message may quote the payload.
    why = told(op.lib, op.kind, op.asset, type(extension or hook).__name__, error)
    guard = getattr(extension, "guards", False) and getattr(extension, "enforcing", True)
    if guard and op.kind in _JUDGED:
        decision = _closed(op, f"the check could not be made: {why}")
        op.lib.decision(decision)
        raise PolicyDenied(decision.code, decision.reason, where=op.asset) from error


def told(lib: PrivacyLib, kind: str, asset: str, who: str, error: Exception) -> str:
    """Counts what ``who`` failed of; a gap, unless that is what it failed of."""
    why = f"{who} failed: {type(error).__name__}"
    lib.failures[why] += 1
    if kind != "gap":
        lib.gap(asset, why, "PAI205")
    return why


def _closed(op: Operation, reason: str) -> Decision:
    context = op.context
    case = repr((context.activity, context.purpose, context.principal, op.kind, op.asset, op.fields, reason))
    return Decision(hashlib.sha256(case.encode("utf-8", "replace")).hexdigest()[:16], context.activity,
                    context.purpose, context.principal, "blocked", "PAI308", reason, "guard", (op.asset,), ())
