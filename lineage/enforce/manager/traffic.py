"""The recorded traffic of a run, as it happened: request trees of scopes, each with its operations in order.

A scope's calls lead to the scopes that served them: joined by the message and its correlation key, in the order in
which both sides recorded them.  What nobody called (a question in the app, a scheduled job, a batch of the logger) is
a root.  Nothing here judges; ``replay`` does.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from lineage.model import Signal
from lineage.names import sides

_KEPT = frozenset({"read", "write", "call", "decision", "scope", "asset"})
# Served where the policy service decides: its order is that in which activities asked.
_POLICY = "policy"


@dataclass(eq=False)
class Scope:
    """One request or job in one service, scopes inside it included.

    ``key``: its own correlation key, not those of the rows that it handles.  ``calls``: index of a call in ``steps``
    → the scope that served it.
    """

    emitter: str
    name: str
    steps: list[Signal] = field(default_factory=list)
    calls: dict[int, Scope] = field(default_factory=dict)
    served: bool = False

    @property
    def key(self) -> str:
        single = [signal.keys[0] for signal in self.steps if signal.keys and signal.op in ("read", "write", "call")]
        own = [signal.keys[0] for signal in self.steps if len(signal.keys) == 1]
        return (own or single or [""])[0]

    @property
    def activity(self) -> str:
        """What it was begun as; an activity that it takes on later is not it."""
        return next((signal.activity for signal in self.steps if signal.op != "asset"), "")

    def tree(self) -> Iterable[Scope]:
        yield self
        for called in self.calls.values():
            yield from called.tree()


@dataclass(frozen=True)
class Traffic:
    """``roots`` in an order in which they can have happened; ``contracts``: emitter → its ``asset`` signals."""

    roots: tuple[Scope, ...]
    contracts: dict[str, list[Signal]]
    signals: int


def traffic(signals: Iterable[Signal]) -> Traffic:
    """``signals`` in the order of each emitter, as ``Store.signals`` gives them."""
    scopes: dict[tuple[str, str], Scope] = {}
    contracts: defaultdict[str, list[Signal]] = defaultdict(list)
    count = 0
    for signal in signals:
        count += 1
        if signal.op not in _KEPT:
            continue
        if signal.op == "asset" and "fields" in signal.detail:
            contracts[signal.emitter].append(signal)
        if not signal.scope:
            continue
        top = _top(signal.scope)
        scope = scopes.setdefault((signal.emitter, top), Scope(signal.emitter, top))
        scope.steps.append(signal)
    _join(scopes.values())
    roots = [scope for scope in scopes.values() if not scope.served]
    return Traffic(tuple(sorted(roots, key=_when)), dict(contracts), count)


def _top(scope: str) -> str:
    """``web-1/2~1`` is inside ``web-1~1``: of the second life of its service."""
    name, life, number = scope.partition("~")
    return f"{name.partition('/')[0]}{life}{number}"


def _join(scopes: Iterable[Scope]) -> None:
    """Who served which call: by the request's message and key, first come first served."""
    waiting: defaultdict[tuple[str, tuple[str, ...]], deque[Scope]] = defaultdict(deque)
    every = list(scopes)
    for scope in every:
        first = next((signal for signal in scope.steps if signal.op == "read"), None)
        if first is not None and (first.asset.endswith(".request") or first.asset.startswith("web:")):
            waiting[first.asset, first.keys].append(scope)
    for scope in every:
        for index, signal in enumerate(scope.steps):
            if signal.op != "call":
                continue
            request = sides(signal.asset)[0]
            # A call that brought rows back has their keys; it was made under the scope's own.
            found = waiting.get((request, signal.keys)) or waiting.get((request, (scope.key,)))
            if found and not _within(found[0], scope):
                served = found.popleft()
                served.served, scope.calls[index] = True, served


def _within(called: Scope, caller: Scope) -> bool:
    """A scope is not served by itself, nor by what it serves."""
    return any(scope is caller for scope in called.tree())


def _when(scope: Scope) -> tuple[int, int]:
    """By the first thing that the policy service was asked; what never asked it comes first, but the workers of an
    activity come after whoever asked for it."""
    asked = [signal.seq for one in scope.tree() if one.emitter == _POLICY for signal in one.steps]
    return (1, min(asked)) if asked else (2 if scope.activity else 0, 0)
