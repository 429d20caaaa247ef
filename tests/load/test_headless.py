"""Locust: its report, and that nothing of ours is loaded beside it."""

from __future__ import annotations

import ast
import base64
import json
import sys

import pytest

from lineage.errors import InputError, RunError
from sim.load import headless
from sim.load.traffic import Traffic
from sim.scenario.schema import Scenario, step

ENTRY = {"name": "/v1/ask", "num_requests": 100, "num_failures": 2, "start_time": 10.0, "last_request_timestamp": 14.0,
         "response_times": {"20": 50, "30": 45, "100.0": 5}}


def test_the_summary_says_rate_and_waiting() -> None:
    assert headless.summary([{"name": "/healthz"}, ENTRY]) == {
        "requests": 100, "failed": 2, "requests_per_second": 25.0,
        "milliseconds": {"p50": 20.0, "p95": 30.0, "p99": 100.0}}


def test_no_request_is_no_result() -> None:
    with pytest.raises(RunError, match="no request"):
        headless.summary([])


def test_without_locust_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(headless, "find_spec", lambda name: None)
    with pytest.raises(InputError) as error:
        headless.measure(Scenario("asks", "discover", steps=(step("ask", question="What?"),)), 1)
    assert error.value.next == "pip install 'sightline[load]'"


def test_the_locustfile_imports_the_standard_library_and_locust() -> None:
    tree = ast.parse(headless.LOCUSTFILE.read_text(encoding="utf-8"))
    modules = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    modules |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert modules - sys.stdlib_module_names == {"locust"}


def test_no_module_of_this_room_hides_one_of_the_standard_library() -> None:
    """Locust puts the folder of its file on the path, first."""
    names = {path.stem for path in headless.LOCUSTFILE.parent.glob("*.py")} - {"__init__"}
    assert names & (set(sys.stdlib_module_names) | {"locust", "opentelemetry", "grpc", "lineage", "sim"}) == set()


def test_a_request_is_the_form_that_web_takes() -> None:
    capture = next(Traffic(Scenario("asks", "discover", steps=(step("ask", question="What?"),)), 1))
    line = json.loads(headless._line(capture))
    assert set(line["form"]) == {"utterance", "location", "wearer", "region", "device", "asked_at"}
    assert base64.b64decode(line["photo"]) == capture.photo
    assert line["type"][1] == "image/jpeg"
