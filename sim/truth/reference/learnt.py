"""What is in a checkpoint, and what a training run would use: rows and columns, through however many checkpoints.

Truth.  A checkpoint is labelled as all is that really went into it, by the journal (``taken``) and by the labels beside
the schemas: the columns that its run was sent, what is in the weights that the run went on from, and what a teacher
answered, with what is in the teacher.  No executed manifest is read.  What a run was to use, also where it was refused,
its manifest says, as it was submitted.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sim.truth.reference.attempt import Attempt, Gone
from sim.truth.reference.catalog import Catalog, Named
from sim.truth.reference.evidence import Evidence
from sim.truth.reference.origins import Origins
from sim.truth.reference.taken import Consents, Took

ANSWER = "rpc:inference.Generate.response#answer"
_WORD = re.compile(r"'(?:[^']|'')*'|([A-Za-z_]\w*)")


class Source(NamedTuple):
    """Rows of a table that went into something; ``purposes``: of the run that read them."""

    name: str
    annotations: frozenset[str]
    owners: frozenset[str]
    purposes: tuple[str, ...]


class Learnt:
    """What is in every checkpoint that a run has made, as far as the runs have been told in their order."""

    def __init__(self, evidence: Evidence, sent: Sequence[Mapping[str, Any]], steps: Sequence[Mapping[str, Any]],
                 origins: Origins) -> None:
        """``sent``: by the operator, in order; ``steps``: of the scenario."""
        self._origins = origins
        self._runs, self._consents = evidence.trained, Consents(evidence.records, sent)
        # Checkpoint → those that it was made of; those that are there; those that somebody has tampered with.
        self._from: dict[str, tuple[str, ...]] = {}
        self._there: set[str] = set()
        self._tampered: set[str] = set()
        self._steps, self._told = steps, 0
        # Checkpoint → its annotations, and the rows in it; and of each that was made by that name, in order.
        self._in: dict[str, tuple[frozenset[str] | None, tuple[Source, ...]]] = {}
        self._makings: defaultdict[str, list[tuple[frozenset[str] | None, tuple[Source, ...]]]] = defaultdict(list)
        # Of which nobody can say what is in them.
        self._unclear: set[str] = set()

    def attempt(self, catalog: Catalog, manifest: Mapping[str, Any], purpose: str, request: tuple[str, str, int],
                sent: int, step: int) -> Attempt:
        """Of a manifest as it was submitted; ``purpose``: the caller's."""
        self._origins.see(sent)
        self._tamper(step)
        took = self._runs[request[2]] if request[2] < len(self._runs) else Took()
        purposes = tuple(dict.fromkeys((str(manifest["purpose"]), purpose or str(manifest["purpose"]))))
        where = dict(_conditions(manifest))
        models = took.weights + took.teachers if took.rows is not None else tuple(self._models(manifest))
        rows = tuple(Source(f"warehouse:{one.table}", catalog.join(f"warehouse:{one.table}", one.columns), one.owners,
                            purposes) for one in took.reads)
        held = self._in | self._answered(took)
        before = tuple(source for model in models for source in held.get(model, (None, ()))[1])
        used = tuple(self._used(catalog, took, where, held)) if took.rows is not None else None
        back = self._back([*models, *_versions(manifest)])
        unclear = bool(self._unclear & set(models)) or any(
            len(set(self._makings[name])) > 1 and name not in dict(took.loaded) for name in took.teachers)
        for made in took.made:
            self._from[made] = models
            self._unclear |= {made} if unclear else set()
            self._there.add(made)
            labels = [use.annotations for use in used or () if use.annotations is not None]
            self._in[made] = frozenset[str]().union(*labels), (*before, *rows)
            self._makings[made].append(self._in[made])
        told = self._consents
        began, ended = told.moments(took, sent)
        return Attempt(
            f"training:{manifest['name']}", "training", purposes, str(manifest.get("region") or ""),
            tuple(self._asked(catalog, manifest)), (), request, sent, step, schema=catalog.schema, used=used,
            whose=frozenset((one.table, whose) for one in took.reads for whose in one.owners), made=took.made,
            where=where, unjudged=frozenset(f"warehouse:{table}" for table in took.changed),
            gone=self._gone(before, purposes, lambda purpose: told.gone((purpose,), began)),
            gone_since=self._gone((*before, *rows), purposes,
                                  lambda purpose: told.gone((purpose,), ended) - told.gone((purpose,), began)),
            gone_sometime=() if told.timed else self._gone((*before, *rows), purposes, told.ever_gone),
            unread="which weights answered no journal says" if unclear else "", tampered=bool(self._tampered & back),
            timed=told.timed, meanwhile=told.between(began, ended))

    def _gone(self, sources: Sequence[Source], purposes: tuple[str, ...],
              whose: Callable[[str], frozenset[str]]) -> tuple[Gone, ...]:
        """Of which somebody does not consent any more, to what the run is for or to what they were read for.
        ``whose``: by purpose."""
        found = []
        for one in sources:
            for purpose in dict.fromkeys((*purposes, *one.purposes)):
                if gone := whose(purpose) & one.owners:
                    origins = frozenset[str]().union(*(self._origins.of(one.name, who) for who in gone))
                    found.append(Gone(one.name, one.annotations, purpose, origins))
        return tuple(dict.fromkeys(found))

    def _asked(self, catalog: Catalog, manifest: Mapping[str, Any]) -> Iterable[Named]:
        for item in _tables(manifest):
            yield from _columns(catalog, item["table"], _named(item), str(item.get("where") or ""))
        for model in self._models(manifest):
            yield self._weights(model)
        if any("answers_of" in item for item in manifest["inputs"]):
            yield catalog.named(ANSWER)

    def _answered(self, took: Took) -> dict[str, tuple[frozenset[str] | None, tuple[Source, ...]]]:
        """What was in the weights that answered, which need not be those that lie there by that name."""
        return {name: self._makings[name][which - 1] for name, which in took.loaded
                if which <= len(self._makings[name])}

    def _used(self, catalog: Catalog, took: Took, where: Mapping[str, str],
              held: Mapping[str, tuple[frozenset[str] | None, tuple[Source, ...]]]) -> Iterable[Named]:
        for one in took.reads:
            yield from _columns(catalog, one.table, one.columns, where.get(one.table, ""))
        for model in dict.fromkeys((*took.weights, *took.teachers)):
            yield Named(f"checkpoint:{model}#weights", held.get(model, (None, ()))[0])
        if took.teachers:
            yield catalog.named(ANSWER)

    def _tamper(self, step: int) -> None:
        """What somebody has done to the files by a step."""
        for one in self._steps[self._told:max(step, 0)]:
            if one["step"] == "tamper" and one["outcome"] == "done":
                self._tampered.add(one["given"]["checkpoint"])
                self._there -= {one["given"]["checkpoint"]} if one["given"]["how"] == "gone" else set()
        self._told = max(step, self._told)

    def _back(self, models: Iterable[str]) -> set[str]:
        """Those, and all that they were made of."""
        found, ahead = set[str](), list(models)
        while ahead:
            if (one := ahead.pop()) not in found:
                found.add(one)
                ahead += self._from.get(one, ())
        return found

    def _weights(self, model: str) -> Named:
        return Named(f"checkpoint:{model}#weights", self._in.get(model, (None, ()))[0])

    def _models(self, manifest: Mapping[str, Any]) -> Iterable[str]:
        """"assistant@2" of each checkpoint that is named; without a version it is the newest by then.  What is not
        there is none: no run begins with it."""
        for item in manifest["inputs"]:
            name, _, version = str(item.get("checkpoint") or item.get("answers_of") or "").partition("@")
            there = [int(one.partition("@")[2]) for one in self._there if one.partition("@")[0] == name]
            wanted = int(version or max(there, default=0))
            if wanted in there:
                yield f"{name}@{wanted}"


