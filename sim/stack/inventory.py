"""Every integration point of the stack, from its code and its configs; and which of them reported in a run.

Discover's own positive control: a graph shows what reported, and only an inventory can show what did not.
Nothing here comes from a run but the counts.  Methods without a capture family (``Collector``, ``Control``)
are machinery of the PAI and of the simulator, and no points.  A point that did not report is silent: not
reached by the scenario, or not instrumented; which of them, the audit hook and the journal say.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, cast

from google.protobuf import descriptor_pool

import protos
from lineage.enforce.guard import Guard
from lineage.enforce.rules import Rules
from lineage.privacylib import NullSink, Probes
from lineage.yaml_file import tree_of
from protos import annotations_pb2
from services.training import manifest as manifests
from services.training.runs import RUNS
from services.warehouse import catalog
from services.warehouse import job as jobs
from sim.stack.callsites import sites
from sim.stack.deployment import ROOT, Deployment
from sim.stack.node import FAMILIES, library
from sim.stack.watching import APP

# In the order in which they are shown.
KINDS = ("handler", "client", "route", "table", "category", "file", "probe", "operation", "job", "manifest")
# Services that another node offers beside its own.
OFFERED_BY = {"Rulebook": "policy"}
# (emitter, operation, asset, activity) → how many.
Heard = Mapping[tuple[str, str, str, str], int]


class Point(NamedTuple):
    """``signals``: (operation, asset) that show it at work; or those of ``activity``.

    ``service`` is empty where any may use it; ``where`` is the line, or the kind of config.
    """

    service: str
    kind: str
    name: str
    where: str
    signals: tuple[tuple[str, str], ...] = ()
    activity: str = ""

    def count(self, heard: Heard) -> int:
        return sum(count for said, count in heard.items() if self.hears(*said))

    def hears(self, emitter: str, op: str, asset: str, activity: str) -> bool:
        """An asset that is made in versions is named without one here."""
        if self.activity:
            return activity == self.activity
        return self.service in ("", emitter) and any(
            op == wanted and (asset == name or asset.startswith(f"{name}@")) for wanted, name in self.signals)


def inventory(deployment: Deployment) -> list[Point]:
    """Every point, sorted.  Raises InputError (PAI020 to PAI022) for a config that cannot be read."""
    found = {*_rpcs(), *_routes(), *_code(), *_warehouse(deployment), *_categories(deployment),
             *_manifests(deployment)}
    return sorted(found | set(_probes(found)),
                  key=lambda point: (KINDS.index(point.kind), point.service, point.name, point.where))


@cache
def methods() -> frozenset[str]:
    """"Inference.Generate" and every other method of a contract that has a capture family."""
    for module in pkgutil.iter_modules(protos.__path__):
        if module.name.endswith("_pb2"):
            importlib.import_module(f"protos.{module.name}")
    pool = cast(Any, descriptor_pool.Default())
    files = {path.name for path in (ROOT / "protos").glob("*.proto")}
    return frozenset(
        f"{service.name}.{method.name}" for name in files
        for service in pool.FindFileByName(f"protos/{name}").services_by_name.values()
        for method in service.methods if method.GetOptions().Extensions[annotations_pb2.family])


def _rpcs() -> Iterator[Point]:
    for method in methods():
        service, _, name = method.partition(".")
        asset = f"rpc:{service.lower()}.{name}"
        yield Point(OFFERED_BY.get(service, service.lower()), "handler", asset.removeprefix("rpc:"), "protos",
                    (("read", f"{asset}.request"), ("write", f"{asset}.response")))


def _routes() -> Iterator[Point]:
    """Web's own; one that PrivacyLib was not told of has no signal that could show it."""
    from services.web.app import create_app
    from sim.stack.http import ROUTES

    for route in create_app(cast(Any, None), cast(Any, None)).routes:
        module = getattr(getattr(route, "endpoint", None), "__module__", "")
        if not module.startswith("services."):
            continue
        path = cast(Any, route).path
        for method in sorted(getattr(route, "methods", None) or {"WS"}):
            known = ROUTES.get((method, path))
            yield Point("web", "route", f"{method} {path}", module if known else f"{module}, not instrumented",
                        (("read", known.request), ("write", known.response)) if known else ())


