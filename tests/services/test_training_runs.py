"""Runs besides plain training: what each reads, whose labels it has, and what it writes."""

from __future__ import annotations

import json
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from lineage import dsse
from lineage.discover import manifests as declaring
from lineage.errors import InputError
from lineage.model import Label
from services import checkpoint as checkpoints
from services import lookup
from services import model as models
from services.training.manifest import parse
from services.training.runs import DISTILLATION, FINE_TUNE, RUNS
from tests.services.fakes import KEYS
from tests.services.test_training import BASE, EVAL, TABLE, bench, executed, full_at_the_manifest

HEAD = "name: run\nversion: 1\nowner: o\npurpose: assistance\nregion: EU\n"
TUNE = HEAD + ("inputs:\n  - {checkpoint: assistant}\n  - {corpus: landmarks}\nparameters: {times: 2}\n"
               "output: assistant\n")
CHECK = HEAD + ("run: evaluate\ninputs:\n  - {checkpoint: assistant@1}\n"
                f"  - {{table: {TABLE}, columns: [utterance, answer, region], where: \"wearer = 'wearer 1'\"}}\n"
                "ask: {from: [utterance], to: answer, row: region}\noutput: check\n")
EXTRACT = HEAD + ("run: extract\ninputs:\n  - {checkpoint: assistant}\n"
                  f"  - {{table: {TABLE}, columns: [utterance, region]}}\n"
                  "ask: {from: [utterance], to: topic, row: region}\noutput: topics\n")
STUDENT = HEAD + ("inputs:\n  - {answers_of: assistant, prompts: {table: " + TABLE + ", column: utterance}}\n"
                  "output: student\n")
INDEX = HEAD + ("run: index\nmodel: index\ninputs:\n  - {checkpoint: embedder}\n"
                f"  - {{table: {TABLE}, columns: [utterance, answer]}}\n"
                "parameters: {least: 50}\nlearn: {from: [utterance], to: answer}\noutput: known\nserve: true\n")
BASES = f"warehouse:{TABLE}#"


def inputs(admitted: Any) -> dict[str, list[str]]:
    return {item.asset: list(item.annotations) for item in admitted.inputs}


