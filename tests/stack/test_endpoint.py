"""A whole run in which somebody else's model answers: what went there is in the lineage and in the journal."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from sim.scenario import runner
from sim.scenario.schema import Scenario, World, expect, step

WORDS = ["A ", "bridge, ", "says ", "another ", "model."]


class Model(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        for word in WORDS:
            self.wfile.write(f"data: {json.dumps({'choices': [{'delta': {'content': word}}]})}\n\n".encode())
            self.wfile.flush()
        self.wfile.write(b"data: [DONE]\n\n")

    def log_message(self, *args: object) -> None:
        """Not on the test's screen."""


@pytest.fixture
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Model)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    thread.join()
    server.server_close()


def told(folder: Path, url: str, annotations: str) -> Scenario:
    (folder / "llm.yaml").write_text(
        f"model: assistant\nurl: {url}\nserves: llama-3.2-1b\nowner: quality\n{annotations}")
    world = World(2, ("US",), endpoint="llm.yaml")
    return Scenario("elsewhere", "discover", 1, world=world, path=folder / "s.yaml", steps=(
        step("ask", wearers="all", question="What is that building?", verbatim=True),
        step("converse", wearers=1, turns=["What is that?", "And that?"])), expect=(
        expect("discover", "complete", operations=1.0, invented=0),
        expect("discover", "served", checkpoint="assistant@llama-3.2-1b", count=4),
        expect("discover", "path", from_="web:ask#utterance", to="web:chat/completions#prompt", family="C"),
        expect("discover", "path", from_="web:ask#utterance", to="warehouse:core.sessions#answer"),
        expect("discover", "finding", code="PAI216")))


def test_it_answers_and_its_lineage_is_whole(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGHTLINE_RUNS", str(tmp_path / "runs"))
    done = runner.run(told(tmp_path, url, "annotations: [GLASSES_INTERACTION]\n"))
    assert [(one["expectation"], one["verdict"], one["saw"]) for one in done.verdict["expectations"]
            if one["verdict"] != "pass"] == []
    assert [answer.answer for answer in done.answers] == ["A bridge, says another model."] * 4


def test_without_a_contract_no_question_leaves(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGHTLINE_RUNS", str(tmp_path / "runs"))
    scenario = told(tmp_path, url, "")
    refused = Scenario("refused", "enforce", 1, world=scenario.world, path=scenario.path, steps=(
        step("ask", wearers=1, question="What is that building?", verbatim=True),), expect=(
        expect("enforce", "happened", process="inference", op="call", at="web:chat/completions", count=0),))
    with pytest.raises(Exception, match="PAI302"):
        runner.run(refused)
