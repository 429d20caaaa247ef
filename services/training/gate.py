"""[D] The training gate: a run asks the policy service before it reads anything.

What it asks with are the labels of its inputs, from the warehouse's catalog; no row is read for it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lineage.errors import InputError, PolicyDenied, SightlineError
from lineage.model import Label
from lineage.names import asset_of, join
from lineage.privacylib.claims import Claims, decode
from protos.policy_pb2 import AdmitRequest, JudgedColumn, JudgedTable, Labelled, Remedies, Replacement, Verdict
from protos.warehouse_pb2 import DescribeRequest, DescribeResponse
from services.errors import calling
from services.training.chain import Chain
from services.training.manifest import Manifest, TableInput

# Seconds for one question.
DEADLINE = 5.0
PRINCIPAL = "training"
MANIFEST = "rpc:training.Train.request#manifest"
PURPOSE = "rpc:training.Train.request#purpose"
# The warehouse sends each row's correlation key along, so it is an input too.
KEY = "_key"


@dataclass(frozen=True)
class Inputs:
    """Field-level names with their labels, in the order of the manifest.

    ``subjects``: the columns that say whose a row is, by which the warehouse keeps back rows without consent;
    ``origins``: those that say where it comes from, by which it keeps back what may not be used in the run's region.
    ``tables``: as they were described, with the state of their rows.
    """

    labels: dict[str, Label]
    subjects: dict[str, Label] = field(default_factory=dict)
    origins: dict[str, Label] = field(default_factory=dict)
    tables: tuple[JudgedTable, ...] = ()

    def without(self, fields: Collection[str], tables: Collection[str] = ()) -> Inputs:
        """``fields``: of which a remedy has left out some; ``tables``: of which it has left out all."""
        gone = {f"warehouse:{table}" for table in tables}
        left = {name: label for name, label in self.labels.items() if name not in fields and asset_of(name) not in gone}
        return Inputs(left, *({name: label for name, label in one.items()
                               if name not in fields and asset_of(name) not in gone}
                              for one in (self.subjects, self.origins)), self.tables)

    def beside(self, other: Inputs) -> Inputs:
        return Inputs(self.labels | other.labels, self.subjects | other.subjects, self.origins | other.origins,
                      (*self.tables, *other.tables))

    @property
    def annotations(self) -> tuple[str, ...]:
        return tuple(sorted({annotation for label in self.labels.values() for annotation in label.annotations}))

    @property
    def category(self) -> str:
        """The nearest category that covers all of the inputs'; empty where none is personal."""
        parts = [label.category.split(".") for label in self.labels.values() if label.category]
        common = next((parts[0][:length] for length in range(min(map(len, parts), default=0), 0, -1)
                       if all(part[:length] == parts[0][:length] for part in parts)), [])
        return ".".join(common)


@dataclass(frozen=True)
class Admission:
    """What the policy service has signed: the run's ``token``, by which ``decision`` and requirements it was given, and
    the remedies on which it depends: fields to be left out, tables that others stand for, rows that are withheld.

    ``request``: what was admitted, remedies applied, to be judged again later.
    """

    token: bytes
    decision: str
    reason: str
    requirements: tuple[str, ...]
    dropped: tuple[str, ...]
    replaced: tuple[str, ...]
    rows_dropped: bool
    request: AdmitRequest

    @property
    def claims(self) -> Claims:
        """What the token says; it is verified where it is shown."""
        try:
            return decode(self.token)
        except ValueError:
            return Claims()


async def describe(warehouse: Any, manifest: Manifest, chain: Chain) -> Inputs:
    """Asks the warehouse's catalog.  Raises InputError: PAI020 for a table or column that is not there, PAI027 for a
    condition that is not on it."""
    found = Inputs(chain.labels)
    for item in manifest.tables:
        found = found.beside(await described(warehouse, item))
    return found.beside(Inputs({corpus.asset: Label(operational="corpus") for corpus in manifest.corpora}))


async def described(warehouse: Any, item: TableInput) -> Inputs:
    """One table's.  Raises as :func:`describe`."""
    try:
        with calling("warehouse"):
            answer: DescribeResponse = await warehouse.Describe(
                DescribeRequest(table=item.table), sources={"table": [MANIFEST]}, timeout=DEADLINE)
    except InputError as error:
        raise InputError(error.code, error.what, where=item.place, next=error.next) from None
    known, asset = _known(answer), f"warehouse:{item.table}"
    if item.where is not None:
        item.where.check({column.name: column.type for column in answer.columns}, item.place)
    return Inputs(_labels(item, known), *({join(asset, name): known[name]} if name else {}
                                          for name in (answer.subject, answer.origin)), (_judged(answer, known),))


