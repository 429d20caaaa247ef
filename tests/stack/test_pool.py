"""The pool of workers: one process a task; what each answered, who died, how many signals there were."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from lineage.discover.collector import Collector
from lineage.discover.store import Store
from lineage.errors import PolicyDenied, RunError
from lineage.privacylib import PrivacyLib
from protos import collector_pb2_grpc
from services.warehouse import catalog, export, part
from services.warehouse.consent import Visible
from services.warehouse.service import EXPORTS, TABLES
from sim.stack.config import NodeConfig
from sim.stack.pool import Pool
from sim.stack.store import LocalStore
from sim.truth.journal import Journal
from tests.services.fakes import KEY, serving

# What a worker is, for these tests: it does as its task says.
ODD = """
import json, os, sys, time
task = json.loads(sys.stdin.read())
if task["dies"]: os.kill(os.getpid(), 9)
if task.get("sleeps"): time.sleep(60)
if task.get("fails"): sys.exit(1)
if task.get("refused"):
    print(json.dumps({"error": {"code": "PAI301", "what": "no", "where": "x", "next": "y"}, "kind": "PolicyDenied",
                      "recorded": 1}))
else:
    print(json.dumps({"part": task["part"], "name": os.environ["SIGHTLINE_WORKER"], "recorded": 2}))
"""


def pool(tmp_path: Path, fates: Mapping[int, str] | None = None, deadline: float = 30.0,
         program: tuple[str, ...] = (sys.executable, "-c", ODD)) -> Pool:
    config = NodeConfig(tmp_path, addresses={"collector": "127.0.0.1:1"})
    return Pool("warehouse", config, b"\1", lambda task: (fates or {}).get(task["part"], ""), program, deadline)


async def test_each_task_has_a_process_and_an_answer_in_its_place(tmp_path: Path) -> None:
    workers = pool(tmp_path)
    answers = await workers.run([{"part": 0}, {"part": 1}, {"part": 2}])
    assert answers == [{"part": n, "name": f"warehouse-{n}"} for n in range(3)]
    assert workers.recorded == {f"warehouse-{n}": 2 for n in range(3)}


async def test_who_dies_fails_or_hangs_has_no_answer(tmp_path: Path) -> None:
    workers = pool(tmp_path, {0: "dies"}, deadline=3.0)
    assert await workers.run([{"part": 0}, {"part": 1, "fails": True}, {"part": 2, "sleeps": True},
                              {"part": 3}]) == [None, None, None, {"part": 3, "name": "warehouse-3"}]
    assert workers.recorded == {"warehouse-3": 2}


async def test_a_task_that_is_done_twice_has_one_answer_and_all_its_signals(tmp_path: Path) -> None:
    workers = pool(tmp_path, {1: "repeats"})
    assert len(await workers.run([{"part": 0}, {"part": 1}])) == 2
    assert workers.recorded == {"warehouse-0": 2, "warehouse-1": 4}


async def test_what_a_worker_raised_is_raised_here(tmp_path: Path) -> None:
    with pytest.raises(PolicyDenied) as caught:
        await pool(tmp_path).run([{"part": 0}, {"part": 1, "refused": True}])
    assert (caught.value.code, caught.value.where) == ("PAI301", "x")


async def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RunError) as caught:
        await pool(tmp_path, program=("/no/such/program",)).run([{"part": 0}])
    assert caught.value.code == "PAI031"


async def test_a_real_worker_delivers_its_signals_and_leaves_a_journal(tmp_path: Path) -> None:
    tables = catalog.load(TABLES)
    found = export.find(EXPORTS, "daily_answers", tables)
    tap = Journal(tmp_path / "own.db", "test")
    store = LocalStore(tmp_path, tap)
    store.attach("core")
    store.execute(tables["core.daily_sessions"].ddl)
    lib = PrivacyLib("warehouse")
    with lib.scope(key=KEY):
        task: dict[str, Any] = json.loads(json.dumps(part.task(found, 2, lib.baggage(), Visible({}, frozenset()))))
    signals = Store(tmp_path / "lineage.db")
    async with serving(lambda s: collector_pb2_grpc.add_CollectorServicer_to_server(Collector(signals), s)) as address:
        workers = Pool("warehouse", NodeConfig(tmp_path, addresses={"collector": address}), bytes(32), lambda task: "")
        task["labels"] = {asset: {name: ["", [], "structure"] for name in labels}  # so that no token is asked for
                          for asset, labels in task["labels"].items()}
        [answer] = await workers.run([task])
    assert answer is not None and (answer["part"], answer["rows"]) == (2, 0)
    assert workers.recorded == signals.counts() and set(workers.recorded) == {"warehouse-0"}
    moved = [(record.op, record.locator) for record in Journal.read(tmp_path / "journal/warehouse-0.db")]
    assert moved == [("read", "sql:core.daily_sessions"), ("write", "file:exports/daily_answers/part-00002.jsonl")]
    store.close()
    tap.close()
    signals.close()
