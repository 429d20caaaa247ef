"""Calls of models, from signals and edges under one key: who answered, of what, and what used it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from lineage.discover.calls import Call, calls
from lineage.errors import InputError

RPC = "rpc:inference.Generate"
PROMPT, MEMORY, ANSWER = f"{RPC}.request#prompt", f"{RPC}.request#memory", f"{RPC}.response#answer"
WEIGHTS, SAFETY = "checkpoint:assistant#weights@2", "checkpoint:safety#weights@1"
READ = "rpc:warehouse.Read.response#feature.assistant.last_asked"
SAID = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "assistant", "gen_ai.response.model": "assistant@2",
        "gen_ai.response.finish_reasons": ["stop"], "sightline.checkpoint.digest": "d1"}
PLAIN = [("web:ask#utterance", PROMPT), (PROMPT, ANSWER), (WEIGHTS, ANSWER), (ANSWER, "web:log#answer"),
         ("web:log#answer", "warehouse:core.sessions#answer")]


def store(path: Path, signals: Sequence[tuple[str, list[str], object]],
          edges: Sequence[tuple[str, str, list[str]]]) -> Path:
    """Signals (asset, keys, detail) of writes, and observed edges (from, to, keys)."""
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE signals(op, asset, keys, detail, count)")
        db.execute("CREATE TABLE edges(source, target, state, keys)")
        db.executemany("INSERT INTO signals VALUES ('write', ?, ?, ?, 1)", [
            (asset, json.dumps(keys), json.dumps(detail)) for asset, keys, detail in signals])
        db.executemany("INSERT INTO edges VALUES (?, ?, 'observed', ?)", [
            (source, target, json.dumps(keys)) for source, target, keys in edges])
        db.commit()
    return path


def under(key: str, pairs: Sequence[tuple[str, str]]) -> list[tuple[str, str, list[str]]]:
    return [(source, target, [key]) for source, target in pairs]


def call(**changes: object) -> Call:
    return Call(RPC, "chat", "assistant", "assistant@2", "d1", "stop", ("prompt",), ("checkpoint:assistant@2",), (),
                ("answer",), ("warehouse:core.sessions", "web:log"))._replace(**changes)


def test_a_call_is_told_by_the_edges_under_its_key(tmp_path: Path) -> None:
    other = [(MEMORY, ANSWER), (ANSWER, "file:elsewhere")]
    file = store(tmp_path / "l.db", [(f"{RPC}.response", ["k1"], SAID), (f"{RPC}.response", ["k2"], SAID),
                                     ("warehouse:core.sessions", ["k1"], {"rows": 3})],
                 [*under("k1", PLAIN), *under("k2", PLAIN), *under("k3", other)])
    assert calls(file) == {call(): 2}, "what moved under another key has no part in it"
    assert calls(file, "k1") == {call(): 1} and not calls(file, "k9")


def test_what_was_retrieved_is_what_the_request_was_made_of(tmp_path: Path) -> None:
    remembered = [("warehouse:core.sessions#utterance", "warehouse:feature.assistant#last_asked"),
                  ("warehouse:feature.assistant#last_asked", READ), (READ, MEMORY), (MEMORY, ANSWER)]
    file = store(tmp_path / "l.db", [(f"{RPC}.response", ["k1"], SAID)], under("k1", [*PLAIN, *remembered]))
    assert calls(file) == {call(inputs=("memory", "prompt"),
                                retrieved=("warehouse:feature.assistant#last_asked",)): 1}, "not what lies behind it"


def test_an_answer_that_was_kept_is_retrieved_too(tmp_path: Path) -> None:
    kept = [(PROMPT, ANSWER), ("inference:answers#answer", ANSWER)]
    file = store(tmp_path / "l.db", [(f"{RPC}.response", ["k1"], SAID)], under("k1", kept))
    assert calls(file) == {call(weights=(), retrieved=("inference:answers#answer",), used_in=()): 1}


def test_a_draft_and_its_review_are_looked_through(tmp_path: Path) -> None:
    draft, review = "inference:draft#answer", "inference:review#answer"
    ways = [(PROMPT, draft), (WEIGHTS, draft), (draft, review), (SAFETY, review), (review, ANSWER)]
    file = store(tmp_path / "l.db", [(f"{RPC}.response", ["k1"], SAID)], under("k1", ways))
    assert calls(file) == {call(weights=("checkpoint:assistant@2", "checkpoint:safety@1"), used_in=()): 1}


def test_a_circle_ends(tmp_path: Path) -> None:
    """A conversation: what was answered is in the next turn's history."""
    ways = [*PLAIN, ("web:log#answer", PROMPT)]
    file = store(tmp_path / "l.db", [(f"{RPC}.response", ["k1"], SAID)], under("k1", ways))
    [one] = calls(file)
    assert one.inputs == ("prompt",) and "warehouse:core.sessions" in one.used_in


def test_a_batch_is_one_call_over_all_of_its_keys(tmp_path: Path) -> None:
    items, vectors = "rpc:inference.Embed.request#items", "rpc:inference.Embed.response#vectors"
    said = {**SAID, "gen_ai.operation.name": "embeddings", "gen_ai.response.finish_reasons": []}
    file = store(tmp_path / "l.db", [("rpc:inference.Embed.response", ["k1", "k2"], said)],
                 [(items, vectors, ["k1", "k2"]), (vectors, "feature:index", ["k2"])])
    assert calls(file) == {call(rpc="rpc:inference.Embed", operation="embeddings", finish="", inputs=("items",),
                                weights=(), response=("vectors",), used_in=("feature:index",)): 1}


def test_what_is_no_store_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"no database")
    for path in (tmp_path / "x.db", tmp_path / "none.db"):
        with pytest.raises(InputError) as caught:
            calls(path)
        assert caught.value.code == "PAI032"
