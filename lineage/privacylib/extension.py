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

from collections.abc import Callable, MutableSequence, Sequence
from typing import TYPE_CHECKING, Any

from lineage.errors import PolicyDenied
from lineage.privacylib.failure import run

if TYPE_CHECKING:
    from lineage.privacylib.context import Trace
    from lineage.privacylib.operation import Operation
    from lineage.privacylib.site import Site

Hook = Callable[["Operation"], None]


class Pen:
    """Where an operation is written of which nothing was said but its rows; a buffer is one.

    Those who have little time write by themselves, as :meth:`write` does; whatever reads this is to do the same.
    """

    # How many were written so far, also for whoever comes after this process.
    mark: MutableSequence[int] | memoryview[int]
    count: Callable[[], int]
    put: Callable[[tuple[Any, ...]], None]
    # Beyond this number ``crowded`` decides.
    ceiling: float

    def crowded(self, number: int, site: Site, trace: Trace, rows: int, detail: str) -> None:
        """For one too many."""

    def write(self, site: Site, trace: Trace, rows: int) -> None:
        self.mark[0] = number = self.count()
        if number > self.ceiling:
            self.crowded(number, site, trace, rows, "")
        else:
            self.put((site if rows == 1 else (site, rows, ""), trace))


class Extension:
    """Override either hook.  ``before`` may raise PolicyDenied; ``after`` also sees *notes*:
    operations without I/O (``asset``, ``source``, ``probe``, ``gap``, ``decision``, ``finding``)."""

    # A guard runs last before the I/O, on the final arguments.
    guards = False
    # Of a guard: whether it fails closed.  What another extension raises never breaks a request.
    enforcing = True
    # Of a guard: true where ``before`` says the same of the same site in the same posture of a scope, whatever the
    # payload, keys and rows: what it permitted once it is not asked again.
    by_case = False

    def before(self, op: Operation) -> None:
        """Before the I/O."""

    def after(self, op: Operation) -> None:
        """After the I/O, or for a note."""

    def pen(self, site: Site) -> Pen | None:
        """Stands for ``after`` where only the rows of an operation were said; None where ``after`` must see each."""
        return None


def _all_of(guards: tuple[Hook, ...]) -> Hook:
    """Several guards as one: whatever one of them changes is judged by all of them."""

    def judged(op: Operation) -> None:
        for _ in range(3):
            shown = op.asset, op.fields, op.links, op.linked, op.context
            for guard in guards:
                run((guard,), op)
            if shown == (op.asset, op.fields, op.links, op.linked, op.context):
                return
        raise PolicyDenied("PAI307", "a guard changes the operation whenever it is judged", where=op.asset)

    return judged


class Chains:
    """The hooks of each kind of operation, compiled at registration: guards last before the I/O and first
    after it; hooks that nobody overrode cost nothing."""

    def __init__(self, extensions: Sequence[Extension]) -> None:
        ordered = sorted(extensions, key=lambda extension: extension.guards)
        judging = [e for e in ordered if type(e).before is not Extension.before]
        guards = [e for e in judging if e.guards]
        self._after = [e for e in reversed(ordered) if type(e).after is not Extension.after]
        self.befores: tuple[Hook, ...] = tuple(e.before for e in judging if not e.guards)
        self.judges: tuple[Hook, ...] = ()
        if len(guards) == 1 and guards[0].by_case:
            self.judges = (guards[0].before,)
        elif guards:
            each = tuple(e.before for e in guards)
            self.befores += each if len(each) == 1 else (_all_of(each),)
        self.afters: tuple[Hook, ...] = tuple(e.after for e in self._after)

    def pen(self, site: Site) -> Pen | None:
        return self._after[0].pen(site) if len(self._after) == 1 else None
