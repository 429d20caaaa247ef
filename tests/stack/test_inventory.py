"""Every integration point is found in code and config, and what a run signals is in the inventory."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lineage.errors import InputError
from sim.stack.callsites import Site, sites
from sim.stack.deployment import Deployment, bundled, deploy
from sim.stack.inventory import KINDS, Point, inventory, methods

POINTS = inventory(bundled())


def points(kind: str, service: str | None = None, among: list[Point] | None = None) -> set[str]:
    return {point.name for point in (POINTS if among is None else among)
            if point.kind == kind and service in (None, point.service)}


def test_handlers_are_the_methods_of_the_contracts_with_a_family() -> None:
    text = "".join(path.read_text() for path in (Path(__file__).parents[2] / "protos").glob("*.proto"))
    assert len(methods()) == text.count("option (family)") > 10
    named = (method.partition(".") for method in methods())
    assert points("handler") == {f"{service.lower()}.{name}" for service, _, name in named}
    assert "Inference.Generate" in methods()
    assert not any(one.startswith(("Collector.", "Control.")) for one in methods())


def test_what_the_bundled_stack_has() -> None:
    assert {"inference.Generate", "logger.Append"} <= points("client", "web")
    assert {"policy.Judge", "policy.Withdrawn"} <= points("client", "warehouse")  # taken first, called a line later
    assert "policy.Key" in points("client", "")  # by whichever node needs it
    assert {"POST /v1/ask", "GET /healthz"} <= points("route", "web")
    assert {"core.sessions", "core.daily_sessions"} <= points("table")
    assert "glasses_session" in points("category") and "job:daily_sessions" in points("job")
    assert {"checkpoint:assistant", "file:corpus/landmarks.tsv"} <= points("file", "training")
    assert {"web:session", "web:prompt", "web:respond", "web:log"} <= points("probe")
    assert {"rpc:logger.Append", "response:ask"} <= points("probe")  # the probes look at every call and answer
    assert {"call web:ask", "write app:ask", "read device:glasses"} <= points("operation", "app")
    assert {point.kind for point in POINTS} == set(KINDS)
    assert inventory(bundled()) == POINTS and len(set(POINTS)) == len(POINTS)


def test_a_route_that_privacylib_was_not_told_of_can_never_have_reported() -> None:
    [healthz] = [point for point in POINTS if point.name == "GET /healthz"]
    assert healthz.signals == () and "not instrumented" in healthz.where
    assert healthz.count({("web", "read", "web:ask", ""): 3}) == 0


def test_a_config_that_is_added_is_a_point(tmp_path: Path) -> None:
    deployed: Deployment = deploy(tmp_path / "deploy", [])
    shutil.copy(deployed.jobs / "daily_sessions.sql", tmp_path / "other.sql")
    text = (deployed.jobs / "daily_sessions.sql").read_text()
    (deployed.jobs / "planted.sql").write_text(text.replace("-- job: daily_sessions", "-- job: planted"))
    text = (deployed.tables / "sessions.sql").read_text()
    (deployed.tables / "planted.sql").write_text(text.replace("core.sessions", "core.planted"))
    text = (deployed.categories / "glasses_session.yaml").read_text()
    (deployed.categories / "planted.yaml").write_text(text.replace("glasses_session", "planted"))
    text = (deployed.manifests / "assistant_eval.yaml").read_text()
    (deployed.manifests / "planted.yaml").write_text(
        text.replace("assistant_eval", "planted").replace("output: assistant", "output: planted"))
    found = inventory(deployed)
    more = set(found) - set(POINTS)
    assert {"job:planted", "core.planted", "planted", "training:planted", "checkpoint:planted",
            "file:serving/planted.json"} == {
        point.name for point in more}
    assert set(POINTS) <= set(found)


def test_a_config_that_cannot_be_read_is_an_error_with_its_place(tmp_path: Path) -> None:
    deployed = deploy(tmp_path / "deploy", [])
    (deployed.jobs / "bad.sql").write_text("-- job: bad\nSELECT 1;\n")
    with pytest.raises(InputError) as refused:
        inventory(deployed)
    assert refused.value.code == "PAI022" and "bad.sql" in refused.value.where


def test_versions_of_an_asset_are_one_point_and_other_names_are_not() -> None:
    point = Point("training", "file", "checkpoint:a", "", (("write", "checkpoint:a"),))
    heard = {("training", "write", "checkpoint:a@1", ""): 2, ("training", "write", "checkpoint:a@2", ""): 3,
             ("training", "write", "checkpoint:ab@1", ""): 5, ("training", "read", "checkpoint:a@1", ""): 7,
             ("inference", "write", "checkpoint:a@1", ""): 11}
    assert point.count(heard) == 5
    job = Point("warehouse", "job", "job:a", "", activity="job:a")
    assert job.count({("warehouse", "read", "warehouse:x", "job:a"): 2, ("web", "read", "web:ask", "job:ab"): 3}) == 2


SOURCE = '''
"""A service as somebody may write it."""
from tests.privacylib.test_mediation import KEY
from tests.stack import test_inventory as elsewhere
ASSET = "feature:nearby"

class Service:
    async def handle(self, lib, stub):
        with self._lib.read("feature:landmarks"), lib.write(ASSET, fields=()):
            self.store.read("feature:not-a-library")
            lib.read(self.made_when_it_runs)
            lib.call(elsewhere.PLANTED)
            hand_over(lib, ASSET, {})
        await self._inference.Generate(1)
        later = policy.Judge
        self._inference.Unknown(2), self.handle.Generate
        stub("logger").Append(3)
'''
PLANTED = "web:planted"


def test_call_sites_are_found_in_the_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "planted_service.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    found = sites(tmp_path / "planted_service.py", "planted_service", methods())
    assert [site[:2] for site in found] == [
        ("read", "feature:landmarks"), ("write", "feature:nearby"), ("call", "web:planted"),
        ("probe", "feature:nearby"), ("client", "Inference.Generate"), ("client", "Policy.Judge"),
        ("client", "Logger.Append")]
    assert found[0] == Site("read", "feature:landmarks", "planted_service:9")


def test_a_run_that_makes_no_checkpoint_is_a_point_with_what_it_asks(tmp_path: Path) -> None:
    manifests = Path(__file__).parents[2] / "scenarios/manifests"
    deployed = deploy(tmp_path / "deploy", [], manifests=[manifests / "session_topics.yaml",
                                                          manifests / "assistant_check.yaml"])
    made = {point.name: point for point in inventory(deployed) if point.kind == "file" and point.service == "training"}
    assert {"feature:session_topics", "file:reports/assistant_check"} <= set(made)
    assert made["feature:session_topics"].count({("training", "write", "feature:session_topics@1", ""): 2}) == 2
    asked = [point for point in inventory(deployed) if point.name == "checkpoint:assistant"
             and point.signals == (("read", "checkpoint:assistant"),) and point.service == "training"]
    assert len(asked) == 1
