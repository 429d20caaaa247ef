"""[D] Declared lineage of training: a manifest says which columns a run uses, and what it makes.

A run of another kind than plain training says so in its edges' evidence (``KINDS``), declared and observed alike: the
weights that a fine-tune goes on from, a teacher's answers, what a model was asked for a report or a feature, the texts
of an index.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from lineage.condition import parse as condition
from lineage.errors import InputError
from lineage.model import Edge
from lineage.yaml_file import tree

# Run → the kind of its edges, and what it makes.
KINDS = {"train": ("", "checkpoint:"), "evaluate": ("evaluation", "file:reports/"),
         "extract": ("feature_extraction", "feature:"), "index": ("embedding_index", "checkpoint:")}
FINE_TUNE, DISTILLATION = "fine_tune", "distillation"
# Of a table that another one may stand for, and of that one: which of the two is read, is decided when it runs.
REMEDY = "remedy"


class Manifest(NamedTuple):
    """``sources``: the names of the inputs → the kinds of work that their edges are, none for plain training;
    ``output``: what is made, whose version is not known yet."""

    activity: str
    purpose: str
    output: str
    sources: dict[str, frozenset[str]]


def parse(text: str, where: str) -> Manifest:
    """What lineage needs of a manifest.  Raises InputError (PAI020, PAI027); the training service checks the rest."""
    manifest = tree(text, "PAI020", where)
    try:
        run = manifest.get("run", "train")
        if run not in KINDS:
            raise KeyError(f"there is no run {run!r}")
        kind, made = KINDS[run]
        sources: dict[str, frozenset[str]] = {}
        for item, remedy in _standing(manifest):
            for name, own in _sources(item, where):
                sources[name] = sources.get(name, frozenset()) | {kind or own, remedy} - {""}
        return Manifest(f"training:{manifest['name']}", str(manifest["purpose"]), f"{made}{manifest['output']}",
                        sources)
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError("PAI020", f"a manifest needs name, purpose, inputs and output: {error}",
                         where=where) from error


def declared_edges(manifest: Manifest) -> list[Edge]:
    """Input → run, and input → what it makes."""
    return [edge for source, kinds in manifest.sources.items() for edge in (
        _edge(source, manifest.activity, kinds), _edge(source, manifest.output, kinds, {manifest.activity}))]


def _standing(manifest: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """The inputs, and what may stand for them (``replace``)."""
    replace = manifest.get("replace") or {}
    for item in manifest["inputs"]:
        other = replace.get(item.get("table"))
        yield item, REMEDY if other else ""
        if other:
            yield {**item, "table": other}, REMEDY


def _sources(item: dict[str, Any], where: str) -> list[tuple[str, str]]:
    """(field-level name, kind) of what one input is."""
    if "checkpoint" in item:
        return [(_weights(item["checkpoint"]), FINE_TUNE)]
    if "answers_of" in item:
        prompts = item["prompts"]
        return [(_weights(item["answers_of"]), DISTILLATION),
                *_sources({"columns": [prompts["column"]], **prompts} if "table" in prompts else prompts, where)]
    if "corpus" in item:
        return [(f"file:corpus/{item['corpus']}.tsv", "")]
    only = condition(str(item["where"]), where).columns if "where" in item else ()
    return [(f"warehouse:{item['table']}#{column}", "") for column in dict.fromkeys((*item["columns"], *only))]


def _weights(checkpoint: Any) -> str:
    """"assistant@2" or "assistant", whose version is not known yet."""
    name, at, version = str(checkpoint).partition("@")
    return f"checkpoint:{name}#weights{at}{version}"


def _edge(source: str, target: str, kinds: frozenset[str], via: set[str] | None = None) -> Edge:
    return Edge(source, target, "declared", families={"D"}, via=via or set(), confidence="HIGH",
                evidence={"manifest", *kinds})