def _probes(points: Collection[Point]) -> Iterator[Point]:
    """Where a service has the probes, each call and each answer of a route is a sink of its own."""
    having = {name for name in FAMILIES
              if Probes.of(library(name, cast(Any, NullSink()), Guard(Rules([])), [])) is not None}
    for point in points:
        if point.service in having and point.kind in ("client", "route"):
            for asset in (asset for op, asset in point.signals if op != "read"):
                yield Point(point.service, "probe", asset, point.where, (("probe", asset),))


def _code() -> Iterator[Point]:
    for path in sorted((ROOT / "services").rglob("*.py")):
        name = path.relative_to(ROOT).with_suffix("")
        yield from _file(path, ".".join(name.parts).removesuffix(".__init__"), name.parts[1] if name.parts[2:] else "")
    for module, service in (*((module, "app") for module in APP), ("sim.world.device", "glasses")):
        yield from _file(ROOT / f"{module.replace('.', '/')}.py", module, service)
    yield from _file(ROOT / "sim/stack/builder.py", "sim.stack.builder", "")


def _file(path: Path, module: str, service: str) -> Iterator[Point]:
    for site in sites(path, module, methods()):
        if site.kind == "client":
            called, _, method = site.name.partition(".")
            name = f"{called.lower()}.{method}"
            yield Point(service, "client", name, site.where, (("call", f"rpc:{name}"),))
        else:
            kind = "probe" if site.kind == "probe" else "operation"
            yield Point(service, kind, site.name if kind == "probe" else f"{site.kind} {site.name}", site.where,
                        ((site.kind, site.name),))


def _warehouse(deployment: Deployment) -> Iterator[Point]:
    for table in catalog.load(deployment.tables).values():
        yield Point("warehouse", "table", table.name, "tables", (("read", table.asset), ("write", table.asset)))
    for path in sorted(deployment.jobs.glob("*.sql")):
        job = jobs.parse(path.read_text(encoding="utf-8"), str(path))
        yield Point("warehouse", "job", job.activity, f"jobs/{path.name}", activity=job.activity)


def _categories(deployment: Deployment) -> Iterator[Point]:
    for path in sorted(deployment.categories.glob("*.yaml")):
        name = tree_of(path, "PAI022")["category"]
        asset = f"logger:{name}"
        yield Point("logger", "category", name, f"categories/{path.name}", (("read", asset), ("write", asset)))


def _manifests(deployment: Deployment) -> Iterator[Point]:
    for path in sorted(deployment.manifests.glob("*.yaml")):
        manifest = manifests.parse(path.read_text(encoding="utf-8"))
        place, made = f"manifests/{path.name}", f"{RUNS[manifest.run].makes}{manifest.output}"
        yield Point("training", "manifest", manifest.activity, place, activity=manifest.activity)
        yield Point("training", "file", made, "manifests", (("write", made),))
        if manifest.serve:
            yield Point("inference", "file", made, "manifests", (("read", made),))
            traffic = f"file:serving/{manifest.output}.json"  # who gets which version, while one is rolled out
            yield Point("inference", "file", traffic, "manifests", (("read", traffic), ("write", traffic)))
        for named in (manifest.base, manifest.teacher):
            if named is not None:  # its manifest at least, which tells the labels of its weights
                yield Point("training", "file", f"checkpoint:{named.name}", "manifests",
                            (("read", f"checkpoint:{named.name}"),))
        for corpus in manifest.corpora:
            yield Point("training", "file", corpus.asset, "manifests", (("read", corpus.asset),))