def _versions(manifest: Mapping[str, Any]) -> Iterable[str]:
    """The checkpoints that are named with their version, there or not."""
    names = (str(item.get("checkpoint") or item.get("answers_of") or "") for item in manifest["inputs"])
    return (name for name in names if "@" in name)


def _tables(manifest: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    """The inputs, and what a teacher is asked, that are tables."""
    return (one for item in manifest["inputs"] for one in (item, item.get("prompts") or {}) if "table" in one)


def _named(item: Mapping[str, Any]) -> Sequence[str]:
    return [str(item["column"])] if "column" in item else [str(column) for column in item["columns"]]


def _conditions(manifest: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """Table → by what its rows are chosen; the same for a table that may stand in its place."""
    standing = manifest.get("replace") or {}
    for item in _tables(manifest):
        if "where" in item:
            yield from ((table, str(item["where"])) for table in (item["table"], standing.get(item["table"])) if table)


def _columns(catalog: Catalog, table: str, columns: Iterable[str], where: str) -> Iterable[Named]:
    """Also the columns by which the rows are chosen, and their correlation keys, which come along."""
    there = catalog.columns.get(table.lower(), ())
    chosen = [word for word in _WORD.findall(where) if word in there]
    key = ["_key"] if "_key" in there else []
    for column in dict.fromkeys((*columns, *chosen, *key)):
        yield catalog.named(f"warehouse:{table}#{column}")
