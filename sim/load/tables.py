"""The reports of ``sightline load``, as tables for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sim.load.selftime import RATIOS
from sim.show.terminal import table

Report = dict[str, Any]


def self_time(report: Report) -> None:
    between = report["intervals"]
    table(("CPU µs of one", "PrivacyLib", "OpenTelemetry", "ratio"), [
        (name, _interval(between["privacylib"][ours]), _interval(between["opentelemetry"][theirs]),
         f"1/{1 / between['ratio'][name][0]:.1f}") for name, (ours, theirs) in RATIOS.items()])
    own, samples = between["privacylib"], report["samples"]["operations"]
    table(("decision, not cached", "CPU µs", "samples"), [
        ("by the rules", _interval(own["policy_check_us"]), samples),
        ("by the guard, the first time", _interval(own["first_decision_us"]), samples),
        ("who asks: claims not seen before", _interval(own["claims_cold_us"]), samples),
        ("who asks: claims seen before", _interval(own["claims_warm_us"]), samples)])


def paired(report: Report) -> None:
    table(("arm", "CPU µs a request", "of the collector", "requests/s"), [
        (name, arm["cpu_us"], arm["collector_us"], arm["requests_per_second"]) for name, arm in report["arms"].items()])
    table(("against off", "added CPU µs", "CPU", "throughput"), [
        (name, _interval(report[name]["added_cpu_us"]), _interval(report[name]["cpu"]),
         _interval(report[name]["throughput"])) for name in ("capture", "control")])


def kill(report: Report) -> None:
    table(("signals", ""), report["signals"].items())
    table(("requests", "failed", "holes"), [(report["requests"], report["failed"], report["holes"])])


def headless(report: Report) -> None:
    waited = report["milliseconds"]
    table(("requests", "failed", "requests/s", *(f"{name} ms" for name in waited)),
          [(report["requests"], report["failed"], report["requests_per_second"], *waited.values())])


def _interval(values: Sequence[float]) -> str:
    value, low, high = values
    return f"{value:g} [{low:g}..{high:g}]"
