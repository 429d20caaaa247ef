"""Flows between services: in which field of which message a value of the app's, or of a device's, stands.

Truth.  What a message holds is found by content (``values``, ``carried``); how often it would be there is seen
in a run of the same steps in logging mode, where nothing is refused.
"""

from __future__ import annotations

from bisect import bisect
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ruamel.yaml import YAML

from sim.truth.record import Record
from sim.truth.reference.labels import Labels, contracts, whole
from sim.truth.reference.reviewed import digests
from sim.truth.reference.rules import Rule, forbidding_flow

Flow = tuple[str, str]
_REQUIRE = "grpc:/sightline.Rulebook/Require:request"


def flows(records: Sequence[Record]) -> Counter[Flow]:
    """(source, sink) → in how many messages; the sink of a carried schema is ``rpc:…#schema.column``."""
    return Counter(flow for record in records if record.op == "sent" for flow in _flows(record))


def phases(records: Sequence[Record]) -> list[list[Record]]:
    """The records between one change of the requirements and the next; those that have no number are in the last."""
    changes = sorted(record.detail["at"] for record in records if record.locator == _REQUIRE
                     and record.op == "received" and "at" in record.detail)
    found: list[list[Record]] = [[] for _ in range(len(changes) + 1)]
    for record in records:
        found[bisect(changes, record.detail.get("at", changes[-1] + 1 if changes else 0))].append(record)
    return found


def _flows(record: Record) -> Iterator[Flow]:
    kind, _, place = record.locator.partition(":")
    if kind == "http":
        route = place.rpartition(":")[0].removeprefix("/v1/").strip("/")
        yield from ((f"device:{name}", f"web:{route}") for name in record.detail.get("carries", ()))
    if kind != "grpc":
        return
    path, _, part = place.rpartition(":")
    service, _, method = path.rpartition(".")[2].partition("/")
    asset = f"rpc:{service.lower()}.{method}.{part}"
    for field, names in record.detail.get("holds", {}).items():
        yield from ((name, f"{asset}#{field}") for name in names)


class Places:
    """Labels of sources and sinks; ``devices``: of what is worn, which the world says; ``day``: of the run, by which
    reviews end."""

    def __init__(self, labels: Labels, deploy: Path, devices: Mapping[str, frozenset[str]], day: str = "") -> None:
        self._day = day
        self._labels = {**labels, **devices}
        self._through = _through(deploy)

    def forbidding(self, rules: Sequence[Rule], source: str, sink: str) -> set[str]:
        """The ids of the enforced requirements that forbid the flow, wherever in its sink it comes to.

        A review of code holds for its edge whichever code of the service made the flow: which it was, no message says.
        The digest of its inputs is not asked for.
        """
        code = digests(rules)
        return {one for place, label in self.sinks(sink) for one in forbidding_flow(
            rules, self.source(source), label, (source, place), self._day, code)}

    def source(self, name: str) -> frozenset[str]:
        """A whole asset's label is the join of its fields'."""
        name = self._kept(name)
        return (self._labels.get(name) or frozenset()) if "#" in name else whole(self._labels, name)

    def knows(self, name: str) -> bool:
        name = self._kept(name)
        return name in self._labels or ("#" not in name and any(
            known.startswith(f"{name}#") for known in self._labels))

    def unlabelled(self, name: str) -> bool:
        """A schema has it, and does not say what it is."""
        name = self._kept(name)
        return name in self._labels and self._labels[name] is None and name not in contracts()

    def _kept(self, name: str) -> str:
        """Where a field that a message carries is kept: ``rpc:…#schema.column`` is a table's, or a category's."""
        schema, dot, column = name.partition("#")[2].rpartition(".")
        if not dot or not name.startswith("rpc:"):
            return name
        found = (f"{kind}:{schema}#{column}" for kind in ("warehouse", "logger"))
        return next((one for one in found if one in self._labels), name)

    def sinks(self, name: str) -> list[tuple[str, frozenset[str] | None]]:
        """The places that a flow to ``name`` comes to, with their labels.

        A message that carries rows is the category's or the table's, whose schema has the label of each field; what
        that does not name is under way in the message, and judged where it is kept.
        """
        asset, _, field = name.partition("#")
        if not field:
            return [(asset, whole(self._labels, asset))]
        schema, _, column = field.rpartition(".")
        if not schema:
            return [(name, contracts().get(name))]
        if asset == "rpc:warehouse.Append.request":
            queued = self._through.get((schema, column))
            return [*([(queued, self._labels.get(queued))] if queued else []),
                    (f"warehouse:{schema}#{column}", self._labels.get(f"warehouse:{schema}#{column}"))]
        for kind in ("warehouse", "logger"):
            if (label := self._labels.get(f"{kind}:{schema}#{column}")) is not None:
                return [(f"{kind}:{schema}#{column}", label)]
        return [(f"logger:{schema}", whole(self._labels, f"logger:{schema}"))]


def _through(deploy: Path) -> dict[tuple[str, str], str]:
    """(table, column) → the logger's field that it comes from."""
    found = {}
    for folder in (deploy / "categories", deploy / "running" / "categories"):
        for path in sorted(folder.glob("*.yaml")):
            data = YAML(typ="safe").load(path)
            for field, said in data["fields"].items():
                if "column" in said:
                    found[str(data["table"]), str(said["column"])] = f"logger:{data['category']}#{field}"
    return found
