"""The import rules of DESIGN.md section 4, each with a planted import that it must find.

Two ways to the same property: the graph of every import statement (grimp), lazy ones and those for
type checking included; and, in a fresh interpreter, what importing really loads.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Callable, Iterator
from copy import deepcopy
from itertools import pairwise
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).resolve().parents[2]

# What the root of lineage/ may hold; every room may import it.
BASE = {"lineage", "lineage.condition", "lineage.names", "lineage.model", "lineage.code", "lineage.codes",
        "lineage.codes_enforce", "lineage.dsse", "lineage.errors", "lineage.jobfile", "lineage.pseudonyms",
        "lineage.yaml_file"}
STAGES = ("privacylib", "understand", "discover", "enforce", "demonstrate")
SERVICES = ("web", "logger", "warehouse", "inference", "training")
RUN_TIME = [f"lineage.enforce.{name}" for name in ("rules", "guard", "gate", "tokens")]
GRAPH_SIDE = [f"lineage.discover.{name}" for name in ("graph", "store", "collector")]
MAY_SEE_TRUTH = ("sim.truth", "sim.scenario.runner", "sim.load", "sim.cli")
OURS = ("lineage", "services", "sim", "protos", "scenarios", "tests")
HEAVY = ("networkx", "sqlglot", "scipy", "fastapi")


def _within(module: str, *packages: str) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def _ours(module: str) -> bool:
    return _within(module, *OURS)


def _imports(graph: grimp.ImportGraph, *importers: str) -> Iterator[tuple[str, str]]:
    """(importer, imported) for each import of our own code by a module of ``importers``, sorted."""
    for module in sorted(graph.modules):
        if _within(module, *importers):
            for imported in sorted(graph.find_modules_directly_imported_by(module)):
                if _ours(imported):
                    yield module, imported


def _reaches(graph: grimp.ImportGraph, importers: list[str], targets: list[str]) -> list[str]:
    """Each shortest chain of imports from one of ``importers`` to one of ``targets``."""
    chains = []
    for importer in importers:
        for target in targets:
            if {importer, target} <= graph.modules:
                chain = graph.find_shortest_chain(importer, target)
                if chain:
                    chains.append(" → ".join(chain))
    return chains


def base_imports_only_itself(graph: grimp.ImportGraph) -> list[str]:
    return [f"{a} imports {b}" for a, b in _imports(graph, "lineage")
            if not _within(a, *(f"lineage.{stage}" for stage in STAGES)) and b not in BASE]


def lineage_imports_no_service_and_no_simulator(graph: grimp.ImportGraph) -> list[str]:
    return [f"{a} imports {b}" for a, b in _imports(graph, "lineage") if not _within(b, "lineage", "protos")]


def a_stage_imports_earlier_stages_only(graph: grimp.ImportGraph) -> list[str]:
    broken = []
    for at, stage in enumerate(STAGES):
        allowed = [f"lineage.{earlier}" for earlier in STAGES[:at + 1]] + ["protos"]
        broken += [f"{a} imports {b}" for a, b in _imports(graph, f"lineage.{stage}")
                   if _within(b, "lineage", "protos") and b not in BASE and not _within(b, *allowed)]
    return broken


def services_import_privacylib_base_and_protos_only(graph: grimp.ImportGraph) -> list[str]:
    return [f"{a} imports {b}" for a, b in _imports(graph, "services")
            if b not in BASE and not _within(b, "lineage.privacylib", "protos", "services")]


def a_service_imports_no_other_service(graph: grimp.ImportGraph) -> list[str]:
    def service(module: str) -> str:
        return next((name for name in SERVICES if _within(module, f"services.{name}")), "")

    return [f"{a} imports {b}" for a, b in _imports(graph, "services") if service(b) not in ("", service(a))]


def run_time_enforcement_never_reaches_the_graph(graph: grimp.ImportGraph) -> list[str]:
    return _reaches(graph, RUN_TIME, GRAPH_SIDE)


def only_runner_load_and_cli_import_the_truth(graph: grimp.ImportGraph) -> list[str]:
    return [f"{a} imports {b}" for a, b in _imports(graph, *OURS)
            if _within(b, "sim.truth") and not _within(a, *MAY_SEE_TRUTH)]


def the_pai_and_the_services_never_reach_the_truth(graph: grimp.ImportGraph) -> list[str]:
    sources = sorted(module for module in graph.modules if _within(module, "lineage", "services"))
    return _reaches(graph, sources, sorted(module for module in graph.modules if _within(module, "sim.truth")))


Rule = Callable[[grimp.ImportGraph], list[str]]

# Each rule, with chains of imports that break it.  "a > b > c": a imports b, b imports c.
PLANTED: list[tuple[Rule, list[str]]] = [
    (base_imports_only_itself, ["lineage.model > lineage.privacylib.context", "lineage.codes > protos.web_pb2",
                                "lineage.surprise > lineage.discover.graph"]),
    (lineage_imports_no_service_and_no_simulator, ["lineage.enforce.gate > services.seams",
                                                   "lineage.discover.join > sim.stack.compose",
                                                   "lineage.privacylib.context > tests.shape"]),
    (a_stage_imports_earlier_stages_only, ["lineage.privacylib.context > lineage.understand.taxonomy",
                                           "lineage.understand.scan > lineage.discover.join",
                                           "lineage.discover.join > lineage.enforce.rules",
                                           "lineage.enforce.rules > lineage.demonstrate.verifiers",
                                           "lineage.enforce.rules > lineage.surprise"]),
    (services_import_privacylib_base_and_protos_only, ["services.web.app > lineage.enforce.guard",
                                                       "services.web > lineage.understand.scan",
                                                       "services.seams > sim.world.clock"]),
    (a_service_imports_no_other_service, ["services.web.app > services.logger.queue",
                                          "services.seams > services.logger.queue",
                                          "services.web.app > services.logger"]),
    (run_time_enforcement_never_reaches_the_graph,
     ["lineage.enforce.guard > lineage.discover.graph",
      "lineage.enforce.tokens > lineage.enforce.surprise > lineage.discover.labels > lineage.discover.store"]),
    (only_runner_load_and_cli_import_the_truth, ["sim.stack.node > sim.truth.journal",
                                                 "sim.scenario.steps > sim.truth.score",
                                                 "sim.scenario.runner2 > sim.truth", "tests.x > sim.truth.score"]),
    (the_pai_and_the_services_never_reach_the_truth,
     ["services.web.app > sim.scenario.runner > sim.truth.journal",
      "lineage.names > services.seams > sim.cli.main > sim.truth"]),
]
RULES = [rule for rule, _ in PLANTED]


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("lineage", "services", "sim", "protos", include_external_packages=True, cache_dir=None)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_rule_holds(graph: grimp.ImportGraph, rule: Rule) -> None:
    assert rule(graph) == []


@pytest.mark.parametrize(("rule", "chain"), [(rule, chain) for rule, chains in PLANTED for chain in chains],
                         ids=lambda value: value if isinstance(value, str) else value.__name__)
def test_rule_finds_what_is_planted(graph: grimp.ImportGraph, rule: Rule, chain: str) -> None:
    planted = deepcopy(graph)
    modules = chain.split(" > ")
    for module in modules:
        planted.add_module(module)
    for importer, imported in pairwise(modules):
        planted.add_import(importer=importer, imported=imported)
    assert any(modules[-1] in found for found in set(rule(planted)) - set(rule(graph)))


def test_the_graph_is_that_of_the_source(graph: grimp.ImportGraph) -> None:
    on_disk = {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
               for package in ("lineage", "services", "sim", "protos") for path in (ROOT / package).rglob("*.py")}
    assert on_disk <= graph.modules
    assert graph.find_modules_directly_imported_by("lineage.names") >= {"lineage.errors"}
    assert set(RUN_TIME) | set(GRAPH_SIDE) <= graph.modules, "a rule names a module that does not exist"


def hidden_imports(source: str) -> list[str]:
    """Imports that no import statement shows: a module's name given to import_module or __import__."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in {"import_module", "__import__", "run_module", "run_path"}:
                found.append(f"line {node.lineno}: {called}")
    return found


