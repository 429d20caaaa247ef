"""Enforce: Policy Zones beside what they replaced, each as a guard in the same running stack (issue 5, item 10).

Three paradigms are named by Meta as first adopted and then left behind (S10, an abstract: no reason and no design is
published); point checking is described as the practice before Policy Zones (S2).  What each does here is this
project's reading of a few published words, and so is every number that comes of comparing them.

Not here: the measurement (``sim.load.comparing``), which may see the truth; a guard in a process of its own, since
guards are injected where the stack runs in one process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from lineage.enforce.guard import Guard
from lineage.enforce.requirement import Requirement
from lineage.enforce.rulebook import Rulebook
from lineage.errors import InputError
from lineage.privacylib import Extension
from services.seams import Wire
from sim.bench import points
from sim.bench.one_policy import merged
from sim.bench.points import Checks, PointGuard
from sim.bench.propagation import LabelWire, PropagationGuard
from sim.bench.stores import StoreGuard, holds_a_store

Judged = Callable[[Iterable[Requirement]], list[Requirement]]


class NoGuard(Guard):
    """Judges nothing, and costs nothing: PrivacyLib leaves out a hook that is nobody's."""

    before = Extension.before


class _Book(Rulebook):
    """Holds what a paradigm makes of the requirements, also of those that come later."""

    def __init__(self, requirements: Iterable[Requirement], judged: Judged) -> None:
        self._judged = judged
        super().__init__(judged(requirements))

    def replace(self, requirements: Iterable[Requirement]) -> bool:
        return super().replace(self._judged(requirements))


@dataclass(frozen=True)
class Paradigm:
    """``published``: the words that it is made from, with their source; ``here``: what they are taken to mean.

    ``guards``: a service's; ``judged``: what the policy service and every guard judge by, of what is required;
    ``wired``: labels travel with calls.
    """

    name: str
    published: str
    here: str
    guards: Callable[[str, Rulebook], Guard]
    judged: Judged
    wired: bool = False

    def rulebook(self, requirements: Iterable[Requirement]) -> Rulebook:
        return _Book(requirements, self.judged)

    def guard(self, service: str, book: Rulebook) -> Guard:
        return self.guards(service, book)

    def wire(self, wire: Wire) -> Wire:
        return LabelWire(wire) if self.wired else wire


def _zones(service: str, book: Rulebook) -> Guard:
    return Guard(book)


def _store(service: str, book: Rulebook) -> Guard:
    return StoreGuard(book) if holds_a_store(service) else NoGuard(book)


def _point(checks: Checks) -> Callable[[str, Rulebook], Guard]:
    return lambda service, book: PointGuard(checks)


def _none(requirements: Iterable[Requirement]) -> list[Requirement]:
    return []


def paradigms(known: Sequence[Requirement], checks: Checks | None = None) -> Mapping[str, Paradigm]:
    """By name, in the order in which they are shown.  ``known``: the requirements by which point checks were
    written; ``checks``: those checks, where they are not of the bundled deployment."""
    written = points.derived(known) if checks is None else checks
    every = (
        Paradigm("nothing", "no paradigm: the positive control",
                 "no guard anywhere, and a policy service that knows of no requirement",
                 lambda service, book: NoGuard(book), _none),
        Paradigm("zones", "Policy Zones (S2, S5): annotations and data flow rules apart, checked at each flow",
                 "this project's guard in every service, its policy service and its warehouse",
                 _zones, list),
        Paradigm("propagation", "Set it and forget it: dynamically propagate policies from service to service (S10)",
                 "a call takes the label of its scope along and raises the whole scope that serves it; what a "
                 "message's contract says does not count; data at rest keep the labels of their tables",
                 lambda service, book: PropagationGuard(book), list, wired=True),
        Paradigm("one-policy", "One size fits all: a single policy for all requirements (S10)",
                 "one requirement that governs what any governs, and permits what all permit",
                 _zones, merged),
        Paradigm("store", "Run checks everywhere: server-side at every data store, one choke point for all callers "
                 "(S10)",
                 "the services that hold a store judge reads and writes of it; no caller, call or message is judged",
                 _store, list),
        Paradigm("points", "Point checking: if statements in code, access lists on datasets (S2)",
                 "a list that somebody keeps: purposes by table, forbidden labels by call and table, written before "
                 "what has changed since; no policy service",
                 _point(written), _none))
    return {one.name: one for one in every}


NAMES = ("nothing", "zones", "propagation", "one-policy", "store", "points")


def chosen(names: Sequence[str]) -> tuple[str, ...]:
    """Those that were asked for, in the order in which they are shown; all of them where none was; always with the
    control.  Raises InputError (PAI014)."""
    for name in names:
        if name not in NAMES:
            raise InputError("PAI014", f"no paradigm {name!r}; there are {', '.join(NAMES)}",
                             next="sightline bench paradigms --help")
    return tuple(name for name in NAMES if not names or name in names or name == "nothing")
