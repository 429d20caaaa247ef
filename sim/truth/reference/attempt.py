"""One attempt: what was asked for, what that would use, and into what it would flow.  Truth."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from sim.truth.reference.catalog import Named


class Gone(NamedTuple):
    """Rows of a table, ``annotations`` of what was used of them, of which somebody has taken back consent to
    ``purpose``; ``origins``: where those of their rows are from, "" for wherever."""

    name: str
    annotations: frozenset[str]
    purpose: str
    origins: frozenset[str] = frozenset({""})


class Attempt(NamedTuple):
    """``request``: (service, method, which of them, from 0) where the operator asked for it, by which the journal is
    searched; ``sent``: its place among all that was sent; ``table``: what it writes.  ``purposes``: every one has to be
    permitted; "" is one that nobody vouches for.  ``unread``: why the monitor cannot say what it would do.  ``schema``:
    the definitions that the job's ``text`` is for; ``given``: its parameters.

    Of a training run, by the journal: ``used`` is what it really took, None where it took nothing; ``whose``: (table,
    digest of a wearer) of the rows that it was sent, "" where nobody can say; ``made``: the
    checkpoints that have registered; ``unjudged``: tables that were written between its gate and its read, so that
    nobody vouches for what it is for there; ``gone``: of rows in the weights that it begins with, when it began, and
    ``gone_since``: of those and of what it read itself, by when it registered; ``timed``: the journal can say that, and
    ``gone_sometime``: where it cannot.  ``meanwhile``: purpose → digests of the wearers who took consent back while it
    went on; empty where nobody said anything of consent.  ``tampered``: somebody had written into the files of a
    checkpoint on its way back.  ``where``: table → by what its rows are chosen."""

    activity: str
    kind: str
    purposes: tuple[str, ...]
    region: str
    uses: tuple[Named, ...]
    flows: tuple[tuple[Named, Named], ...]
    request: tuple[str, str, int]
    sent: int
    step: int
    table: str = ""
    day: str = ""
    text: str = ""
    unread: str = ""
    schema: tuple[str, ...] = ()
    given: Mapping[str, str] = MappingProxyType({})
    used: tuple[Named, ...] | None = None
    whose: frozenset[tuple[str, str]] = frozenset()
    made: tuple[str, ...] = ()
    where: Mapping[str, str] = MappingProxyType({})
    unjudged: frozenset[str] = frozenset()
    gone: tuple[Gone, ...] = ()
    gone_since: tuple[Gone, ...] = ()
    gone_sometime: tuple[Gone, ...] = ()
    tampered: bool = False
    timed: bool = True
    meanwhile: Mapping[str, frozenset[str]] = MappingProxyType({})

    def purposes_of(self, asset: str) -> tuple[str, ...]:
        return ("",) if asset in self.unjudged else self.purposes