async def admit(policy: Any, manifest: Manifest, purpose: str, inputs: Inputs,
                standing: Mapping[str, Inputs] | None = None) -> Admission:
    """``standing``: table → what would be read in its place.  Raises PolicyDenied; PAI305 when the policy service
    cannot be asked."""
    others = dict(standing or {})
    request = _request(manifest, purpose, inputs)
    if manifest.allow is not None:
        request.remedies.CopyFrom(_remedies(manifest, inputs, others))
    tables = [*inputs.tables, *(table for one in others.values() for table in one.tables)]
    request.tables.extend(tables)
    sources: dict[str, list[str]] = {field: [MANIFEST] for field in ("activity", "region", "inputs", "origins")}
    sources |= {"purpose": [MANIFEST, PURPOSE], "tables": [], **({"remedies": [MANIFEST]} if manifest.allow else {})}
    try:
        with calling("policy"):
            verdict: Verdict = await policy.Admit(request, sources=sources, timeout=DEADLINE)
    except PolicyDenied:
        raise
    except SightlineError as error:
        raise PolicyDenied("PAI305", f"{manifest.activity} was not admitted: {error.what}",
                           where=manifest.activity) from None
    if not verdict.allowed:
        raise PolicyDenied(verdict.code or "PAI305", verdict.reason, where=manifest.activity)
    left = inputs.without(verdict.dropped, verdict.replaced)
    for table in verdict.replaced:
        left = left.beside(others[table])
    return Admission(verdict.token, verdict.decision, verdict.reason, tuple(verdict.requirements),
                     tuple(verdict.dropped), tuple(verdict.replaced), verdict.rows_dropped,
                     _request(manifest, purpose, left))


def _request(manifest: Manifest, purpose: str, inputs: Inputs) -> AdmitRequest:
    return AdmitRequest(activity=manifest.activity, purpose=purpose, principal=PRINCIPAL, region=manifest.region,
                        inputs=_labelled(inputs.labels | inputs.subjects), origins=_labelled(inputs.origins))


def _remedies(manifest: Manifest, inputs: Inputs, standing: Mapping[str, Inputs]) -> Remedies:
    """What a row is learnt from may be left out while something is; what it is learnt to be may not, nor what a teacher
    is asked or rows are chosen by: of any table, since a column that is left out is left out of all."""
    held = {name for item in manifest.tables
            for name in (item.used if item.prompts else item.where.columns if item.where else ())}
    needed = {KEY, manifest.learn_to, manifest.row, *held,
              *(manifest.learn_from if len(manifest.learn_from) == 1 else ())}
    columns = [join(f"warehouse:{item.table}", name) for item in manifest.tables if not item.prompts
               for name in item.columns if name not in needed]
    return Remedies(allow=manifest.allow, droppable=[name for name in columns if name in inputs.labels],
                    keys=[name for name in inputs.subjects if name not in inputs.labels],
                    replacements=[Replacement(of=of, by=manifest.replace[of], origins=_labelled(one.origins),
                                              inputs=_labelled(one.labels | one.subjects))
                                  for of, one in standing.items()])


def _judged(answer: DescribeResponse, known: Mapping[str, Label]) -> JudgedTable:
    columns = [JudgedColumn(name=column.name, type=column.type, annotations=column.annotations,
                            annotated=known[column.name].annotated) for column in answer.columns]
    return JudgedTable(name=answer.table, columns=columns, snapshot=answer.snapshot, subject=answer.subject,
                       origin=answer.origin)


def _known(answer: DescribeResponse) -> dict[str, Label]:
    return {column.name: Label("" if column.category.startswith("operational:") else column.category,
                               tuple(column.annotations), _operational(column.category))
            for column in answer.columns}


def _labels(item: TableInput, known: dict[str, Label]) -> dict[str, Label]:
    for column in item.used:
        if column not in known:
            raise InputError("PAI020", f"{item.table} has no column {column!r}; it has {', '.join(known)}",
                             where=item.place)
    names = [*item.used, KEY] if KEY in known and KEY not in item.used else item.used
    return {join(f"warehouse:{item.table}", name): known[name] for name in names}


def _operational(category: str) -> str:
    return category.removeprefix("operational:") if category.startswith("operational:") else ""


def _labelled(labels: dict[str, Label]) -> Iterable[Labelled]:
    return [Labelled(asset=name, annotations=label.annotations, annotated=label.annotated)
            for name, label in labels.items()]
