"""An export: read strictly, judged before a row moves, written by workers, listed with what is missing."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from lineage.discover import exports as declared_exports
from lineage.enforce.guard import Guard
from lineage.enforce.requirement import Requirement, load
from lineage.enforce.rules import Rules
from lineage.enforce.tokens import Grant, Signer, Verifier
from lineage.errors import InputError, PolicyDenied, RunError
from lineage.model import Label
from lineage.privacylib import PrivacyLib
from protos import policy_pb2_grpc
from services.warehouse import catalog, export, part
from services.warehouse.consent import Consent, Visible
from services.warehouse.exporter import Exporter
from services.warehouse.service import EXPORTS, TABLES
from sim.stack.deployment import ROOT
from tests.services.fakes import KEY, FakePolicy, FakeStore, Recorder, serving, stub

TABLES_OF = catalog.load(TABLES)
TEXT = (EXPORTS / "daily_answers.yaml").read_text()
REQUIREMENT: Requirement = load(ROOT / "scenarios/requirements/glasses-interaction-purpose.yaml")
GLASSES = ("GLASSES_INTERACTION",)


def test_the_bundled_export() -> None:
    found = export.find(EXPORTS, "daily_answers", TABLES_OF)
    assert (found.activity, found.output, found.parts) == ("job:daily_answers", "file:exports/daily_answers", 4)
    assert found.part(3) == "exports/daily_answers/part-00003.jsonl"
    assert found.labels == {"ds": Label("", GLASSES, "date"), "utterance": Label("user.utterance", GLASSES),
                            "answer": Label("user.answer", GLASSES)}
    declared = declared_exports.parse(TEXT, "x")
    assert {(edge.source, edge.target) for edge in declared_exports.declared_edges(declared)} == {
        (f"warehouse:core.daily_sessions#{name}", target) for name in found.columns
        for target in (f"{found.output}#{name}", found.activity)}


@pytest.mark.parametrize(("old", "new", "where", "what"), [
    ("parts: 4", "parts: 0", "x:7", "1 or more"), ("parts: 4", "parts: 65", "x:7", "at most 64"),
    ("parts: 4", "part: 4", "x:7", "did you mean 'parts'"),
    ("purpose: assistance\n", "", "x:2", "'purpose' is missing"),
    ("core.daily_sessions", "core.none", "x:5", "no table"), ("[ds,", "[nose,", "x:6", "no column 'nose'"),
    ("[ds,", "[ds, ds,", "x:6", "named twice"), ("export: daily_answers", "export: ../x", "x:2", "a name of a-z"),
    ("[ds, utterance, answer]", "[]", "x:6", "is empty"),
])
def test_a_malformed_export_is_refused_with_its_line(old: str, new: str, where: str, what: str) -> None:
    assert old in TEXT
    with pytest.raises(InputError) as caught:
        export.parse(TEXT.replace(old, new, 1), "x", TABLES_OF)
    assert (caught.value.code, caught.value.where) == ("PAI022", where) and what in caught.value.what


@pytest.mark.parametrize("name", ["none", "../exports/daily_answers", "", "A"])
def test_an_export_that_is_not_there(name: str) -> None:
    with pytest.raises(InputError, match="there are daily_answers"):
        export.find(EXPORTS, name, TABLES_OF)


def test_a_file_is_named_like_its_export(tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text(TEXT)
    with pytest.raises(InputError, match="'daily_answers'"):
        export.find(tmp_path, "other", TABLES_OF)


@pytest.mark.parametrize("text", ["", "[]", "export: x", "export: x\npurpose: p\ntable: t\ncolumns: 7", "a: ["])
def test_declared_lineage_refuses_what_is_no_export(text: str) -> None:
    with pytest.raises(InputError) as caught:
        declared_exports.parse(text, "x")
    assert caught.value.code == "PAI022"


class Hands:
    """Workers in this very process; those in ``dead`` have died."""

    def __init__(self, lib: PrivacyLib, store: FakeStore, *dead: int) -> None:
        self.lib, self.store, self.dead = lib, store, dead
        self.tasks: list[Mapping[str, Any]] = []

    async def run(self, tasks: Sequence[Mapping[str, Any]]) -> list[dict[str, Any] | None]:
        self.tasks = json.loads(json.dumps(tasks))  # as it would travel
        return [None if task["part"] in self.dead else part.write(self.lib, self.store, task) for task in self.tasks]


class Bench:
    def __init__(self, exporter: Exporter, lib: PrivacyLib, store: FakeStore, seen: Recorder, hands: Hands) -> None:
        self.exporter, self.lib, self.store, self.seen, self.hands = exporter, lib, store, seen, hands

    async def run(self, name: str = "daily_answers") -> Any:
        with self.lib.scope(key=KEY):
            return await self.exporter.run(name)


@asynccontextmanager
async def bench(folder: Path, *dead: int, forbid: str = "", exports: Path = EXPORTS) -> AsyncIterator[Bench]:
    policy, seen, store = FakePolicy(forbid), Recorder(), FakeStore(folder)
    lib = PrivacyLib("warehouse", [seen])
    store.attach("core")
    store.execute(TABLES_OF["core.daily_sessions"].ddl)
    store.executemany("INSERT INTO core.daily_sessions VALUES ('2026-01-05', ?, 'w', ?, 'a\ud83d\ude00', 'US', '')"
                      .encode("utf-16", "surrogatepass").decode("utf-16"), [(f"s{n}", f"q{n}") for n in range(10)])
    hands = Hands(PrivacyLib("warehouse-0", [seen]), store, *dead)
    hands.store.attach = lambda database: None  # type: ignore[method-assign]
    async with serving(lambda s: policy_pb2_grpc.add_PolicyServicer_to_server(policy, s)) as address:
        async with stub(policy_pb2_grpc.PolicyStub, address, lib) as to_policy:
            exporter = Exporter(lib, store, to_policy, TABLES_OF, exports, hands, Consent(lib, to_policy))
            yield Bench(exporter, lib, store, seen, hands)


def manifest(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "exports/daily_answers/manifest.json").read_text())
    return found


async def test_every_row_is_in_exactly_one_part(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        assert await b.run() == (10, 4, 4, "file:exports/daily_answers")
        lines = [json.loads(line) for number in range(4)
                 for line in (tmp_path / f"exports/daily_answers/part-{number:05d}.jsonl").read_text().splitlines()]
        assert sorted(line["utterance"] for line in lines) == sorted(f"q{n}" for n in range(10))
        assert {frozenset(line) for line in lines} == {frozenset({"ds", "utterance", "answer"})}
        writes = b.seen.of("write", "file:exports/daily_answers")
        assert [op.detail.get("part") for op in writes] == [[0, 4], [1, 4], [2, 4], [3, 4], None]
        assert {op.context.key for op in writes} == {KEY}
        assert {op.context.activity for op in writes} == {"job:daily_answers"}
        assert all(op.context.claims == b"token" for op in b.seen.of("read", "warehouse:"))
        assert manifest(tmp_path)["missing"] == [] and sorted(manifest(tmp_path)["digests"]) == ["0", "1", "2", "3"]


async def test_a_dead_worker_leaves_a_hole_that_is_said(tmp_path: Path) -> None:
    async with bench(tmp_path, 1, 3) as b:
        done = await b.run()
        assert (done.parts, done.written) == (4, 2) and done.rows < 10
        assert manifest(tmp_path)["missing"] == [1, 3]


async def test_a_forbidden_export_moves_no_row(tmp_path: Path) -> None:
    async with bench(tmp_path, forbid="assistance") as b:
        with pytest.raises(PolicyDenied):
            await b.run()
        assert b.hands.tasks == [] and not (tmp_path / "exports").exists()
        assert b.seen.of("read", "warehouse:") == []


async def test_without_workers_nothing_is_exported(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        b.exporter._workers = None
        with pytest.raises(RunError, match="no workers"):
            await b.run()


async def test_a_part_that_was_changed_after_it_was_written_is_noticed(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        run = b.hands.run

        async def tampered(tasks: Sequence[Mapping[str, Any]]) -> list[dict[str, Any] | None]:
            answers = await run(tasks)
            (tmp_path / "exports/daily_answers/part-00002.jsonl").write_text("{}\n")
            return answers

        b.hands.run = tampered  # type: ignore[method-assign]
        with pytest.raises(RunError, match="part 2 was changed"):
            await b.run()
        assert not (tmp_path / "exports/daily_answers/manifest.json").exists()


@pytest.mark.parametrize(("activity", "allowed"), [("job:daily_answers", True), ("job:other", False), ("", False)])
def test_a_workers_guard_judges_the_token_that_came_along(tmp_path: Path, activity: str, allowed: bool) -> None:
    """The worker is a boundary of its own: a task alone does not let it read."""
    found = export.find(EXPORTS, "daily_answers", TABLES_OF)
    signer, rules = Signer("1"), Rules([REQUIREMENT])
    inputs = tuple(f"warehouse:core.daily_sessions#{name}" for name in found.columns)
    token = signer.sign(Grant("warehouse", "assistance", activity, inputs, rules.versions)) if activity else b""
    lib, store = PrivacyLib("warehouse", []), FakeStore(tmp_path)
    store.attach("core")
    store.execute(TABLES_OF["core.daily_sessions"].ddl)
    store.attach = lambda database: None  # type: ignore[method-assign]
    with lib.scope(key=KEY), lib.activity(found.activity, purpose="assistance", claims=token):
        task = part.task(found, 0, lib.baggage(), Visible({}, frozenset()))
    worker = PrivacyLib("warehouse-0", [Guard(rules, Verifier(signer.public_key))])
    if allowed:
        assert part.write(worker, store, task)["rows"] == 0
    else:
        with pytest.raises(PolicyDenied) as caught:
            part.write(worker, store, task)
        assert caught.value.code == "PAI303" and not (tmp_path / "exports").exists()


def test_a_part_leaves_out_who_has_withdrawn(tmp_path: Path) -> None:
    found = export.find(EXPORTS, "daily_answers", TABLES_OF)
    seen = Recorder()
    lib, store = PrivacyLib("warehouse", [seen]), FakeStore(tmp_path)
    store.attach("core")
    store.execute(TABLES_OF["core.daily_sessions"].ddl)
    store.executemany("INSERT INTO core.daily_sessions VALUES ('2026-01-05', ?, ?, 'q', 'a', 'US', '')",
                      [(f"s{n}", f"w{n % 3}") for n in range(9)])
    store.attach = lambda database: None  # type: ignore[method-assign]
    one = Visible({"core.daily_sessions": "wearer"}, frozenset({"w1", "' OR 1"}))
    with lib.scope(key=KEY):
        tasks = [part.task(found, number, lib.baggage(), one) for number in range(found.parts)]
        assert sum(part.write(lib, store, task)["rows"] for task in tasks) == 6
    assert all("wearer" in op.fields for op in seen.of("read", "warehouse:"))
