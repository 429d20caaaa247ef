"""What the guard may lower: by code of its own process that was reviewed, and by what a token says (a job).

Code counts where the operation begins within it (its frame is on the stack), so that other code between the same two
assets is let through by nobody's review.  A frame of its name that is not of the reviewed code voids the entry.  What
the reviewed code is handed and calls, it answers for.

A token counts for its own activity and these requirements; what is between the columns, the policy service has judged,
so here an edge's asset is enough.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from types import CodeType, FrameType

from lineage.enforce.requirement import Requirement
from lineage.enforce.reviewed import transformation
from lineage.enforce.reviewed.reclassification import Lowering, Reclassification, covers, lowering
from lineage.enforce.reviewed.review import ByFacts, Facts, Found
from lineage.enforce.rules import Rules
from lineage.enforce.tokens import Verifier
from lineage.names import asset_of, field_of, join
from lineage.privacylib.operation import Operation


class AtGuard:
    """Implements ``Reviewed`` for one operation."""

    def __init__(self, rules: Rules, op: Operation, verifier: Verifier | None, today: date) -> None:
        self._op = op
        self._token = _of_token(rules, op, verifier)
        self._code = ByFacts(Facts(lambda one: bool(one.code) and within(one.code),
                                   lambda one: as_it_runs(one.code), self._inputs, today))

    def found(self, requirement: Requirement, source: str, sink: str) -> Found:
        used = tuple(one for one in self._token if one.requirement == requirement.name
                     and covers(one.source, source) and asset_of(one.sink) == asset_of(sink))
        drops = frozenset(name for one in used for name in one.drops)
        found = self._code.found(requirement, source, self._only_field(sink))
        return Found(drops | found.drops, (*used, *found.used), found.void)

    def _inputs(self, one: Reclassification) -> str:
        asset = asset_of(one.source)
        if asset not in self._op.lib.labels:
            raise LookupError(f"{self._op.lib.service} has no contract of {asset}")
        return transformation.of_inputs({asset: sorted(
            transformation.Column(field, label.annotations, label.annotated)
            for field, label in self._op.lib.labels[asset].items())})

    def _only_field(self, sink: str) -> str:
        """The one field that the operation brings data to, where it says which."""
        if field_of(sink):
            return sink
        named = {field.removeprefix("request.") for field in self._op.fields if not field.startswith("response.")}
        bearing = [field for field in named if not self._op.lib.label(sink, field).operational]
        return join(sink, bearing[0]) if len(bearing) == 1 else sink


def within(name: str) -> bool:
    """The caller is within the function "module:qualname", as it runs by now, or was called by it, or by what has its
    name: whether that is the reviewed one, the digest says."""
    return any(True for _ in _frames(name))


def as_it_runs(name: str) -> str:
    """The digest of the function, and nothing of its name but this is running.  Raises LookupError."""
    digest, code = transformation.of_code(name), transformation.code_of(name)
    home = vars(sys.modules[name.partition(":")[0]])
    if any(frame.f_code is not code or frame.f_globals is not home for frame in _frames(name)):
        raise LookupError(f"what runs as {name} is not what its file says")
    return digest


def _frames(name: str) -> Iterator[FrameType]:
    """Of the reviewed code, or of its name."""
    code: CodeType | None = None
    with suppress(LookupError):
        code = transformation.code_of(name)
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_code is code or _named(frame, name):
            yield frame
        frame = frame.f_back


def _named(frame: FrameType, name: str) -> bool:
    """By its name, so that a function which was replaced is found to have changed."""
    module, _, qualname = name.partition(":")
    return frame.f_code.co_qualname == qualname and frame.f_globals.get("__name__") == module


def _of_token(rules: Rules, op: Operation, verifier: Verifier | None) -> tuple[Lowering, ...]:
    claims = verifier.claims(op.context.claims) if verifier is not None and op.context.claims else None
    if claims is None or claims.activity != op.context.activity or claims.requirements != rules.versions:
        return ()
    try:
        return tuple(lowering(text) for text in claims.lowered)
    except ValueError:
        return ()
