"""What a checkpoint was made of, put together from what several services signalled of one run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from lineage.discover.made import made
from lineage.model import Signal

RUN, OTHER, ASKED = "1" * 32, "2" * 32, "3" * 32
MODEL, BASE, TEACHER = "checkpoint:m@2", "checkpoint:m@1", "checkpoint:t@1"
UTTERANCE, ANSWER = "rpc:warehouse.Read.response#core.d.u", "rpc:inference.Generate.response#answer"


def signal(emitter: str, op: str, asset: str, *fields: str, keys: tuple[str, ...] = (RUN,), scope: str = "1",
           rows: int = 1, links: Mapping[str, tuple[str, ...]] | None = None, activity: str = "training:t",
           **detail: Any) -> Signal:
    return Signal(emitter, 0, op, asset, fields or tuple(links or ()), tuple((links or {}).items()),  # type: ignore[arg-type]
                  links is not None, keys=keys, scope=f"{emitter}-{scope}", activity=activity, purpose="assistance",
                  rows=rows, detail=detail)


def decided(id_: str, activity: str = "training:t", key: str = RUN) -> Signal:
    detail = {"id": id_, "activity": activity, "verdict": "allowed", "where": "gate", "requirements": ["one@2"],
              "reason": "permitted"}
    return replace(signal("policy", "decision", activity, keys=(key,)), detail=detail)


def run(*more: Signal, links: tuple[str, ...] = (UTTERANCE,), **detail: Any) -> list[Signal]:
    return [signal("training", "read", "rpc:training.Train.request", "manifest"),
            signal("warehouse", "read", "rpc:warehouse.Read.request", "table"),
            signal("warehouse", "read", "warehouse:core.d", "u", keys=("a", "b"), rows=2,
                   consent={"checked": 5, "withheld": 3}),
            *more, signal("training", "write", MODEL, links={"weights": links}, keys=("a", "b"), **detail),
            signal("training", "write", MODEL, "manifest")]


def test_tables_with_columns_rows_and_what_was_kept_back() -> None:
    (told,) = made(run(decided("d1"), decided("d2", "training:other"), decided("d3", key=OTHER)), MODEL)
    assert (told["activity"], told["purpose"]) == ("training:t", "assistance")
    assert told["tables"] == [{"asset": "warehouse:core.d", "columns": ["u"], "rows": 2,
                               "withheld": {"consent": 3, "origin": 0}}]
    assert told["decisions"] == [{"id": "d1", "verdict": "allowed", "where": "gate", "requirements": ["one@2"],
                                  "reason": "permitted"}]
    assert told["corpora"] == told["checkpoints"] == told["others"] == []


def test_a_base_a_corpus_and_a_teacher() -> None:
    asked = [signal("inference", "read", "rpc:inference.Generate.request", "prompt", scope="7", activity=""),
             signal("inference", "write", "rpc:inference.Generate.response", scope="7", activity="",
                    links={"answer": ("checkpoint:t#weights@1",)}),
             # Somebody else's question, answered by another.
             signal("inference", "read", "rpc:inference.Generate.request", "prompt", keys=(ASKED,), scope="8"),
             signal("inference", "write", "rpc:inference.Generate.response", keys=(ASKED,), scope="8",
                    links={"answer": ("checkpoint:x#weights@1",)})]
    corpus = signal("training", "read", "file:corpus/c.tsv", rows=25)
    (told,) = made(run(corpus, *asked, links=("file:corpus/c.tsv", "checkpoint:m#weights@1", ANSWER, "app:odd#x"),
                       kinds={"checkpoint:m#weights@1": "fine_tune", ANSWER: "distillation"}), MODEL)
    assert told["corpora"] == [{"asset": "file:corpus/c.tsv", "rows": 25}]
    assert told["checkpoints"] == [{"asset": BASE, "how": "fine_tune"}, {"asset": TEACHER, "how": "distillation"}]
    assert told["others"] == ["app:odd#x"] and told["tables"] == []


def test_another_run_of_the_same_activity_is_not_mixed_in() -> None:
    other = [signal("warehouse", "read", "rpc:warehouse.Read.request", "table", keys=(OTHER,), scope="2"),
             signal("warehouse", "read", "warehouse:core.d", "u", keys=("c",), rows=40, scope="2")]
    (told,) = made(run(*other), MODEL)
    assert told["tables"][0]["rows"] == 2


def test_what_no_signal_says_is_unknown() -> None:
    (told,) = made([signal("training", "write", MODEL, links={"weights": (UTTERANCE,)})], MODEL)
    assert told["tables"][0]["rows"] is None and told["decisions"] == []
    assert made(run(), BASE) == [] and made([signal("training", "write", MODEL, "manifest")], MODEL) == []