async def test_a_fine_tune_goes_on_from_the_weights_and_has_their_labels(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        await b.train(EVAL)
        first = models.loads((tmp_path / checkpoints.weights_path("assistant@1")).read_bytes())
        made = await b.train(TUNE)
        assert (made.checkpoint, made.rows) == ("assistant@2", 25)
        assert inputs(b.policy.admitted[1]) == {"checkpoint:assistant#weights@1": ["GLASSES_INTERACTION"],
                                                "file:corpus/landmarks.tsv": []}
        data = (tmp_path / checkpoints.weights_path("assistant@2")).read_bytes()
        tuned = models.loads(data)
        assert tuned.rows == first.rows + 2 * 25 and tuned.answer("utterance 1") == "answer 1"
        write = b.seen.of("write", "checkpoint:assistant@2")[0]
        assert dict(write.links)["weights"] == ("file:corpus/landmarks.tsv", "checkpoint:assistant#weights@1")
        assert write.detail["kinds"] == {"checkpoint:assistant#weights@1": FINE_TUNE}
        found = checkpoints.stated(dsse.opened((tmp_path / checkpoints.manifest_path("assistant@2")).read_bytes(),
                                               KEYS), "x")
        assert found.annotations == ("GLASSES_INTERACTION",) and found.executed["parameters"] == {"times": 2}
        assert found.executed["inputs"][-1] == {"asset": "checkpoint:assistant@1",
                                                "sha256": checkpoints.digest(first.dumps()),
                                                "manifest": executed(tmp_path, "assistant@1").manifest_digest}


@pytest.mark.parametrize(("checkpoint", "code", "what"), [
    ("assistant@2", "PAI028", "a version of its own output that no run has made: the newest is assistant@1"),
    ("other@1", "PAI029", "the newest is none"), ("sign_reader", "PAI029", "a model of the kind 'signs'")])
async def test_a_base_that_cannot_be_gone_on_from(tmp_path: Path, checkpoint: str, code: str, what: str) -> None:
    signs = HEAD + "model: signs\ninputs: [{corpus: characters}]\noutput: sign_reader\n"
    async with bench(tmp_path) as b:
        await b.train(BASE)
        await b.train(signs)
        error = await b.refused(TUNE.replace("checkpoint: assistant", f"checkpoint: {checkpoint}"))
        assert (error.code, error.where) == (code, "manifest:7") and what in error.what
        assert len(b.policy.admitted) == 2, "nobody was asked"


async def test_weights_that_were_changed_are_not_gone_on_from(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        await b.train(BASE)
        path = tmp_path / checkpoints.weights_path("assistant@1")
        path.write_bytes(models.train([("a", "b")]).dumps())
        assert (await b.refused(TUNE)).code == "PAI331"
        manifest = tmp_path / checkpoints.manifest_path("assistant@1")
        manifest.write_bytes(manifest.read_bytes().replace(b'"sig": "', b'"sig": "A'))
        assert (await b.refused(TUNE)).code == "PAI330"
        assert not (tmp_path / checkpoints.weights_path("assistant@2")).exists()


async def test_a_student_asks_its_teacher_and_inherits(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        await b.train(EVAL)
        made = await b.train(STUDENT)
        assert (made.checkpoint, made.rows) == ("student@1", 2)
        assert inputs(b.policy.admitted[1]) == {name: ["GLASSES_INTERACTION"] for name in (
            "checkpoint:assistant#weights@1", "rpc:inference.Generate.response#answer", f"{BASES}utterance",
            f"{BASES}_key")}
        assert [(one.model, one.prompt) for one in b.inference.asked] == [
            ("assistant@1", "utterance 0"), ("assistant@1", "utterance 1")]
        (call, _) = b.seen.of("call", "rpc:inference.Generate")
        assert dict(call.links)["prompt"] == (f"rpc:warehouse.Read.response#{TABLE}.utterance",)
        assert call.context.activity == "training:run"
        write = b.seen.of("write", "checkpoint:student@1")[0]
        assert write.detail["kinds"] == {"rpc:inference.Generate.response#answer": DISTILLATION}
        student = models.loads((tmp_path / checkpoints.weights_path("student@1")).read_bytes())
        assert student.answer("utterance 1") == "utterance 1, says the teacher"


async def test_another_teacher_than_the_admitted_one_teaches_nothing(tmp_path: Path) -> None:
    async with bench(tmp_path, answering="assistant@7") as b:
        await b.train(EVAL)
        error = await b.refused(STUDENT)
        assert error.code == "PAI029" and "assistant@7 answered in the place of assistant@1" in error.what
        assert not (tmp_path / checkpoints.weights_path("student@1")).exists()


@pytest.mark.parametrize("manifest", [TUNE, STUDENT, CHECK, EXTRACT])
@pytest.mark.parametrize("later", [False, True])
async def test_a_checkpoint_whose_rows_were_withdrawn_is_no_base_no_teacher_and_is_not_asked(
        tmp_path: Path, manifest: str, later: bool) -> None:
    """``later``: while the run reads."""
    async with bench(tmp_path) as b:
        b.warehouse.whose = ["w-1", "w-2"]
        await b.train(EVAL)
        b.warehouse.whose = []
        b.policy.withdrawn = [] if later else ["w-2"]
        b.policy.then = ["w-2"] if later else []
        assert (await b.refused(manifest)).code == "PAI334"
        assert len(b.policy.admitted) == 1 + later and not b.seen.of("read", "checkpoint:assistant@1")[1 + later:]
        made = ("checkpoint:assistant@2", "checkpoint:student", "file:reports/", "feature:")
        assert not any(b.seen.of("write", name) for name in made)


@pytest.mark.parametrize(("manifest", "made"), [(CHECK, "file:reports/check@1"), (EXTRACT, "feature:topics@1")])
async def test_what_is_told_of_a_models_rows_is_told_by_whoever_asks_it(
        tmp_path: Path, manifest: str, made: str) -> None:
    async with bench(tmp_path) as b:
        b.warehouse.whose = ["w-1", "w-2"]
        await b.train(EVAL)
        b.warehouse.whose = []
        await b.train(manifest)
        write = b.seen.of("write", made)[-1]
        assert "checkpoint:assistant#manifest@1" in dict(write.links)["manifest"]
        assert write.lib.label(made, "manifest") == Label("user.identifier", ("GLASSES_INTERACTION",))


async def test_a_base_is_asked_about_for_its_own_purpose_and_for_the_runs(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        await b.train(EVAL)
        b.policy.rechecked.clear()
        await b.train(TUNE.replace("purpose: assistance", "purpose: safety"))
        assert [(one.admitted.activity, one.admitted.purpose) for one in b.policy.rechecked] == [
            ("training:assistant_eval", "assistance"), ("training:assistant_eval", "safety"),
            ("training:assistant_eval", "assistance"), ("training:assistant_eval", "safety"),
            ("training:run", "safety")]
        assert {one.at for one in b.policy.rechecked} == {"registration"}


async def test_an_evaluation_writes_a_report_with_labels(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        await b.train(EVAL)
        made = await b.train(CHECK)
        assert (made.output, made.rows, made.checkpoint) == ("file:reports/check@1", 2, "")
        ((request, _),) = b.warehouse.read[1:]
        assert (list(request.columns), request.where) == (["utterance", "answer", "region"], "wearer = 'wearer 1'")
        # What a condition looks at is used, too, and so it has to be admitted.
        assert f"{BASES}wearer" in inputs(b.policy.admitted[1])
        data = (tmp_path / "reports/check@1/report.json").read_bytes()
        report = json.loads(data)
        assert report["figures"] == {"rows": 2, "exact": 1.0, "overlap": 1.0}
        assert report["rows"][0] == {"row": "region 0", "answer": "answer 0", "right": True}
        write, manifest = b.seen.of("write", "file:reports/check@1")
        links = dict(write.links)
        assert links["row"] == (f"rpc:warehouse.Read.response#{TABLE}.region",)
        assert f"rpc:warehouse.Read.response#{TABLE}.answer" in set(links["figures"]) - set(links["answer"])
        assert set(write.detail["kinds"].values()) == {"evaluation"} and manifest.fields == ("manifest",)
        assert write.lib.label("file:reports/check@1", "answer") == Label("user", ("GLASSES_INTERACTION",))
        statement = dsse.opened((tmp_path / "reports/check@1/manifest.json").read_bytes(), KEYS)
        assert statement["subject"] == [{"name": "file:reports/check@1", "digest": {"sha256": made.digest}}]
        assert statement["predicate"]["inputs"][0]["where"] == "wearer = 'wearer 1'"
        assert (await b.train(CHECK)).output == "file:reports/check@2"
        assert (tmp_path / "reports/check@2/report.json").read_bytes() == data, "the same rows give the same report"


async def test_an_extraction_writes_a_row_for_each_row(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        await b.train(EVAL)
        assert (await b.train(EXTRACT)).output == "feature:topics@1"
        lines = (tmp_path / "features/topics@1/rows.jsonl").read_text().splitlines()
        assert [json.loads(line) for line in lines] == [
            {"row": f"region {n}", "topic": f"answer {n}"} for n in range(2)]
        write = b.seen.of("write", "feature:topics@1")[0]
        assert write.keys == tuple(f"{n:032x}" for n in range(2)) and write.rows == 2
        assert "checkpoint:assistant#weights@1" in dict(write.links)["topic"]


@pytest.mark.parametrize(("manifest", "made", "data"), [
    (EXTRACT, "feature:topics", "features/topics@1/rows.jsonl"),
    (CHECK, "file:reports/check", "reports/check@1/report.json")])
@pytest.mark.parametrize("in_place", [False, True])
async def test_half_made_features_and_reports_are_none_and_go(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, manifest: str, made: str, data: str, in_place: bool) -> None:
    async with bench(tmp_path) as b:
        await b.train(EVAL)
        full_at_the_manifest(b.store, monkeypatch, in_place=in_place)
        assert (await b.refused(manifest)).code == "PAI033" and b.store.names(data.rpartition("/")[0]) == []
        monkeypatch.undo()
        assert (await b.train(manifest)).output == f"{made}@1", "its version is free"
        half = data.replace("@1", "@2")
        b.store.write(half, b"of a run that was killed")
        assert (await b.train(manifest)).output == f"{made}@3", "nothing is written over"
        part = half.replace("@2", "@4").rpartition("/")[0]
        b.store.write(f"{part}/.writing-1", b"of a run that was killed over the file")
        await b.service.start()
        assert b.store.exists(data) and b.store.exists(half) and b.store.names(part) == [], "it may have had a manifest"
        b.store.write(half.replace(data.rpartition("/")[2], ".writing-2"), b"killed over the manifest")
        await b.service.start()
        assert b.store.exists(data) and not b.store.exists(half)


async def test_an_index_begins_with_an_embedder_and_holds_the_rows(tmp_path: Path) -> None:
    embedder = HEAD + "model: embedding\ninputs: [{corpus: landmarks}]\noutput: embedder\n"
    async with bench(tmp_path) as b:
        await b.train(EVAL)
        assert (await b.refused(INDEX)).code == "PAI029", "there is no embedder"
        await b.train(embedder)
        made = await b.train(INDEX)
        assert (made.checkpoint, made.serving) == ("known@1", True) and b.inference.loaded[-1].checkpoint == "known@1"
        found = lookup.loads((tmp_path / checkpoints.weights_path("known@1")).read_bytes()).nearest("utterance 1?")
        assert found is not None and found.text == "answer 1"
        write = b.seen.of("write", "checkpoint:known@1")[0]
        assert set(write.detail["kinds"].values()) == {"embedding_index"}
        assert set(write.detail["kinds"]) == {"checkpoint:embedder#weights@1", *(
            f"rpc:warehouse.Read.response#{TABLE}.{column}" for column in ("utterance", "answer"))}
        statement = dsse.opened((tmp_path / checkpoints.manifest_path("known@1")).read_bytes(), KEYS)
        said = checkpoints.stated(statement, "x")
        assert said.kind == "index" and said.annotations == ("GLASSES_INTERACTION",)
        wrong = INDEX.replace("checkpoint: embedder", "checkpoint: assistant")
        assert "a model of the kind 'text'" in (await b.refused(wrong)).what


@pytest.mark.parametrize(("manifest", "old", "new", "line", "what"), [
    (CHECK, "  - {checkpoint: assistant@1}\n", "", 7, "needs the checkpoint that is asked"),
    (CHECK, "ask:", "learn:", 10, "says ask, and not learn"), (CHECK, "run: evaluate", "run: evaluat", 6, "no run"),
    (CHECK, "row: region", "row: wearer", 10, "no input of"), (CHECK, "output: check", "output: c\nserve: true", 12,
                                                                "nothing that could be served"),
    (CHECK, "output: check", "output: c\nparameters: {times: 2}", 12, "has no parameters"),
    (CHECK, "assistant@1", "Assistant@1", 8, "names no checkpoint"),
    (CHECK, ", row: region", "", 10, "the key 'row' is missing"),
    (EXTRACT, "to: topic", "to: row", 10, "no new column"), (EXTRACT, "to: topic", "to: 'a b'", 10, "no new column"),
    (HEAD + "run: extract\ninputs:\n  - {checkpoint: assistant}\n  - {corpus: landmarks}\noutput: topics\n", "topics",
     "nameless", 1, "'' names no new column (ask: {to: column})"),
    (STUDENT, "{table: core.daily_sessions, column: utterance}", "{corpus: Landmarks}", 7, "lower-case"),
    (STUDENT, "answers_of", "answer_of", 7, "did you mean"),
    (STUDENT, "output", "run: index\noutput", 7, "a run that trains learns"),
    (INDEX, "model: index", "model: text", 7, "no model 'text'; there are index"),
    (TUNE, "region: EU", "region: EU\nmodel: index", 6, "no model 'index'; there are text"),
    (INDEX, "least: 50", "least: 101", 11, "1 to 100"),
    (TUNE, "  - {corpus: landmarks}\n", "", 6, "a checkpoint alone gives no rows"),
    (TUNE, "times: 2", "history: 2", 9, "unknown key 'history'"), (TUNE, "times: 2", "times: 200", 9, "1 to 100"),
    (TUNE, "{corpus: landmarks}", "{checkpoint: b}", 8, "one checkpoint"),
])
def test_a_malformed_manifest(manifest: str, old: str, new: str, line: int, what: str) -> None:
    assert old in manifest
    with pytest.raises(InputError) as caught:
        parse(manifest.replace(old, new, 1), "m.yaml")
    assert what in caught.value.what and caught.value.where == f"m.yaml:{line}"


def test_a_condition_is_refused_with_its_own_code_and_line() -> None:
    with pytest.raises(InputError) as caught:
        parse(CHECK.replace("wearer = 'wearer 1'", "wearer = 'a' or 1 = 1"), "m.yaml")
    assert (caught.value.code, caught.value.where) == ("PAI027", "m.yaml:9")


async def test_a_condition_has_to_fit_the_table(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        await b.train(BASE)
        error = await b.refused(CHECK.replace("wearer = ", "waerer = "))
        assert (error.code, error.where) == ("PAI027", "manifest:9") and len(b.policy.admitted) == 1


@pytest.mark.parametrize(("replace", "said"), [
    ("{core.a: core.a}", "core.a → core.a"),
    ("{core.a: core.b, core.b: core.c, core.c: core.a}", "core.a → core.b → core.c → core.a")])
def test_a_table_that_stands_for_itself_in_the_end_is_refused(replace: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        parse(TUNE + f"allow: [replace_table]\nreplace: {replace}\n", "m.yaml")
    assert (caught.value.code, caught.value.where) == ("PAI028", "m.yaml:12") and said in caught.value.what
    assert dict(parse(TUNE + "replace: {core.a: core.b, core.b: core.c}\n").replace) == {
        "core.a": "core.b", "core.b": "core.c"}


def test_what_runs_say_is_what_lineage_declares() -> None:
    assert {name: run.edge for name, run in RUNS.items()} == {name: declaring.KINDS[name][0] for name in RUNS}
    assert {name: run.makes for name, run in RUNS.items()} == {name: declaring.KINDS[name][1] for name in RUNS}
    assert (declaring.FINE_TUNE, declaring.DISTILLATION) == (FINE_TUNE, DISTILLATION)
    assert declaring.parse(CHECK, "m.yaml") == declaring.Manifest("training:run", "assistance", "file:reports/check",
        dict.fromkeys(("checkpoint:assistant#weights@1", *(
            f"{BASES}{column}" for column in ("utterance", "answer", "region", "wearer"))), frozenset({"evaluation"})))
    assert declaring.parse(TUNE, "m.yaml").sources == {
        "checkpoint:assistant#weights": {"fine_tune"}, "file:corpus/landmarks.tsv": set()}
    assert declaring.parse(STUDENT, "m.yaml").sources == {
        "checkpoint:assistant#weights": {"distillation"}, f"{BASES}utterance": set()}
    found = parse(TUNE)
    assert str(found.base) == "assistant" and found.parameters == MappingProxyType({"times": 2})


@pytest.mark.parametrize(("manifest", "made", "folder"), [
    (EXTRACT, "feature:topics", "features/topics"), (CHECK, "file:reports/check", "reports/check")])
async def test_a_withdrawal_while_a_model_is_asked_leaves_nothing(tmp_path: Path, manifest: str, made: str,
                                                                  folder: str) -> None:
    async with bench(tmp_path) as b:
        await b.train(BASE)
        b.warehouse.whose = ["w-1", "w-2"]
        b.policy.withdrawn = ["w-3"]
        await b.train(manifest)
        (asked,) = b.policy.rechecked
        assert (asked.at, asked.admitted.activity) == ("registration", "training:run")
        statement = dsse.opened((tmp_path / f"{folder}@1/manifest.json").read_bytes(), KEYS)
        assert statement["predicate"]["inputs"][0]["subjects"] == ["w-1", "w-2"]
        written = b.seen.of("write", f"{made}@1")[-1]
        assert written.lib.label(f"{made}@1", "manifest").category == "user.identifier"
        assert f"rpc:warehouse.Read.response#{TABLE}.wearer" in dict(written.links)["manifest"]
        b.policy.withdrawn = ["w-2"]
        assert (await b.refused(manifest)).code == "PAI334"
        assert len(b.warehouse.read) == 2, "it was read, and the model was asked"
        assert not b.seen.of("write", f"{made}@2") and not (tmp_path / f"{folder}@2").exists()


@pytest.mark.parametrize(("manifest", "made", "folder"), [
    (EXTRACT, "feature:topics", "features/topics"), (CHECK, "file:reports/check", "reports/check")])
async def test_a_version_of_features_and_reports_is_never_given_twice(tmp_path: Path, manifest: str, made: str,
                                                                      folder: str) -> None:
    async with bench(tmp_path) as b:
        await b.train(BASE)
        for version in (1, 2):
            assert (await b.train(manifest)).output == f"{made}@{version}"
        b.store.remove(f"{folder}@1/manifest.json")
        assert (await b.train(manifest)).output == f"{made}@3"
        b.store.remove(f"{folder}@3/manifest.json")
        assert (await b.train(manifest)).output == f"{made}@4", "nothing is written over"
        for file in b.store.names(f"{folder}@1"):
            b.store.remove(f"{folder}@1/{file}")
        assert (await b.train(manifest)).output == f"{made}@5"