def test_no_import_is_hidden_from_the_graph() -> None:
    assert hidden_imports("import importlib\nimportlib.import_module('sim.' + 'truth')") == ["line 2: import_module"]
    assert hidden_imports("__import__(name)") == ["line 1: __import__"]
    for package in ("lineage", "services"):
        for path in sorted((ROOT / package).rglob("*.py")):
            assert hidden_imports(path.read_text(encoding="utf-8")) == [], path


def _loaded_by(code: str) -> set[str]:
    """Names of the modules that a fresh interpreter has loaded after ``code``."""
    done = subprocess.run([sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"],
                          capture_output=True, text=True, timeout=60, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_privacylib_loads_nothing_heavy() -> None:
    loaded = _loaded_by("import lineage.privacylib")
    assert "lineage.privacylib" in loaded
    assert sorted(module for module in loaded if _within(module, *HEAVY)) == []
    assert "networkx" in _loaded_by("import networkx"), "the check sees what is loaded"


def test_the_pai_and_the_services_load_nothing_of_the_simulator() -> None:
    modules = sorted(".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
                     for package in ("lineage", "services") for path in (ROOT / package).rglob("*.py"))
    loaded = _loaded_by("\n".join(f"import {module}" for module in modules))
    assert set(modules) <= loaded
    assert sorted(module for module in loaded if _within(module, "sim", "tests", "scenarios")) == []
