"""The Policy Evaluation Service (PES): answers Admit, Recheck and Judge, and signs what it allowed (S5).

Every answer is a decision, with the requirement versions it used, recorded as a signal.  A job is judged by its
statements, which this service reads itself: what the caller believes of its own SQL counts for nothing.
Whoever asks is held to what its principal may do, beside the job's owner to the requirements: nobody has another's
job run for a purpose that is not theirs.
It keeps the wearers' consent too, since what it signs holds for one epoch of it.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, Literal

import grpc

from lineage.enforce import consent
from lineage.enforce.admission import admitted, labelled, rechecked
from lineage.enforce.consent import Consents
from lineage.enforce.gate import Crossing, Input, judge, make
from lineage.enforce.identity import entitled, refused, unable
from lineage.enforce.lines import Files, Lines
from lineage.enforce.narrowing import Keys, Narrowed, narrowed
from lineage.enforce.principal import Principals
from lineage.enforce.reviewed.job import counted, typed, written
from lineage.enforce.reviewed.reclassification import Lowering
from lineage.enforce.reviewed.review import Review, Today, of_job
from lineage.enforce.rulebook import Rulebook, held
from lineage.enforce.rules import Rules
from lineage.enforce.statement import Judged, Tables, judged
from lineage.enforce.tokens import LIFETIME, Grant, Signer, digest
from lineage.errors import InputError
from lineage.model import Decision, Label, labels_digest
from lineage.names import asset_of, join
from lineage.privacylib import PrivacyLib
from lineage.privacylib.refusal import details
from protos import policy_pb2 as pb
from protos import policy_pb2_grpc

CONSENT = "file:consent.jsonl"
_LABELS = {"wearer": Label("user.identifier", ("CONSENT",)), "purpose": Label(operational="purpose"),
           "granted": Label("user.consent", ("CONSENT",))}


class PolicyService(policy_pb2_grpc.PolicyServicer):
    """``now``: seconds since 1970, by which tokens end; ``today``: by which reviews end.  Without ``principals`` nobody
    is held to who they are.  ``pseudonym``: of a wearer, as the warehouse tells them."""

    name = "policy"

    def __init__(self, lib: PrivacyLib, rules: Rules | Rulebook, signer: Signer, files: Files,
                 now: Callable[[], float] = time.time, principals: Principals | None = None,
                 today: Today = lambda: datetime.now(UTC).date(),
                 pseudonym: Callable[[str], str] = lambda subject: "") -> None:
        self._pseudonym = pseudonym
        self._today = today
        self._lib = lib
        self._principals = principals
        self._book = held(rules)
        self._signer = signer
        self._lines = Lines(files, CONSENT.partition(":")[2])
        self._now = now
        self._consents = Consents()
        self._granted = 0

    @property
    def _rules(self) -> Rules:
        return self._book.rules

    def register(self, server: Any) -> None:
        policy_pb2_grpc.add_PolicyServicer_to_server(self, server)

    async def start(self) -> None:
        """Takes the consent registry up where it was."""
        self._lib.register(CONSENT, _LABELS, "policy")
        if self._lines.exists():
            with self._lib.scope(principal="policy"), self._lib.read(CONSENT, fields=tuple(_LABELS)) as op:
                lines = self._lines.read()
                self._consents, op.rows = Consents(lines), len(lines)

    async def stop(self) -> None:
        """Nothing to close."""

    async def Admit(self, request: pb.AdmitRequest, context: Any) -> pb.Verdict:
        withdrawn = bool(self._consents.withdrawn(request.purpose))
        found = admitted(self._rules, request, withdrawn)
        verdict = self._answer(found.decision, found.rows, region=request.region, snapshots=_snapshots(request.tables))
        verdict.dropped.extend(found.dropped)
        verdict.replaced.extend(found.replaced)
        verdict.rows_dropped = found.rows_dropped
        return verdict

    async def Recheck(self, request: pb.RecheckRequest, context: Any) -> pb.RecheckResponse:
        """A refusal is a decision of its own; what still holds was decided already."""
        decision, rows = rechecked(self._rules, request)
        allowed = decision.verdict != "blocked"
        if not allowed:
            self._lib.decision(decision)
        purpose = request.admitted.purpose
        # What weights were made of needs the consent that their labels ask for.
        needed = allowed and any(self._rules.consent_needed(item.annotations, purpose) for item in rows.used)
        who = self._consents.withdrawn(purpose) if needed else ()
        self._lib.respond({"allowed": [], "code": [], "reason": [], "epoch": [],
                           "withdrawn": [f"{CONSENT}#wearer"] if who else []})
        return pb.RecheckResponse(allowed=allowed, code=decision.code, reason=decision.reason,
                                  epoch=self._consents.epoch, withdrawn=sorted(map(self._pseudonym, who)))

    async def Judge(self, request: pb.JudgeRequest, context: Any) -> pb.Verdict:
        tables = _tables(request.tables)
        try:
            found = judged(request.statements, tables, request.reads, request.writes)
            text = written(request)
            keys = {f"warehouse:{table.name}": _keys(table, tables, found.outputs) for table in request.tables
                    if table.subject or table.origin}
        except InputError as error:
            return self._unjudged(request, error)
        flows = [Crossing(labelled(flow.source), labelled(flow.sink)) for flow in request.flows]
        found.crossings.extend(flows)
        # To count them is a use too, where a review claims how many a row stands for.
        found.used.extend([*(flow.source for flow in flows), *counted(self._rules, request.activity, tables.columns,
                                                                      found.tables)])
        rows = narrowed(self._rules, keys, found.used, request.purpose, request.region)
        review = Review(self._rules, of_job(request.activity, text, typed(tables, found.tables),
                                            self._today()))
        decision = judge(self._rules, activity=request.activity, purpose=request.purpose,
                         principal=request.principal, crossings=[rows.crossing(one) for one in found.crossings],
                         used=rows.used, region=request.region, review=review)
        return self._answer(decision, rows._replace(origins=rows.made(flows)), region=request.region, request=request,
                            found=found, lowered=review.used, snapshots=_snapshots(request.tables))

    async def Consent(self, request: pb.ConsentRequest, context: Any) -> pb.ConsentResponse:
        """Durable before it is acknowledged.  PERMISSION_DENIED: PAI313 for a caller who may not say it."""
        if (denied := unable(self._principals, self._lib.context, "consents")) is not None:
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, details(denied))
        sources = {field: [f"rpc:policy.Consent.request#{field}"] for field in _LABELS}
        with self._lib.write(CONSENT, sources=sources):
            self._lines.append(consent.line(request.wearer, request.purpose, request.granted))
        epoch = self._consents.set(request.wearer, request.purpose, request.granted)
        self._lib.respond({"epoch": []})
        return pb.ConsentResponse(epoch=epoch)

    async def Withdrawn(self, request: pb.WithdrawnRequest, context: Any) -> pb.WithdrawnResponse:
        epoch = self._consents.epoch
        changed = not request.known or request.epoch != epoch
        who = self._consents.withdrawn(request.purpose) if changed else ()
        self._lib.respond({"epoch": [], "changed": [], "wearers": [f"{CONSENT}#wearer"] if who else []})
        return pb.WithdrawnResponse(epoch=epoch, changed=changed, wearers=who)

    @property
    def epoch(self) -> int:
        """Of consent, now."""
        return self._consents.epoch

    async def Key(self, request: pb.KeyRequest, context: Any) -> pb.KeyResponse:
        return pb.KeyResponse(public_key=self._signer.public_key)

    def _answer(self, decision: Decision, rows: Narrowed, *, region: str = "",
                request: pb.JudgeRequest | None = None, found: Judged | None = None,
                lowered: Iterable[Lowering] = (), snapshots: tuple[str, ...] = ()) -> pb.Verdict:
        asking = entitled(self._principals, self._lib.context, decision.purpose, decision.activity, region)
        governs = {name for item in rows.used for name in item.annotations}
        decision = refused(self._rules, decision, asking.wrong, governs)
        self._lib.decision(decision, _flows(found))
        allowed = decision.verdict != "blocked"
        token = b""
        if allowed:
            issued = int(self._now())
            self._granted += 1
            asked = request.lifetime if request is not None else 0
            token = self._signer.sign(Grant(
                decision.principal, decision.purpose, decision.activity,
                tuple(sorted(item.asset for item in rows.used)), decision.requirements, region,
                statement=digest(request.statements) if request is not None and request.statements else "",
                outputs=tuple(found.outputs) if found is not None else (),
                snapshots=snapshots, consenting=rows.consenting, epoch=self._consents.epoch,
                issued=issued, expires=issued + min(asked or LIFETIME, LIFETIME),
                nonce=self._nonce(), origins=rows.origins, unasked=rows.unasked,
                holder=asking.name, lowered=tuple(sorted(one.text for one in lowered))))
        return pb.Verdict(allowed=allowed, code=decision.code, reason=decision.reason, token=token,
                          requirements=decision.requirements, decision=decision.id)

    def _nonce(self) -> str:
        """Never the same twice: the time of the answer, and which one it is."""
        return hashlib.sha256(f"{self._now()}/{self._granted}".encode()).hexdigest()[:24]

    def _unjudged(self, request: pb.JudgeRequest, error: InputError) -> pb.Verdict:
        """What cannot be read is refused where anything is enforced: nobody knows what it would do."""
        verdict: Literal["allowed", "blocked"] = "blocked" if self._rules.enforcing else "allowed"
        decision = make(self._rules, request.activity, request.purpose, request.principal, "gate", verdict, "PAI306",
                        f"{error.where}: {error.what}", [f"warehouse:{table.name}" for table in request.tables])
        return self._answer(decision, Narrowed([], (), (), (), {}))


def _flows(found: Judged | None) -> dict[str, list[str]] | None:
    """Sink → its sources, as they were judged: recorded, so that they can be judged again (``simulate``)."""
    flows: dict[str, list[str]] = {}
    for crossing in found.crossings if found is not None else ():
        flows.setdefault(crossing.sink.asset, []).append(crossing.source.asset)
    return flows or None


def _tables(tables: Iterable[pb.JudgedTable]) -> Tables:
    columns = {table.name: {column.name: Input(join(f"warehouse:{table.name}", column.name),
                                               tuple(column.annotations), column.annotated)
                            for column in table.columns} for table in tables}
    return Tables(columns, {table.name: {column.name: column.type for column in table.columns} for table in tables})


def _keys(table: pb.JudgedTable, tables: Tables, outputs: Iterable[str]) -> Keys:
    """Raises InputError (PAI022) for a subject or origin that is no column."""
    columns = tables.columns[table.name]
    for name in (table.subject, table.origin):
        if name and name not in columns:
            raise InputError("PAI022", f"a table's subject or origin is none of its columns: {name!r}", where="tables")
    written = any(asset_of(name) == f"warehouse:{table.name}" for name in outputs)
    return Keys(columns.get(table.subject), columns.get(table.origin),
                columns=tuple(columns.values()) if written else ())


def _snapshots(tables: Iterable[pb.JudgedTable]) -> tuple[str, ...]:
    return tuple(sorted(f"{table.name}={table.snapshot}/{_digest(table)}" for table in tables if table.snapshot))


def _digest(table: pb.JudgedTable) -> str:
    return labels_digest([(column.name, column.annotations, column.annotated) for column in table.columns],
                         table.subject, table.origin)
