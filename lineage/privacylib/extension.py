"""What runs before and after each operation: signal logging is one extension, enforcement
another, a user's own a third.

>>> from lineage.privacylib import PrivacyLib
>>> class Counter(Extension):
...     seen = 0
...     def after(self, op):
...         self.seen += 1
>>> counter = Counter()
>>> lib = PrivacyLib("web", [counter])
>>> with lib.scope(key="0af7651916cd43dd8448eb211c80319c"):
...     with lib.read("web:ask", fields=("utterance",)):
...         pass
>>> counter.seen
1
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from lineage.errors import PolicyDenied

if TYPE_CHECKING:
    from lineage.privacylib.operation import Operation

Hook = Callable[["Operation"], None]


class Extension:
    """Override either hook.  ``before`` may raise PolicyDenied; ``after`` also sees *notes*:
    operations without I/O (``asset``, ``source``, ``probe``, ``gap``, ``decision``, ``finding``)."""

    # A guard runs last before the I/O, on the final arguments.
    guards = False
    # Of a guard: whether it fails closed.  What another extension raises never breaks a request.
    enforcing = True

    def before(self, op: Operation) -> None:
        """Before the I/O."""

    def after(self, op: Operation) -> None:
        """After the I/O, or for a note."""


def _all_of(guards: tuple[Hook, ...]) -> Hook:
    """Several guards as one: whatever one of them changes is judged by all of them."""

    def judged(op: Operation) -> None:
        for _ in range(3):
            shown = op.asset, op.fields, op.links, op.linked, op.context
            for guard in guards:
                guard(op)
            if shown == (op.asset, op.fields, op.links, op.linked, op.context):
                return
        raise PolicyDenied("PAI307", "a guard changes the operation whenever it is judged", where=op.asset)

    return judged


def compile_chain(extensions: Iterable[Extension]) -> tuple[tuple[Hook, ...], tuple[Hook, ...]]:
    """The hooks to call, guards last before the I/O; hooks that nobody overrode cost nothing."""
    ordered = sorted(extensions, key=lambda extension: extension.guards)
    befores = tuple(e.before for e in ordered if type(e).before is not Extension.before and not e.guards)
    guards: tuple[Hook, ...] = tuple(e.before for e in ordered if type(e).before is not Extension.before and e.guards)
    if len(guards) > 1:
        guards = (_all_of(guards),)
    afters = tuple(e.after for e in reversed(ordered) if type(e).after is not Extension.after)
    return befores + guards, afters
