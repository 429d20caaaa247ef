"""The store: nothing outside its folder, whole or not at all, and nothing behind the tap's back."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lineage.errors import InputError, RunError
from sim.stack.store import LocalStore
from sim.truth.journal import Journal


class Heard:
    """A Tap that keeps what it is told; raises ``error`` when one is set."""

    def __init__(self) -> None:
        self.files: list[tuple[str, str, int]] = []
        self.statements: list[tuple[str, int]] = []
        self.error: Exception | None = None

    def file(self, op: str, path: str, size: int) -> None:
        self.files.append((op, path, size))
        if self.error:
            raise self.error

    def statement(self, connection: sqlite3.Connection, sql: str, rows: int) -> None:
        self.statements.append((sql, rows))
        if self.error:
            raise self.error


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def store(tmp_path: Path, heard: Any) -> Iterator[LocalStore]:
    store = LocalStore(tmp_path / "data", heard)
    yield store
    store.close()


# -- files


def test_files(store: LocalStore, heard: Heard, tmp_path: Path) -> None:
    assert not store.exists("queue/x.jsonl")
    store.append("queue/x.jsonl", b"one\n")
    store.append("queue/./x.jsonl", b"two\n")
    store.write("checkpoints/a@1/weights", b"123")
    assert store.read("queue/x.jsonl") == b"one\ntwo\n"
    assert store.exists("checkpoints/a@1/weights")
    assert heard.files == [("write", "queue/x.jsonl", 4), ("write", "queue/x.jsonl", 4),
                           ("write", "checkpoints/a@1/weights", 3), ("read", "queue/x.jsonl", 8)]
    assert sorted(path.name for path in (tmp_path / "data" / "checkpoints" / "a@1").iterdir()) == ["weights"]


def test_a_missing_file_is_not_told(store: LocalStore, heard: Heard) -> None:
    with pytest.raises(FileNotFoundError):
        store.read("nothing")
    assert heard.files == []


@pytest.mark.parametrize("path", ["../outside", "/etc/passwd", "a/../../outside", "", ".", "link/x", "a\0b"])
def test_no_way_out(store: LocalStore, tmp_path: Path, path: str) -> None:
    store.write("a/b", b"")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "data" / "link").symlink_to(tmp_path / "elsewhere")
    for act in (store.read, store.exists, lambda at: store.write(at, b"x"), lambda at: store.append(at, b"x")):
        with pytest.raises(InputError, match="PAI004"):
            act(path)
    assert list((tmp_path / "elsewhere").iterdir()) == []


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.text(st.sampled_from("./a\\~ "), max_size=12))
def test_whatever_is_written_lies_within(store: LocalStore, tmp_path: Path, path: str) -> None:
    before = sorted(tmp_path.glob("*"))
    try:
        store.write(path, b"x")
    except (InputError, RunError):
        pass
    else:
        assert store.read(path) == b"x"
    assert [one for one in sorted(tmp_path.glob("*")) if one.name != "data"] == [
        one for one in before if one.name != "data"]


def test_a_failed_write_leaves_the_old_file(store: LocalStore, heard: Heard, tmp_path: Path,
                                            monkeypatch: pytest.MonkeyPatch) -> None:
    store.write("a", b"old")
    store.append("b", b"old")

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", full)
        for act in (store.write, store.append):
            with pytest.raises(RunError, match=r"PAI033.*No space left on device"):
                act("a" if act == store.write else "b", b"new and longer")
    assert (store.read("a"), store.read("b")) == (b"old", b"old")
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == ["a", "b"]
    assert ("write", "a", 14) not in heard.files


def test_an_error_of_the_tap_surfaces(store: LocalStore, heard: Heard) -> None:
    heard.error = RuntimeError("the journal is full")
    with pytest.raises(RuntimeError, match="the journal is full"):
        store.append("a", b"x")


# -- SQLite


def test_statements(store: LocalStore, heard: Heard, tmp_path: Path) -> None:
    store.attach("core")
    store.attach("core")
    assert (tmp_path / "data" / "warehouse" / "core.db").exists()
    assert store.execute("CREATE TABLE core.s(a, b)") == [(0,)]
    assert store.execute("INSERT INTO core.s VALUES (?, ?)", (1, "x")) == [(1,)]
    assert store.executemany("INSERT INTO core.s VALUES (?, ?)", ((n, "y") for n in range(5))) == 5
    assert store.execute("UPDATE core.s SET a = 0 WHERE b = 'y'") == [(5,)]
    assert store.execute("SELECT count(*), max(b) FROM core.s") == [(6, "y")]
    assert store.execute("SELECT a FROM core.s WHERE 0") == []
    assert store.execute("INSERT INTO core.s VALUES (7, 'z') RETURNING a") == [(7,)]
    assert [rows for sql, rows in heard.statements if "core.s" in sql] == [0, 1, 5, 5, 1, 0, 1]


def test_create_as_counts_its_rows(store: LocalStore) -> None:
    store.attach("core")
    store.execute("CREATE TABLE core.s AS SELECT 1 AS a UNION SELECT 2")
    assert store.execute('-- a copy\nCREATE TABLE "core"."t" AS SELECT a FROM core.s UNION SELECT 3') == [(3,)]
    assert store.execute("CREATE TABLE IF NOT EXISTS core.t AS SELECT a FROM core.s") == [(0,)]
    assert store.execute("CREATE TEMP TABLE t AS SELECT a FROM core.s") == [(2,)]


def test_data_outlives_the_store(store: LocalStore, heard: Any, tmp_path: Path) -> None:
    store.attach("core")
    store.execute("CREATE TABLE core.s AS SELECT 1 AS a")
    store.close()
    again = LocalStore(tmp_path / "data", heard)
    again.attach("core")
    assert again.execute("SELECT a FROM core.s") == [(1,)]
    again.close()


@pytest.mark.parametrize("sql", ["SELEC 1", "SELECT a FROM core.nothing", "SELECT 1; SELECT 2", "BEGIN", " commit",
                                 "INSERT INTO core.s VALUES (1), (1)"])
def test_a_failed_statement_changes_nothing(store: LocalStore, heard: Heard, sql: str) -> None:
    store.attach("core")
    store.execute("CREATE TABLE core.s(a UNIQUE)")
    told = len(heard.statements)
    with pytest.raises(sqlite3.Error):
        store.execute(sql)
    assert len(heard.statements) == told
    assert store.execute("SELECT * FROM core.s") == []


def test_many_rows_or_none(store: LocalStore) -> None:
    store.attach("core")
    store.execute("CREATE TABLE core.s(a UNIQUE)")
    with pytest.raises(sqlite3.IntegrityError):
        store.executemany("INSERT INTO core.s VALUES (?)", [(1,), (2,), (1,)])

    def broken() -> Iterator[tuple[int]]:
        yield (1,)
        raise RuntimeError("the source broke off")

    with pytest.raises(RuntimeError, match="broke off"):
        store.executemany("INSERT INTO core.s VALUES (?)", broken())
    assert store.execute("SELECT * FROM core.s") == []


def test_what_the_tap_cannot_record_does_not_happen(store: LocalStore, heard: Heard) -> None:
    store.attach("core")
    store.execute("CREATE TABLE core.s(a)")
    heard.error = RuntimeError("the journal is full")
    for act in (lambda: store.execute("INSERT INTO core.s VALUES (1)"),
                lambda: store.executemany("INSERT INTO core.s VALUES (?)", [(1,)])):
        with pytest.raises(RuntimeError, match="the journal is full"):
            act()
    heard.error = None
    assert store.execute("SELECT * FROM core.s") == []


def test_a_transaction_is_kept_whole_or_not_at_all(store: LocalStore, heard: Heard) -> None:
    store.attach("core")
    store.execute("CREATE TABLE core.t (x INTEGER NOT NULL)")
    before = len(heard.statements)
    with store.transaction():
        store.execute("INSERT INTO core.t VALUES (1)")
        assert store.executemany("INSERT INTO core.t VALUES (?)", [(2,), (3,)]) == 2
        assert len(heard.statements) == before, "told when they are kept, and not before"
    assert heard.statements[before:] == [("INSERT INTO core.t VALUES (1)", 1), ("INSERT INTO core.t VALUES (?)", 2)]
    with pytest.raises(sqlite3.IntegrityError), store.transaction():
        store.execute("DELETE FROM core.t")
        store.execute("INSERT INTO core.t VALUES (NULL)")
    heard.error = RunError("PAI033", "the journal is full")
    with pytest.raises(RunError), store.transaction():
        store.execute("DELETE FROM core.t")
    heard.error = None
    with pytest.raises(sqlite3.ProgrammingError, match="open already"), store.transaction(), store.transaction():
        pass
    assert store.execute("SELECT count(*) FROM core.t") == [(3,)]
    assert [sql for sql, _ in heard.statements[before + 2:]] == ["DELETE FROM core.t", "SELECT count(*) FROM core.t"]


@pytest.mark.parametrize("name", ["", "a b", "main", "temp", "../x", 'a"b', "x;y"])
def test_names_of_databases(store: LocalStore, name: str) -> None:
    with pytest.raises(InputError, match="PAI022"):
        store.attach(name)


def test_an_authorizer_is_asked_and_obeyed(store: LocalStore) -> None:
    store.attach("core")
    store.execute("CREATE TABLE core.s(a)")
    store.connection.set_authorizer(
        lambda action, *_: sqlite3.SQLITE_DENY if action == sqlite3.SQLITE_INSERT else sqlite3.SQLITE_OK)
    with pytest.raises(sqlite3.DatabaseError, match="not authorized"):
        store.execute("INSERT INTO core.s VALUES (1)")
    store.connection.set_authorizer(None)
    assert store.execute("INSERT INTO core.s VALUES (1)") == [(1,)]


def test_threads_take_turns(store: LocalStore) -> None:
    store.attach("core")
    store.execute("CREATE TABLE core.s(a)")

    def write() -> None:
        for number in range(50):
            store.execute("INSERT INTO core.s VALUES (?)", (number,))

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.execute("SELECT count(*) FROM core.s") == [(200,)]


def test_the_journal_sees_what_the_store_does(tmp_path: Path) -> None:
    """The real tap below the real store, with an authorizer set that denies every further read of its own."""
    journal = Journal(tmp_path / "warehouse.db", "warehouse")
    store = LocalStore(tmp_path / "data", journal)
    store.attach("core")
    store.attach("ads")
    store.execute("CREATE TABLE core.s(a, b)")
    store.executemany("INSERT INTO core.s VALUES (?, ?)", [(1, 2), (3, 4)])
    heard: list[str] = []

    def note(action: int, one: str | None, *_: Any) -> int:
        heard.append(f"{action} {one}")
        return sqlite3.SQLITE_DENY if action == sqlite3.SQLITE_PRAGMA else sqlite3.SQLITE_OK

    store.connection.set_authorizer(note)
    store.execute("SELECT a FROM core.s WHERE b = ?", (4,))
    assert set(heard) == {f"{sqlite3.SQLITE_SELECT} None", f"{sqlite3.SQLITE_READ} s",
                          f"{sqlite3.SQLITE_TRANSACTION} BEGIN", f"{sqlite3.SQLITE_TRANSACTION} COMMIT"}
    store.connection.set_authorizer(None)
    store.execute("CREATE TABLE ads.out AS SELECT a FROM core.s")
    store.execute("DROP TABLE core.s")
    store.close()
    journal.close()
    assert [(one.op, one.locator, one.detail["columns"], one.rows) for one in Journal.read(journal.path)] == [
        ("write", "sql:core.s", ["a", "b"], 2), ("read", "sql:core.s", ["a", "b"], 1),
        ("read", "sql:core.s", ["a"], 2), ("write", "sql:ads.out", ["a"], 2)]


def test_pieces_are_appends_of_their_own_under_one_sync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard, synced = Heard(), []
    store = LocalStore(tmp_path, heard)
    store.append("queue/c/1.log", b"first")
    plain = os.fsync
    monkeypatch.setattr(os, "fsync", lambda handle: (synced.append(handle), plain(handle))[1])
    store.append("queue/c/1.log", b"one", b"two!")
    assert len(synced) == 1 and heard.files[1:] == [("write", "queue/c/1.log", 3), ("write", "queue/c/1.log", 4)]
    assert store.read("queue/c/1.log", 5, 4) == b"onet" and store.read("queue/c/1.log", 8) == b"two!"


def test_a_folder_is_listed_and_a_file_removed(tmp_path: Path) -> None:
    store = LocalStore(tmp_path, Heard())
    assert store.names("queue") == []
    for name in ("b", "a", "inner/c"):
        store.append(f"queue/{name}", b"x")
    assert store.names("queue") == ["a", "b"]
    store.remove("queue/a")
    store.remove("queue/a")
    assert store.names("queue") == ["b"]
    with pytest.raises(InputError):
        store.remove("../elsewhere")
    with pytest.raises(RunError):
        store.remove("queue/inner")
