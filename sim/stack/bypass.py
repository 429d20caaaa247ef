"""A caller that is not what it should be: its guard lets all through, and it ignores the policy service.

Enforce.  The one thing that has to hold then is the boundary: the callee's own guard, and the warehouse's tokens.
Nothing here is consulted where nobody bypasses anything.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from lineage.enforce.guard import Guard
from lineage.privacylib import Extension
from lineage.privacylib.operation import Operation
from protos.policy_pb2 import Verdict

# True: this once, what was refused goes on all the same.
Ignores = Callable[[], bool]
_ASKED = ("/sightline.Policy/Admit", "/sightline.Policy/Judge")


class Bypassed(Extension):
    """Stands where the guard stood; what that one would refuse it lets through, and records nothing of it."""

    guards = True

    def __init__(self, guard: Guard, ignores: Ignores) -> None:
        self._guard = guard
        self._ignores = ignores

    @property
    def enforcing(self) -> bool:  # type: ignore[override]
        return self._guard.enforcing

    def before(self, op: Operation) -> None:
        if not (any(decision.verdict == "blocked" for decision in self._guard.judged(op)) and self._ignores()):
            self._guard.before(op)


class Overruled:
    """Stands in for an aio channel to the policy service: a refusal is taken for a permission, without a token."""

    def __init__(self, channel: Any, ignores: Ignores) -> None:
        self._channel = channel
        self._ignores = ignores

    def unary_unary(self, method: str, *args: Any, **options: Any) -> Any:
        made = self._channel.unary_unary(method, *args, **options)
        if method not in _ASKED:
            return made

        async def call(request: Any, **given: Any) -> Any:
            answer: Verdict = await made(request, **given)
            return answer if answer.allowed or not self._ignores() else Verdict(allowed=True)

        return call

    def __getattr__(self, name: str) -> Any:
        return getattr(self._channel, name)


def any_of(each: Sequence[Ignores]) -> Ignores | None:
    """The first that does; None where there is none to ask."""
    return (lambda: any(one() for one in each)) if each else None
