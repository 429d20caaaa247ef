"""Self time: what is timed is the real thing, and the report has the shape that it promises."""

from __future__ import annotations

import asyncio
from importlib.machinery import ModuleSpec
from typing import Any

import pytest

from lineage.errors import InputError
from sim.load import ours, selftime
from sim.load.stub import Subject


@pytest.mark.parametrize(("name", "signals"), [("server_us", 2), ("client_us", 1), ("io_event_us", 1),
                                               ("policy_check_us", 0), ("first_decision_us", 0),
                                               ("claims_cold_us", 0), ("claims_warm_us", 0)])
def test_every_operation_is_judged_and_signalled(name: str, signals: int) -> None:
    with ours.subjects() as subjects:
        subject: Any = next(one for one in subjects if one.name == name)
        subject.sink.flush(5)
        before, sent = subject.sink.account["recorded"], subject.sink.sent
        asyncio.run(subject.full(subject.prepare(10, 1)))
        asyncio.run(subject.bare(subject.prepare(10, 1)))
        assert subject.sink.account["recorded"] - before == 10 * signals
        assert (subject.sink.sent > sent) == bool(signals)
        assert subject.sink.account["delivered"] == subject.sink.account["recorded"]


def test_enforcement_is_on() -> None:
    assert ours.rules().enforcing


class Fake:
    """Costs what it is told, by no clock."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.blocks: list[int] = []

    def prepare(self, count: int, block: int) -> range:
        self.blocks.append(block)
        return range(count)

    async def full(self, inputs: Any) -> None:
        assert len(inputs) == 7

    async def bare(self, inputs: Any) -> None:
        assert len(inputs) == 7


def test_every_subject_has_a_block_in_every_round() -> None:
    fakes = [Fake("a"), Fake("b")]
    groups: dict[str, list[Subject]] = {"one": [fakes[0]], "two": [fakes[1]]}
    samples = asyncio.run(selftime._sample(groups, 3, 7, lambda text: None))
    assert [fake.blocks for fake in fakes] == [[0, 1, 2, 3]] * 2  # block 0 is the warm-up
    assert {group: {name: len(values) for name, values in one.items()} for group, one in samples.items()} == {
        "one": {"a": 3}, "two": {"b": 3}}


def test_the_report_has_medians_ratios_and_their_intervals() -> None:
    samples = {"privacylib": {"server_us": [1.0, 2.0, 3.0], "client_us": [1.0] * 3, "io_event_us": [0.5] * 3,
                              "policy_check_us": [0.1] * 3},
               "opentelemetry": {"server_us": [80.0] * 3, "client_us": [50.0] * 3, "span_us": [25.0] * 3}}
    report = selftime.report(samples, 3, 100)
    assert report["privacylib"] == {"server_us": 2.0, "client_us": 1.0, "io_event_us": 0.5, "policy_check_us": 0.1}
    assert report["opentelemetry"] == {"server_us": 80.0, "client_us": 50.0, "span_us": 25.0}
    assert report["ratio"] == {"server": 0.025, "client": 0.02, "io_event": 0.02}
    assert report["samples"] == {"rounds": 3, "operations": 300}
    value, low, high = report["intervals"]["privacylib"]["server_us"]
    assert low <= value == 2.0 <= high


@pytest.mark.parametrize("missing", ["opentelemetry", "opentelemetry.instrumentation.grpc"])
def test_without_the_extra_the_error_says_what_to_install(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def find_spec(name: str) -> ModuleSpec | None:
        if missing == "opentelemetry":
            raise ModuleNotFoundError("No module named 'opentelemetry'", name="opentelemetry")
        return None if name == missing else ModuleSpec(name, None)

    monkeypatch.setattr(selftime, "find_spec", find_spec)
    with pytest.raises(InputError) as error:
        selftime.measure(2, 2)
    assert error.value.next == "pip install 'sightline[bench]'"
    assert missing in error.value.what
