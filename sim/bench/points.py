"""Enforce: point checking (S2): an `if` at each place that somebody knows of, and an access list on each dataset.

A check is a line of a list that is kept by hand.  It is written here, once, from the deployment and the requirements
as somebody found them (``derived``); what comes afterwards (a table, a sink, a requirement) is in no line until
somebody writes one.  An `if` sees the values that are passed at its place, not what the request has read before; an
access list knows a dataset as a whole.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf import descriptor_pool

from lineage.enforce.gate import make
from lineage.enforce.guard import Guard
from lineage.enforce.requirement import Requirement
from lineage.enforce.rules import Rules
from lineage.errors import PolicyDenied
from lineage.model import Decision, Label
from lineage.names import asset_of, field_of, sides
from lineage.privacylib.contract import Method, labels_of
from lineage.privacylib.operation import Operation
from protos import inference_pb2, logger_pb2, policy_pb2, training_pb2, warehouse_pb2
from services.warehouse import catalog
from services.warehouse.catalog import Table
from services.web.service import COMPONENTS
from sim.stack.companion import ROUTES
from sim.stack.deployment import Deployment, bundled

_CONTRACTS = (inference_pb2, logger_pb2, policy_pb2, training_pb2, warehouse_pb2)


@dataclass(frozen=True)
class Checks:
    """``lists``: dataset → the purposes that it may be read for; ``ifs``: sink → the annotations that may not be
    passed to it."""

    lists: Mapping[str, frozenset[str]]
    ifs: Mapping[str, frozenset[str]]

    def text(self) -> str:
        """The file, a line for each check, as YAML."""
        lines = ["lists:", *(f"  {name}: [{', '.join(sorted(purposes))}]" for name, purposes in sorted(
            self.lists.items())), "ifs:", *(f"  {name}: [{', '.join(sorted(forbidden))}]" for name, forbidden in sorted(
                self.ifs.items()))]
        return "\n".join(lines) + "\n"

    @property
    def in_code(self) -> int:
        """Statements in services: of tables there is DDL, of everything else code."""
        return sum(len(forbidden) for sink, forbidden in self.ifs.items() if not sink.startswith("warehouse:"))

    @property
    def sites(self) -> int:
        return len(self.lists) + sum(map(len, self.ifs.values()))


def derived(requirements: Sequence[Requirement], deployment: Deployment | None = None,
            tables: Iterable[Table] = ()) -> Checks:
    """A list for each table that holds governed data; for each contract and table that a requirement's data may not
    flow to, an `if`.  As complete as somebody can be who reads every contract.  ``tables``: known beside the
    deployment's.  Raises InputError (PAI022)."""
    enforced = [one for one in requirements if one.mode == "enforcement"]
    lists: dict[str, frozenset[str]] = {}
    ifs: dict[str, frozenset[str]] = {}
    for asset, labels in (*_assets(deployment or bundled()), *((table.asset, table.labels) for table in tables)):
        held = {annotation for label in labels.values() for annotation in label.annotations}
        governing = [one for one in enforced if not one.governs.isdisjoint(held)]
        if governing and asset.startswith("warehouse:"):
            lists[asset] = frozenset.intersection(*(one.purposes for one in governing))
        # A sink of acknowledgements and counts is none that anybody would check.
        if all(label.operational for label in labels.values()):
            continue
        forbidden = frozenset[str]().union(*(one.governs for one in enforced if one not in governing))
        if forbidden:
            ifs[asset] = forbidden
    return Checks(lists, ifs)


def table(ddl: str) -> Table:
    """Raises InputError (PAI022)."""
    return catalog.parse(ddl, "ddl")


def _assets(deployment: Deployment) -> Iterator[tuple[str, Mapping[str, Label]]]:
    for table in catalog.load(deployment.tables).values():
        yield table.asset, table.labels
    for contract in _CONTRACTS:
        file: Any = descriptor_pool.Default().FindFileByName(contract.DESCRIPTOR.name)
        for service in file.services_by_name.values():
            for method in map(Method, service.methods):
                yield f"{method.asset}.request", method.request.labels
                yield f"{method.asset}.response", method.response.labels
    for component in COMPONENTS:
        yield component.ASSET, component.LABELS
    for route, request, response in ROUTES:
        yield f"app:{route}", labels_of(request.DESCRIPTOR)
        yield f"web:{route}", labels_of(request.DESCRIPTOR)
        yield f"response:{route}", labels_of(response.DESCRIPTOR)


class PointGuard(Guard):
    def __init__(self, checks: Checks) -> None:
        super().__init__(Rules(()))
        self._checks = checks
        self.enforcing = True

    def before(self, op: Operation) -> None:
        site = op.site
        refusal = None
        if site.op == "read":
            refusal = self._listed(op)
        elif site.op in ("write", "call", "probe"):  # a probe: one component hands over to the next
            refusal = self._passed(op)
        if refusal is not None:
            op.lib.decision(refusal)
            raise PolicyDenied(refusal.code, refusal.reason, where=refusal.activity or op.asset)

    def _listed(self, op: Operation) -> Decision | None:
        who, asset = op.context.trace[2], op.site.asset
        permitted = self._checks.lists.get(asset)
        if permitted is None or not who.activity or who.purpose in permitted:
            return None
        return self._refused(op, "PAI301", f"the list of {asset} has {', '.join(sorted(permitted)) or 'nobody'}, "
                                           f"not {who.purpose or 'an unstated purpose'}", [asset])

    def _passed(self, op: Operation) -> Decision | None:
        site = op.site
        sink = sides(site.asset)[0] if site.op == "call" else site.asset
        forbidden = self._checks.ifs.get(sink)
        if forbidden is None:
            return None
        named = [source for _, sources in site.links for source in sources
                 if not forbidden.isdisjoint(_annotations(op, source))]
        return self._refused(op, "PAI302", f"{named[0]} → {sink}: an if at {sink} stands against it",
                             named) if named else None

    def _refused(self, op: Operation, code: str, reason: str, inputs: Collection[str]) -> Decision:
        who = op.context.trace[2]
        return make(self._rules, who.activity, who.purpose, who.principal, "guard", "blocked", code, reason, inputs)


def _annotations(op: Operation, source: str) -> tuple[str, ...]:
    return op.site.lib.label(asset_of(source), field_of(source)).annotations
