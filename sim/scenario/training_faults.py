"""Faults of training: something that happens between two of its calls, and a file that cannot be written.

Enforce.  Whoever acts in between is the operator, over a wire of its own; what is made of it is for the services.
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from lineage.errors import InputError
from protos import policy_pb2, warehouse_pb2
from sim.scenario.faults import _COUNTS, FAULTS, Fault
from sim.stack.config import NodeConfig
from sim.world.random import key_id


@FAULTS.register("meanwhile", {"service": str, "before": str},
                 optional={**_COUNTS, "job": str, "withdraw": list[str], "purpose": str}, stage="enforce",
                 doc="Just before a service's call of a method (\"Warehouse/Read\") leaves, a job runs, or wearers "
                     "take back their consent to a purpose.")
class Meanwhile(Fault):
    def __init__(self, given: Mapping[str, Any]) -> None:
        super().__init__(given)
        if ("job" in given) == ("withdraw" in given) or ("withdraw" in given) != ("purpose" in given):
            raise InputError("PAI010", "meanwhile has a job, or withdraw with a purpose")

    def happens_in(self, service: str) -> bool:
        return bool(service == self.given["service"])

    async def happen(self, method: str, config: NodeConfig) -> None:
        if not method.endswith(f".{self.given['before']}") or not self.fires():
            return
        from sim.stack import operator  # only a process in which something happens needs the operator's stubs

        addresses = {name: {"grpc": address} for name, address in config.addresses.items()}
        async with operator.calls(addresses, config.seed) as call:
            for number, (service, name, request) in enumerate(self._asked()):
                key = key_id(config.seed, "meanwhile", self.hits, number)
                span = key_id(config.seed, "meanwhile-span", self.hits, number, size=8)
                await call(service, name, request, (("traceparent", f"00-{key}-{span}-01"),))

    def _asked(self) -> list[tuple[str, str, Any]]:
        if "job" in self.given:
            return [("warehouse", "RunJob", warehouse_pb2.JobRequest(job=self.given["job"]))]
        return [("policy", "Consent", policy_pb2.ConsentRequest(wearer=wearer, purpose=self.given["purpose"],
                                                                granted=False)) for wearer in self.given["withdraw"]]


@FAULTS.register("disk_full", {"path": str}, optional=_COUNTS, stage="enforce",
                 doc="A file of the data folder (\"checkpoints/*/manifest.json\") cannot be written.")
class DiskFull(Fault):
    def breaks(self, path: str) -> bool:
        return fnmatchcase(path, self.given["path"]) and self.fires()
