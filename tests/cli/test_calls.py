"""``sightline calls``: what models were asked, in words and as JSON."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

from tests.cli.conftest import Demo


def test_the_calls_of_a_run(placed: Demo) -> None:
    told = placed.sightline("calls")
    assert told.code == 0 and "Generate: assistant was asked, assistant@1 answered (" in told.out
    assert "weights" in told.out and "used in" in told.out
    said = placed.sightline("calls", "--json").json["calls"]
    assert sum(one["count"] for one in said) > 1 and all(len(one["digest"]) == 64 for one in said)
    assert placed.sightline("calls", "--json").json["calls"] == said


def test_the_calls_of_one_request(placed: Demo) -> None:
    with closing(sqlite3.connect(placed.folder / "lineage.db")) as db:
        [(keys,)] = db.execute("SELECT keys FROM signals WHERE op = 'write' "
                               "AND asset = 'rpc:inference.Generate.response' LIMIT 1")
    told = placed.sightline("calls", "--key", json.loads(keys)[0], "--json")
    assert [one["count"] for one in told.json["calls"]] == [1]
    for wrong in ("0" * 32, "what"):
        refused = placed.sightline("calls", "--key", wrong)
        assert refused.code == 2 and "PAI005" in refused.err
