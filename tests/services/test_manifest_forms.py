"""Any manifest, made at random: refused in one way, or read alike by training and by lineage."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from lineage.discover import manifests as declaring
from lineage.errors import InputError
from services.training.manifest import Manifest, parse
from services.training.runs import RUNS

columns = st.lists(st.sampled_from(("utterance", "answer", "region", "session")), min_size=1, max_size=4, unique=True)
wheres = st.sampled_from(("region = 'NO'", "ds >= '2026-01-05' and wearer is not null"))
tables = st.fixed_dictionaries({"table": st.sampled_from(("core.a", "ml.b")), "columns": columns},
                               optional={"where": wheres})
corpora = st.fixed_dictionaries({"corpus": st.sampled_from(("landmarks", "cards"))})
checkpoints = st.sampled_from(("assistant", "assistant@2", "embedder"))
prompts = corpora | st.fixed_dictionaries({"table": st.just("core.c"), "column": st.just("asked")},
                                          optional={"where": wheres})
inputs = st.lists(tables | corpora | st.fixed_dictionaries({"checkpoint": checkpoints})
                  | st.fixed_dictionaries({"answers_of": checkpoints, "prompts": prompts}), min_size=1, max_size=3)
said = st.fixed_dictionaries({"from": columns, "to": st.sampled_from(("answer", "topic"))},
                             optional={"row": st.just("session")})
manifests = st.fixed_dictionaries(
    {"name": st.just("m"), "version": st.just(1), "owner": st.just("o"), "purpose": st.just("assistance"),
     "output": st.just("made"), "inputs": inputs},
    optional={"run": st.sampled_from(tuple(RUNS)), "learn": said, "ask": said, "serve": st.booleans(),
              "parameters": st.dictionaries(st.sampled_from(("history", "times", "least")), st.integers(0, 70))})
scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=9) | st.floats(allow_nan=False)
anything = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
    st.sampled_from(("table", "columns", "where", "corpus", "checkpoint", "answers_of", "prompts", "from", "to")),
    inner, max_size=3), max_leaves=8)


def text_of(manifest: dict[str, Any]) -> str:
    out = io.StringIO()
    YAML(typ="safe").dump(manifest, out)
    return out.getvalue()


def read(manifest: dict[str, Any]) -> Manifest | None:
    """None where it is refused as it should be."""
    try:
        return parse(text_of(manifest), "m.yaml")
    except InputError as error:
        assert error.code in ("PAI020", "PAI027") and error.where.startswith("m.yaml:")
        return None


def used(manifest: Manifest) -> set[str]:
    """The names of what a run reads, but for the version of a checkpoint that is not said."""
    named = {f"checkpoint:{one.name}#weights{f'@{one.version}' if one.version else ''}"
             for one in (manifest.base, manifest.teacher) if one}
    return {*named, *(corpus.asset for corpus in manifest.corpora),
            *(f"warehouse:{item.table}#{column}" for item in manifest.tables for column in item.used)}


@settings(max_examples=100, deadline=None)
@given(manifests)
def test_lineage_declares_what_training_reads(manifest: dict[str, Any]) -> None:
    if (found := read(manifest)) is None:
        return
    declared = declaring.parse(text_of(manifest), "m.yaml")
    assert set(declared.sources) == used(found) and declared.activity == found.activity
    kinds = frozenset[str]().union(*declared.sources.values())
    edge = RUNS[found.run].edge
    assert kinds == ({edge} if edge else {name for name, one in (("fine_tune", found.base), (
        "distillation", found.teacher)) if one is not None})


@settings(max_examples=60, deadline=None)
@given(manifests, st.sampled_from(("inputs", "learn", "ask", "parameters", "run", "output", "serve")), anything)
def test_a_key_of_any_other_kind_is_refused_with_its_place(manifest: dict[str, Any], key: str, value: object) -> None:
    read({**manifest, key: value})


@pytest.mark.parametrize("run", RUNS)
def test_every_run_has_a_manifest_that_is_read(run: str) -> None:
    """So that what is said above of manifests that are read is not said of none."""
    ask = {"from": ["utterance"], "to": "answer", "row": "session"}
    base = {"name": "m", "version": 1, "owner": "o", "purpose": "p", "output": "made", "run": run, "inputs": [
        {"table": "core.a", "columns": ["session", "utterance", "answer"], "where": "region = 'NO'"},
        *([{"checkpoint": "assistant"}] if RUNS[run].base else [])]}
    learn = {key: value for key, value in ask.items() if key != "row"}
    found = read({**base, **({"ask": ask} if RUNS[run].asks else {"learn": learn})})
    assert found is not None and found.run == run
