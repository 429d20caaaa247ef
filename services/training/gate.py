"""[D] The training gate: a run asks the policy service before it reads anything.

What it asks with are the labels of its inputs, from the warehouse's catalog; no row is read for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from lineage.errors import InputError, PolicyDenied, SightlineError
from lineage.model import Label
from lineage.names import join
from lineage.privacylib.claims import decode
from protos.policy_pb2 import AdmitRequest, Labelled, Verdict
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
    """

    labels: dict[str, Label]
    subjects: dict[str, Label] = field(default_factory=dict)
    origins: dict[str, Label] = field(default_factory=dict)

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
    """What the policy service has signed: the run's ``token``, and by which decision, ``requirements`` and consent
    ``epoch`` it was given."""

    token: bytes
    decision: str
    requirements: tuple[str, ...]
    epoch: int


async def describe(warehouse: Any, manifest: Manifest, chain: Chain) -> Inputs:
    """Asks the warehouse's catalog.  Raises InputError: PAI020 for a table or column that is not there, PAI027 for a
    condition that is not on it."""
    labels = chain.labels
    subjects: dict[str, Label] = {}
    origins: dict[str, Label] = {}
    for item in manifest.tables:
        try:
            with calling("warehouse"):
                described: DescribeResponse = await warehouse.Describe(
                    DescribeRequest(table=item.table), sources={"table": [MANIFEST]}, timeout=DEADLINE)
        except InputError as error:
            raise InputError(error.code, error.what, where=item.place, next=error.next) from None
        known = _known(described)
        if item.where is not None:
            item.where.check({column.name: column.type for column in described.columns}, item.place)
        labels |= _labels(item, known)
        if described.subject:
            subjects[join(f"warehouse:{item.table}", described.subject)] = known[described.subject]
        if described.origin:
            origins[join(f"warehouse:{item.table}", described.origin)] = known[described.origin]
    for corpus in manifest.corpora:
        labels[corpus.asset] = Label(operational="corpus")
    return Inputs(labels, subjects, origins)


async def admit(policy: Any, manifest: Manifest, purpose: str, inputs: Inputs) -> Admission:
    """Raises PolicyDenied; PAI305 when the policy service cannot be asked."""
    request = AdmitRequest(activity=manifest.activity, purpose=purpose, principal=PRINCIPAL, region=manifest.region,
                           inputs=_labelled(inputs.labels | inputs.subjects), origins=_labelled(inputs.origins))
    sources = {field: [MANIFEST] for field in ("activity", "region", "inputs", "origins")}
    sources["purpose"] = [MANIFEST, PURPOSE]
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
    return Admission(verdict.token, verdict.decision, tuple(verdict.requirements), _epoch(verdict.token))


def _epoch(token: bytes) -> int:
    """The consent epoch that a token was signed in; it is verified where it is shown."""
    try:
        return decode(token).epoch
    except ValueError:
        return 0


def _known(described: DescribeResponse) -> dict[str, Label]:
    return {column.name: Label("" if column.category.startswith("operational:") else column.category,
                               tuple(column.annotations), _operational(column.category))
            for column in described.columns}


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
