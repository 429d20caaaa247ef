"""The journal: what it writes down, that it holds no payload, and that little is lost."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lineage.errors import RunError
from protos import inference_pb2, logger_pb2, policy_pb2, rows_pb2, warehouse_pb2
from sim.truth.journal import Journal, merge

ROOT = Path(__file__).parents[2]
SECRET = "where did I park my car"


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(tmp_path / "journal" / "web.db", "web")
    yield journal
    journal.close()


def rows(schema: str, count: int) -> rows_pb2.Rows:
    row = rows_pb2.Row(values=[rows_pb2.Value(text=SECRET)], key="0" * 32)
    return rows_pb2.Rows(schema=schema, columns=["utterance"], rows=[row] * count)


def test_messages(journal: Journal) -> None:
    generate = inference_pb2.GenerateRequest(prompt=SECRET, image=b"\xff\xd8")
    journal.message("sent", "request", "/sightline.Inference/Generate", generate, 31)
    journal.message("received", "response", "/sightline.Inference/Generate",
                    inference_pb2.GenerateResponse(answer=SECRET), 25)
    journal.message("received", "request", "/sightline.Logger/Append",
                    logger_pb2.LogRequest(events=rows("glasses_session", 3)), 90)
    journal.flush()
    first, second, third = Journal.read(journal.path)
    assert first[:4] == ("web", 1, "sent", "grpc:/sightline.Inference/Generate:request")
    assert first.detail == {"fields": ["prompt", "image"], "call": 1}
    assert (first.rows, first.bytes) == (0, 31)
    assert second.detail == {"fields": ["answer"], "call": 1, "checkpoint": ""}
    assert third.detail == {"fields": ["events"], "schema": "glasses_session", "columns": ["utterance"], "call": 2,
                            "of": [["0" * 32, ""]] * 3}
    assert third.rows == 3


@pytest.mark.parametrize(("message", "expected"), [
    (warehouse_pb2.ReadRequest(table="core.s", activity="training:x", columns=["a"]),
     {"table": "core.s", "activity": "training:x"}),
    (warehouse_pb2.DescribeRequest(table="core.s"), {"table": "core.s"}),
    (warehouse_pb2.JobRequest(job="daily"), {"job": "daily"}),
    (warehouse_pb2.JobRequest(sql="-- owner: me\n-- query: top_wearers\nSELECT 'job: secret'"),
     {"job": "", "activity": "query:top_wearers"}),
    (policy_pb2.AdmitRequest(activity="training:x", purpose="ads"), {"activity": "training:x"}),
])
def test_requests_say_what_they_are_about(journal: Journal, message: object, expected: dict[str, str]) -> None:
    journal.message("sent", "request", "/sightline.Warehouse/Read", message, 1)  # type: ignore[arg-type]
    journal.flush()
    detail = Journal.read(journal.path)[0].detail
    assert {key: value for key, value in detail.items() if key not in ("fields", "call")} == expected


def test_no_payload_is_kept(journal: Journal) -> None:
    journal.message("received", "request", "/sightline.Logger/Append",
                    logger_pb2.LogRequest(events=rows("glasses_session", 1)), 90)
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE t(a)")
    for sql in ("CREATE TABLE t(a)", f"INSERT INTO t VALUES ('{SECRET}')"):
        journal.statement(connection, sql, 1)
    journal.close()
    assert SECRET.encode() not in journal.path.read_bytes()
    connection.close()


def test_files_device_and_http(journal: Journal) -> None:
    journal.file("read", "queue/glasses_session/00000001.log", 10)
    journal.device("read", 20)
    journal.http("received", "request", "/v1/ask", 30)
    journal.http("sent", "response", "/v1/ask", 40)
    journal.flush()
    assert [(record.op, record.locator, record.bytes) for record in Journal.read(journal.path)] == [
        ("read", "file:queue/glasses_session/00000001.log", 10), ("read", "device:glasses", 20),
        ("received", "http:/v1/ask:request", 30), ("sent", "http:/v1/ask:response", 40)]


def test_statement_gives_a_record_per_table(journal: Journal) -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    for sql in ("CREATE TABLE s(a, b)", "CREATE TABLE t(x)"):
        connection.execute(sql)
        journal.statement(connection, sql, 0)
    journal.statement(connection, "INSERT INTO t SELECT a FROM s", 7)
    journal.statement(connection, "SELECT count(*) FROM t", 1)
    journal.statement(connection, "PRAGMA user_version", 1)
    journal.flush()
    assert [(one.op, one.locator, one.detail, one.rows) for one in Journal.read(journal.path)] == [
        ("read", "sql:main.s", {"columns": ["a"], "statement": 1}, 7),
        ("write", "sql:main.t", {"columns": ["x"], "statement": 1}, 7),
        ("read", "sql:main.t", {"columns": [], "statement": 2}, 1)]
    connection.close()


def test_a_statement_that_cannot_be_told_is_an_error(journal: Journal) -> None:
    connection = sqlite3.connect(":memory:")
    with pytest.raises(RunError, match="PAI021 web: the statement ran, but the journal cannot tell"):
        journal.statement(connection, "SELECT a FROM unheard_of", 1)
    connection.close()


def test_a_closed_journal_is_no_silent_hole(journal: Journal) -> None:
    journal.close()
    with pytest.raises(RunError, match="device:glasses moved after the journal was closed"):
        journal.device("read", 1)


def test_a_restarted_process_continues_its_file(tmp_path: Path) -> None:
    for size in (1, 2):
        again = Journal(tmp_path, "logger")
        again.file("write", "queue/x.jsonl", size)
        again.close()
    assert [(one.process, one.n, one.bytes) for one in Journal.read(tmp_path / "logger.db")] == [
        ("logger", 1, 1), ("logger", 2, 2)]


def test_sigkill_loses_less_than_a_buffer(tmp_path: Path) -> None:
    program = ("import os, signal, sys; from pathlib import Path; from sim.truth.journal import Journal\n"
               "journal = Journal(Path(sys.argv[1]), 'logger')\n"
               "for size in range(200): journal.device('read', size)\n"
               "os.kill(os.getpid(), signal.SIGKILL)")
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)],
                          env={**os.environ, "PYTHONPATH": str(ROOT)},
                          check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    assert 200 - 64 <= len(Journal.read(tmp_path / "logger.db")) <= 200


def test_merge(tmp_path: Path) -> None:
    folder, out = tmp_path / "journal", tmp_path / "journal.db"
    for process in ("web", "app"):
        one = Journal(folder / f"{process}.db", process)
        one.device("read", 1)
        one.device("write", 2)
        one.close()
    merge(folder, out)
    assert [(one.process, one.n) for one in Journal.read(out)] == [("app", 1), ("app", 2), ("web", 1), ("web", 2)]
    assert not folder.exists()
    with sqlite3.connect(out) as file:
        stored = file.execute("SELECT process, n, op, locator, detail, rows, bytes FROM records").fetchone()
    assert json.loads(stored[4]) == {}


def test_merge_of_nothing_is_an_empty_journal(tmp_path: Path) -> None:
    merge(tmp_path / "none", tmp_path / "journal.db")
    assert Journal.read(tmp_path / "journal.db") == []


def test_bad_places(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(RunError, match="PAI033"):
        Journal(tmp_path / "file" / "web.db", "web")
    with pytest.raises(RunError, match="PAI032"):
        Journal.read(tmp_path / "nowhere.db")
    with pytest.raises(RunError, match="PAI032"):
        Journal.read(tmp_path / "file")
