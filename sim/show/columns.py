"""Which column a node stands in, from left to right, and which links have to run back.

A cycle (the answer goes back to the glasses) is cut where a walk that starts at the first stack of
``lineage.names.KINDS`` meets itself; what is left is layered by its longest path.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from lineage.names import KINDS, kind_of

Pair = tuple[str, str]


def stack_of(name: str) -> str:
    """The stack that an asset belongs to: its kind; for a call, the service that answers it."""
    kind = kind_of(name)
    service = name.partition(":")[2].partition(".")[0]
    return service if kind == "rpc" and service in KINDS else kind


def rank(name: str) -> tuple[int, str]:
    """Order along the flow; names of a kind that is not on the list come last."""
    stack = stack_of(name)
    return (KINDS.index(stack) if stack in KINDS else len(KINDS), name)


def assign(names: Collection[str], pairs: Iterable[Pair]) -> tuple[dict[str, int], frozenset[Pair]]:
    """Column by name (from 0), and the pairs that run back.  Every other pair goes to a higher column."""
    after: dict[str, list[str]] = {name: [] for name in names}
    for source, target in sorted(set(pairs)):
        if source != target:
            after[source].append(target)
    for targets in after.values():
        targets.sort(key=rank)
    order, back = _walk(sorted(names, key=rank), after)
    forward = {name: [t for t in targets if (name, t) not in back] for name, targets in after.items()}
    column = dict.fromkeys(names, 0)
    for name in order:
        for target in forward[name]:
            column[target] = max(column[target], column[name] + 1)
    # A source that enters late (a checkpoint from before the run) stands beside what it feeds.
    fed = {target for targets in forward.values() for target in targets}
    for name in names:
        if name not in fed and forward[name]:
            column[name] = min(column[target] for target in forward[name]) - 1
    return column, back


def _walk(names: Iterable[str], after: Mapping[str, list[str]]) -> tuple[list[str], frozenset[Pair]]:
    """Depth first, without recursion: the topological order and the pairs that close a cycle."""
    done: list[str] = []
    state: dict[str, str] = {}
    back: set[Pair] = set()
    for start in names:
        if start in state:
            continue
        state[start] = "open"
        stack = [(start, iter(after[start]))]
        while stack:
            name, targets = stack[-1]
            target = next(targets, None)
            if target is None:
                state[name] = "closed"
                done.append(name)
                stack.pop()
            elif target not in state:
                state[target] = "open"
                stack.append((target, iter(after[target])))
            elif state[target] == "open":
                back.add((name, target))
    return done[::-1], frozenset(back)
