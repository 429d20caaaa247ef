"""``sightline score --coverage``: the integration points that reported or were silent, and the audit account.

Two questions about completeness that signals alone cannot answer: what is there to report (the inventory,
from code and configs), and what was done without reporting (the audit hook).  Over several scenarios the
union, with who touched what.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from sim.cli.options import print_json
from sim.scenario import runner
from sim.scenario.schema import Scenario
from sim.scenario.verdict import EXIT
from sim.show import terminal
from sim.stack.deployment import at
from sim.stack.inventory import KINDS, Heard, Point, inventory

_LISTED = ("read", "write", "call", "probe")
_VERDICTS = ("covered", "own", "uncovered")


def cover(scenarios: Sequence[Scenario], seed: int | None, *, as_json: bool) -> int:
    """Runs the scenarios, prints both accounts; the exit code: 0, 1 for I/O that nothing covers, 3 for unknown."""
    union = Union()
    for scenario in scenarios:
        with terminal.progress(f"{scenario.name}") as say:
            union.add(scenario.name, runner.run(scenario, seed, progress=say).path)
    result = union.to_dict()
    if as_json:
        print_json(result)
    else:
        show(result)
    return EXIT[result["verdict"]]


class Union:
    """What runs have shown so far, each under its scenario's name."""

    def __init__(self) -> None:
        self._scenarios: list[str] = []
        self._points: dict[Point, Counter[str]] = {}
        self._unlisted: dict[tuple[str, str, str], Counter[str]] = {}
        self._services: dict[str, dict[str, Counter[str]]] = {}
        self._gaps: dict[tuple[str, str, str], Counter[str]] = {}
        self._unowned: Counter[str] = Counter()
        self._blind: set[str] = set()

    def add(self, name: str, run: Path) -> None:
        """A finished run folder."""
        heard = _heard(run / "lineage.db")
        points = inventory(at(run / "data" / "deploy"))
        for point in points:
            self._points.setdefault(point, Counter())[name] += point.count(heard)
        for (emitter, op, asset, activity), count in heard.items():
            if op in _LISTED and not any(point.hears(emitter, op, asset, activity) for point in points):
                self._unlisted.setdefault((emitter, op, asset), Counter())[name] += count
        self.add_audit(name, json.loads((run / "audit.json").read_text(encoding="utf-8"))["services"])

    def add_audit(self, name: str, services: Mapping[str, Any]) -> None:
        """``services``: as in ``audit.json``."""
        self._scenarios.append(name)
        unowned: dict[str, Mapping[str, int]] = {}
        for service, one in services.items():
            if not one or not one["armed"] or one["failures"]:
                self._blind.add(service)
                continue
            counts = self._services.setdefault(service, {verdict: Counter() for verdict in _VERDICTS})
            for verdict in _VERDICTS:
                counts[verdict].update(one[verdict])
            for gap in one["gaps"]:
                self._gaps.setdefault((service, gap["what"], gap["stack"]), Counter())[name] += gap["count"]
            unowned[one["process"]] = one["unowned"]  # of the process, so once for all services in it
        for found in unowned.values():
            self._unowned.update(found)

    def to_dict(self) -> dict[str, Any]:
        """``unknown`` where no scenario ran, a hook was not armed, or no I/O was seen: then nothing was shown."""
        points = [{"service": point.service, "kind": point.kind, "name": point.name, "where": point.where,
                   "signals": found.total(), "scenarios": _touched(found)} for point, found in self._points.items()]
        points.sort(key=lambda one: (KINDS.index(str(one["kind"])), one["service"], one["name"], one["where"]))
        services = {name: {verdict: dict(sorted(found.items())) for verdict, found in counts.items()}
                    for name, counts in sorted(self._services.items())}
        seen = sum(sum(counts["covered"].values()) + sum(counts["uncovered"].values()) for counts in services.values())
        unknown = not self._scenarios or bool(self._blind) or not seen
        return {
            "scenarios": self._scenarios, "points": points, "totals": _totals(points),
            "unlisted": [{"service": emitter, "op": op, "asset": asset, "signals": found.total(),
                          "scenarios": _touched(found)}
                         for (emitter, op, asset), found in sorted(self._unlisted.items())],
            "audit": {"services": services, "unowned": dict(sorted(self._unowned.items())),
                      "blind": sorted(self._blind),
                      "gaps": [{"service": service, "what": what, "stack": stack, "count": found.total(),
                                "scenarios": _touched(found)}
                               for (service, what, stack), found in sorted(self._gaps.items())]},
            "verdict": "fail" if self._gaps else "unknown" if unknown else "pass"}


def _heard(path: Path) -> Heard:
    with closing(sqlite3.connect(path)) as file:
        return {tuple(row[:4]): row[4] for row in file.execute(
            "SELECT emitter, op, asset, activity, sum(count) FROM signals GROUP BY emitter, op, asset, activity")}


def _touched(found: Counter[str]) -> dict[str, int]:
    return {name: count for name, count in sorted(found.items()) if count}


def _totals(points: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    totals: dict[str, dict[str, int]] = {}
    for point in points:
        total = totals.setdefault(point["kind"], {"points": 0, "reported": 0, "silent": 0})
        total["points"] += 1
        total["reported" if point["signals"] else "silent"] += 1
    return totals


def show(result: Mapping[str, Any]) -> None:
    out = terminal.console()
    many = len(result["scenarios"]) > 1
    terminal.table(("service", "kind", "point", "state", "signals", *["scenarios"] * many, "where"), [
        (one["service"] or "any", one["kind"], one["name"], "reported" if one["signals"] else "silent", one["signals"],
         *[f"{len(one['scenarios'])} of {len(result['scenarios'])}"] * many, one["where"])
        for one in result["points"]])
    terminal.line(out)
    terminal.table(("kind", "points", "reported", "silent"),
                   [(kind, one["points"], one["reported"], one["silent"]) for kind, one in result["totals"].items()])
    unlisted: Counter[str] = Counter()
    for one in result["unlisted"]:  # assets that a step makes by the dozen are one line a folder
        folder, slash, _ = one["asset"].rpartition("/")
        unlisted[f"{one['service']} {one['op']} {f'{folder}/…' if slash else one['asset']}"] += one["signals"]
    for text, count in unlisted.items():
        terminal.line(out, f"  not in the inventory: {text} × {count}")
    terminal.line(out)
    _show_audit(result)


def _show_audit(result: Mapping[str, Any]) -> None:
    out, audit = terminal.console(), result["audit"]
    terminal.table(("service", *_VERDICTS), [
        (service, *(_counted(one[verdict]) for verdict in _VERDICTS)) for service, one in audit["services"].items()])
    terminal.line(out, f"  nobody's (imports, PrivacyLib's delivery, the simulator): {_counted(audit['unowned'])}")
    for gap in audit["gaps"]:
        terminal.line(out, f"  {gap['service']}: {gap['what']} outside every operation × {gap['count']}")
        terminal.line(out, f"    {gap['stack']}")
    for service in audit["blind"]:
        terminal.line(out, f"  {service}: the audit hook was not armed, or failed; what it did is unknown")
    uncovered = sum(gap["count"] for gap in audit["gaps"])
    covered = sum(sum(one["covered"].values()) for one in audit["services"].values())
    points = sum(one["points"] for one in result["totals"].values())
    reported = sum(one["reported"] for one in result["totals"].values())
    terminal.line(out, terminal.mark(result["verdict"]), f" {reported} of {points} integration points reported; of "
                  f"{covered + uncovered} I/O events, {uncovered} outside every operation "
                  f"(scenarios: {len(result['scenarios'])})")


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in counts.items()) or "0"
