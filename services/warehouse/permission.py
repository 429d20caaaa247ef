"""[B] Asks the policy service whether a job may run, from labels alone, before any row moves.

Every column that a statement would read is a source of every column that it would write: a job's
label is the join of all that it reads, whatever a closer look at the SQL could show.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lineage.errors import PolicyDenied, SightlineError
from lineage.model import Label
from lineage.names import join
from protos.policy_pb2 import AdmitRequest, Flow, JudgeRequest, Labelled, Verdict
from services.errors import calling
from services.warehouse.catalog import Table
from services.warehouse.engine import Account
from services.warehouse.job import Job

# Seconds.
DEADLINE = 5.0
PRINCIPAL = "warehouse"


async def ask(policy: Any, job: Job, accounts: Iterable[Account], catalog: Mapping[str, Table],
              sources: Sequence[str]) -> bytes:
    """The token of an allowed job; ``sources``: where its text came from.

    Raises PolicyDenied; PAI305 when ``policy`` (a PolicyStub) cannot be asked.
    """
    flows: list[Flow] = []
    used: dict[str, Labelled] = {}
    flowing: set[str] = set()
    for account in accounts:
        reads, sinks = _labelled(account.reads, catalog), _labelled(account.writes, catalog)
        used |= {read.asset: read for read in reads}
        flows += [Flow(source=read, sink=sink) for read in reads for sink in sinks]
        flowing |= {read.asset for read in reads if sinks}
    # A query writes nothing, so there is no flow to judge; its use of the inputs is.
    judging = bool(flows)
    unmoved = [read for asset, read in used.items() if asset not in flowing]
    request = (JudgeRequest(activity=job.activity, purpose=job.purpose, principal=PRINCIPAL, flows=flows,
                            inputs=unmoved) if judging
               else AdmitRequest(activity=job.activity, purpose=job.purpose, principal=PRINCIPAL,
                                 inputs=used.values()))
    call = policy.Judge if judging else policy.Admit
    sources_of = {field: list(sources) for field in ("activity", "purpose", "flows", "inputs")
                  if field in type(request).DESCRIPTOR.fields_by_name}
    try:
        with calling("policy"):
            verdict: Verdict = await call(request, sources=sources_of, timeout=DEADLINE)
    except PolicyDenied:
        raise
    except SightlineError as error:
        raise PolicyDenied("PAI305", f"{job.activity} was not run: {error.what}", where=job.activity) from None
    if not verdict.allowed:
        raise PolicyDenied(verdict.code or "PAI305", verdict.reason, where=job.activity)
    return verdict.token


def labelled(asset: str, label: Label) -> Labelled:
    return Labelled(asset=asset, annotations=label.annotations, annotated=label.annotated)


def _labelled(columns: Mapping[str, tuple[str, ...]], catalog: Mapping[str, Table]) -> list[Labelled]:
    """A column that the catalog does not have (a row id) has no label, and is shown as such."""
    return [labelled(join(catalog[table].asset, name), catalog[table].labels.get(name, Label()))
            for table, names in sorted(columns.items()) for name in sorted(names)]
