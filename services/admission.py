"""[D] What a run was admitted by, asked about again: before what it has made is kept (a checkpoint, a report or
features), before a checkpoint is served, and before another run goes on from it, asks it or learns from it; and so of
all that it was made of (``services/ancestry.py``).

The executed manifest keeps what was admitted and whose rows were read, by pseudonym; the policy service judges it by
the rules of now, and says who has withdrawn.  A checkpoint of nothing that is governed has nothing to be asked about.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, Protocol

from google.protobuf.json_format import MessageToDict, ParseDict, ParseError

from lineage.dsse import CODE
from lineage.errors import InputError, PolicyDenied, SightlineError
from lineage.names import asset_of
from lineage.privacylib.claims import Claims
from protos.policy_pb2 import AdmitRequest, RecheckRequest, RecheckResponse
from services.ancestry import Link
from services.checkpoint import Checkpoint, subjects
from services.errors import calling

# Seconds.
DEADLINE = 5.0
At = Literal["registration", "serving"]


class Made(Protocol):
    """What a run has made, or is about to keep: a checkpoint, a report or features.  ``content``: the field that holds
    what it was made of; ``executed``: all that its manifest says of the run."""

    @property
    def asset(self) -> str: ...

    @property
    def content(self) -> str: ...

    @property
    def trained_by(self) -> str: ...

    @property
    def purpose(self) -> str: ...

    @property
    def annotations(self) -> tuple[str, ...]: ...

    @property
    def executed(self) -> Mapping[str, Any]: ...


class Unasked(NamedTuple):
    """Of one table that was read, whose wearers were not asked for consent: ``origins`` are theirs, and ``seen`` those
    of which rows were to be seen (None: of any), as a token says them ("-EEA"); ``annotations``: of what was read."""

    annotations: tuple[str, ...]
    origins: str
    seen: str | None = None


class Asked(NamedTuple):
    """``purpose``: the one for which the wearers of all rows on a checkpoint's way back were asked for consent, as the
    rules were then, which asked those of some origins for none (``unasked``)."""

    purpose: str = ""
    unasked: tuple[Unasked, ...] = ()


class Permission(Protocol):
    """Each raises PolicyDenied, where something is enforced."""

    def consented(self, activity: str, purpose: str, asset: str, at: str, gone: int, unclear: bool) -> None: ...

    def unfit(self, asset: str, code: str, why: str) -> None:
        """Recorded, and raised by whoever found it."""

    def use(self, asset: str, annotations: Sequence[str], origins: Sequence[str] = (), admitted: str = "",
            unasked: Sequence[Unasked] = ()) -> None:
        """``admitted``: the purpose that the checkpoint's run was admitted for, where consent was asked for it;
        ``unasked``: of whom it was not."""


def kept(request: AdmitRequest, claims: Claims) -> dict[str, Any]:
    """For the executed manifest: what was admitted, and which rows the token let the run see."""
    return {"request": MessageToDict(request, preserving_proto_field_name=True), "origins": list(claims.origins),
            "consenting": list(claims.consenting), "unasked": list(claims.unasked)}


async def still(policy: Any, permission: Permission, made: Made, at: At, purpose: str = "") -> None:
    """Raises PolicyDenied where what was admitted does not hold any more; PAI305 when nobody can be asked.

    ``purpose``: asked about in the place of the run's own, of whoever uses the checkpoint.
    """
    if not made.annotations:
        return
    try:
        admission = made.executed["admission"]
        request = RecheckRequest(admitted=ParseDict(admission["request"], AdmitRequest()), at=at,
                                 **{name: admission[name] for name in ("consenting", "origins", "unasked")})
        request.admitted.purpose = purpose or request.admitted.purpose
        inputs, whose = [dict(one) for one in made.executed["inputs"]], subjects(made.executed)
        epoch = int(made.executed["epoch"])
    except (ParseError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(CODE, f"the executed manifest does not say what was admitted: {error}",
                         where=made.asset) from None
    try:
        with calling("policy"):
            answer: RecheckResponse = await policy.Recheck(request, sources={}, timeout=DEADLINE)
    except SightlineError as error:
        raise PolicyDenied("PAI305", f"whether {made.asset} may still be used cannot be asked: {error.what}",
                           where=made.trained_by) from None
    if not answer.allowed:
        raise PolicyDenied(answer.code or "PAI305", answer.reason, where=made.trained_by)
    gone = set(answer.withdrawn).intersection(whose)
    unclear = answer.epoch != epoch and any(_unclear(one, admission) for one in inputs)
    permission.consented(made.trained_by, purpose or made.purpose, made.content, at, len(gone), unclear)


async def all_still(policy: Any, permission: Permission, links: Iterable[Link], at: At, made: str,
                    *purposes: str) -> None:
    """``still`` of each, for each purpose; "": its own, and those of what was made of it since.  ``made``: the name of
    what is made of them, or is one of them."""
    for one, since in links:
        wanted = [each for purpose in purposes for each in ((purpose,) if purpose else ("", *since))]
        for purpose in dict.fromkeys(wanted):
            try:
                if purpose != one.purpose:
                    await still(policy, permission, one, at, purpose)
            except PolicyDenied as error:
                if one.asset == made:
                    raise
                raise PolicyDenied(error.code, f"{made} goes back to {one.asset}: {error.what}", where=error.where,
                                   next=error.next) from None


def _unclear(one: Mapping[str, Any], admission: Mapping[str, Any]) -> bool:
    """Consent was needed for its rows, and whose they are is not told; that it is nobody's who was
    asked is told where some were not."""
    needed = str(one["asset"]).removeprefix("warehouse:") in admission["consenting"]
    return needed and bool(one.get("rows")) and not one.get("subjects") and not (
        "subjects" in one and any(_split(entry)[0] == str(one["asset"]) for entry in admission["unasked"]))


def origins(made: Checkpoint) -> tuple[str, ...]:
    """Where all its rows come from, as a token says it (``warehouse:core.sessions=-EU``); none where nobody knows."""
    admission = made.executed.get("admission", {})
    told = tuple(admission.get("origins", ()))
    tables = {asset_of(item["asset"]) for item in admission.get("request", {}).get("inputs", ())
              if item.get("annotations")}
    return told if tables <= {entry.partition("=")[0] for entry in told} else ()


def asked(links: Sequence[Link]) -> Asked:
    """For what the wearers of all rows on a checkpoint's way back were asked: for the purpose of its own run, and for
    nothing where one of the runs on it has read governed rows without asking, as the rules were then."""
    admissions = [link.checkpoint.executed.get("admission", {}) for link in links]
    unasked: list[Unasked] = []
    for one in admissions:
        request = one.get("request", {})
        tables = {asset_of(item["asset"]) for item in request.get("inputs", ()) if item.get("annotations")}
        if not {table for table in tables if table.startswith("warehouse:")} <= {
                f"warehouse:{table}" for table in one.get("consenting", ())}:
            return Asked()
        # Where rows come from was looked at, too: it decides who need not be asked.
        read = [item for name in ("inputs", "origins") for item in request.get(name, ())]
        seen = dict(_split(entry) for entry in one.get("origins", ()))
        unasked += [Unasked(tuple(sorted({name for item in read if asset_of(item["asset"]) == table
                                          for name in item.get("annotations", ())})), text, seen.get(table))
                    for table, text in map(_split, one.get("unasked", ()))]
    purpose = str(admissions[0].get("request", {}).get("purpose", "")) if admissions else ""
    return Asked(purpose, tuple(unasked))


def _split(entry: str) -> tuple[str, str]:
    """("warehouse:core.sessions", "-EEA") of what a token says of a table."""
    table, _, text = entry.partition("=")
    return table, text
