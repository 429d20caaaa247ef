"""The logger's declared lineage is its observed one, field by field; what differs is reported, nothing else is."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from lineage.demonstrate.logger_drift import logger_drift
from lineage.discover.labels import Labels
from lineage.discover.lineage import Lineage
from lineage.discover.logger_config import declared_edges
from lineage.model import Confidence, Edge
from sim.stack.deployment import bundled

CATEGORIES = bundled().categories


def run(*, without: str = "", more: tuple[tuple[str, str, Confidence], ...] = ()) -> Lineage:
    """All that the bundled config declares, and observed as declared but for ``without``, and ``more``."""
    declared = list(declared_edges(CATEGORIES))
    seen = [Edge(one.source, one.target, "observed", confidence="HIGH", keys={"k"}) for one in declared
            if not without or without not in one.source + one.target]
    seen += [Edge(source, target, "observed", confidence=confidence, keys={"a", "b"})
             for source, target, confidence in more]
    return Lineage(Labels({}), {}, [*declared, *seen], [], [], {}, {}, Counter())


def found(lineage: Lineage) -> list[tuple[str, str, int]]:
    return [(one.code, one.asset, one.count) for one in logger_drift(lineage)]


def test_what_runs_as_declared_is_no_drift() -> None:
    assert found(run()) == [] and len(run().edges) == 90


def test_a_field_that_no_config_declares_is_reported_in_and_out() -> None:
    more: tuple[tuple[str, str, Confidence], ...] = (
        ("rpc:logger.Append.request#glasses_session.mood", "logger:glasses_session#mood", "HIGH"),
        ("logger:glasses_session#mood", "rpc:warehouse.Append.request#core.sessions.mood", "HIGH"))
    assert found(run(more=more)) == [("PAI404", "rpc:warehouse.Append.request#core.sessions.mood", 2),
                                     ("PAI404", "logger:glasses_session#mood", 2)]


def test_guesses_and_dead_letters_are_not_judged() -> None:
    assert found(run(more=(
        ("rpc:logger.Append.request#glasses_session.mood", "logger:glasses_session#mood", "LOW"),
        ("rpc:logger.Append.request#glasses_session.x", "logger:dead_letter.glasses_session#unknown", "HIGH"),
        ("logger:dead_letter.glasses_session#utterance", "logger:glasses_session#utterance", "HIGH")))) == []


def test_a_field_of_every_event_that_never_came_is_reported_and_an_optional_one_is_not() -> None:
    assert {one[:2] for one in found(run(without="utterance"))} == {
        ("PAI403", "logger:glasses_session#utterance"), ("PAI403", "warehouse:core.sessions#utterance"),
        ("PAI403", "rpc:warehouse.Append.request#core.sessions.utterance")}
    assert found(run(without="location")) == []


def test_where_nothing_came_nothing_is_missing() -> None:
    assert found(run(without=":")) == []


def test_the_latest_version_is_what_is_declared(tmp_path: Path) -> None:
    text = (CATEGORIES / "glasses_session.yaml").read_text()
    newer = text.replace("version: 1", "version: 2") + "  mood: {type: text, optional: true}\n"
    (tmp_path / "a.yaml").write_text(newer)
    (tmp_path / "b.yaml").write_text(text)
    targets = {edge.target for edge in declared_edges(tmp_path)}
    assert "logger:glasses_session#mood" in targets and len(targets) == 33
