"""Issues a certificate of non-use from a run folder: every checkpoint's run is done again without the wearer's rows.

What is compared is the digest of the weights: as the run made them, made again with nothing changed (else nobody can
say what a difference comes from), without her rows, and with them altered.  The control is somebody else whose rows
*are* in it: without those (altered, where no others are left), the weights have to be others, or the comparison would
show nothing.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from lineage.demonstrate import certificate
from lineage.demonstrate.certificate import ISSUER, POLICY, TRAINER
from lineage.discover.trace import edges_of, key_of
from lineage.enforce.tokens import Signer
from lineage.errors import InputError, NotProved
from lineage.names import asset_of, kind_of
from sim.stack.deployment import at
from sim.stack.past import Person, cannot, known
from sim.stack.retraining import Again, Rerun

_SESSIONS = "core.sessions"


class Answer(NamedTuple):
    """``checkpoints``: all that something of it came from, by the lineage; the one that said it first."""

    trace: str
    text: str
    checkpoints: tuple[str, ...]


def public_keys(seed: int) -> dict[str, bytes]:
    """Of whoever signs a part of a certificate in a run with this seed."""
    return {ISSUER: Signer(str(seed), ISSUER).public_key, TRAINER: Signer(str(seed), TRAINER).public_key,
            POLICY: Signer(str(seed)).public_key}


def issue(data: Path, seed: int, decisions: Iterable[Mapping[str, Any]], wearer: str, checkpoint: str,
          answer: Answer | None = None) -> bytes:
    """The certificate.  ``data``: the run's data folder; ``decisions``: as in lineage.json; ``checkpoint``:
    "assistant@3".

    Raises NotProved (PAI410) where her rows had a part, RunError (PAI411) where that cannot be told, InputError
    (PAI001) for a wearer whom no table knows, (PAI004) for a checkpoint that is not there.
    """
    _known(data, wearer)
    keys, signer = public_keys(seed), Signer(str(seed), ISSUER)
    decided = {one["id"]: one for one in decisions}
    links: dict[str, dict[str, Any]] = {}
    # What an answer came from first, then what those were made of.
    wanted = list(answer.checkpoints) if answer else [checkpoint.removeprefix("checkpoint:")]
    for name in wanted:
        if name not in links:
            rerun = Rerun(data, name, {TRAINER: keys[TRAINER]})
            links[name] = _link(rerun, wearer, decided)
            wanted += rerun.bases
    salt = certificate.salt(signer.attest, wearer, wanted[0])
    told = None if answer is None else {
        "trace": answer.trace, "sha256": certificate.answer_digest(salt, answer.trace, answer.text),
        "checkpoints": [{"checkpoint": name, "weights": links[name]["weights"]} for name in answer.checkpoints]}
    whose = {"salt": salt, "scrypt": certificate.wearer_digest(salt, wearer)}
    return certificate.certificate(whose, list(links.values()), told, keys, signer.attest)


def answered(run: Path, trace: str) -> Answer:
    """What the run answered under a trace id.  Raises InputError (PAI005, PAI032)."""
    key = key_of(trace)
    flowed = edges_of(run / "lineage.db", key)
    used = {asset_of(source).partition(":")[2] for source, _, state in flowed
            if kind_of(source) == "checkpoint" and state == "observed"}
    try:
        path = run / "data" / "warehouse" / "core.db"
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
            row = db.execute("SELECT answer, checkpoint FROM sessions WHERE _key = ?", [key]).fetchone()
    except sqlite3.Error as error:
        raise InputError("PAI032", f"the run cannot be asked: {error}", where=str(run), next="sightline demo") from None
    if row is None:
        raise InputError("PAI005", f"no answer of this run has the trace id {key}", where="--run")
    text, said = str(row[0]), str(row[1])
    return Answer(key, text, (said, *sorted(used - {said})))


def _link(rerun: Rerun, wearer: str, decided: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """One of the certificate's checkpoints.  Raises NotProved (PAI410), RunError (PAI411)."""
    made, run = rerun.made, rerun.run
    rerun.owned()
    again = rerun.again(Person(wearer, ""))
    if changed := [one["asset"] for one, now in zip(_inputs(rerun), again.snapshots, strict=True)
                   if one["sha256"] != now]:
        raise cannot(f"the rows that the run read of {changed[0]} are not there any more", made.asset)
    if again.weights != made.digest:
        raise cannot("training the same rows again makes other weights", made.asset)
    used = [rerun.past.subjects(one) for one in rerun.reads]
    hers = sum(one[wearer] for one in used)
    without, altered = (rerun.again(Person(wearer, change)) for change in ("without", "altered"))
    for one, how in ((without, "without her rows"), (altered, "with her rows altered")):
        if one.weights != made.digest:
            raise NotProved("PAI410", f"trained again {how}, {made.id} has other weights: {hers} of its "
                            f"{made.rows} rows are hers", where=made.asset)
    decision = next((decided[one] for one in run["decisions"] if one in decided), None)
    if decision is None:
        raise cannot("the run's decision is not in its lineage", made.asset)
    return {"checkpoint": made.id, "weights": made.digest, "manifest": json.loads(rerun.envelope),
            "decision": dict(decision),
            "snapshots": _snapshots(rerun, wearer, used, without, altered),
            "retrained": {"code": run["code"]["sha256"], "again": again.weights, "without": without.weights,
                          "altered": altered.weights},
            "control": _control(rerun, wearer, used)}


def _snapshots(rerun: Rerun, wearer: str, used: Sequence[Counter[str]], without: Again,
               altered: Again) -> list[dict[str, Any]]:
    """Of each input but checkpoints: its rows as they were, without hers, and with hers altered.

    Raises RunError (PAI411) where what was read of hers cannot be altered (it says only whose the row is, or where it
    comes from) or is then not read at all: training would have been given nothing to differ by.
    """
    tables = iter(zip(rerun.reads, used, strict=True))
    found = []
    for number, one in enumerate(_inputs(rerun)):
        hers, mine = 0, 0
        if one["asset"].startswith("warehouse:"):
            read, subjects = next(tables)
            hers, mine = rerun.past.hers(read.table, wearer), subjects[wearer]
        if mine and altered.snapshots[number] in (one["sha256"], without.snapshots[number]):
            raise cannot("her rows were read, and there is no altering what was read of them", one["asset"])
        found.append({"asset": one["asset"], "rows": one["rows"], "with": one["sha256"], "hers": hers, "used": mine,
                      "without": without.snapshots[number], "altered": altered.snapshots[number]})
    return found


def _inputs(rerun: Rerun) -> list[dict[str, Any]]:
    return [one for one in rerun.run["inputs"] if not one["asset"].startswith("checkpoint:")]


def _control(rerun: Rerun, wearer: str, used: Iterable[Counter[str]]) -> dict[str, Any] | None:
    """Somebody else whose rows the run did read, unnamed; None where it read nobody's at all.

    Raises RunError (PAI411) where rows of people were read and nobody else's show in the weights.
    """
    rows = sum(used, Counter[str]())
    for name in sorted(rows):
        if name != wearer:
            made = rerun.again(Person(name, "without"))
            if not made.weights:  # no others are left to learn from
                made = rerun.again(Person(name, "altered"))
            if made.weights and made.weights != rerun.made.digest:
                return {"rows": rows[name], "weights": made.weights}
    if rows:
        raise cannot("nobody else's rows show in the weights either", rerun.made.asset)
    return None


def _known(data: Path, wearer: str) -> None:
    """Of somebody whom the run has never heard of, everything could be certified."""
    for table in known(at(data / "deploy")).values():
        path = data / "warehouse" / f"{table.database}.db"
        if not table.subject or not path.is_file():
            continue
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
            try:
                if db.execute(f"SELECT 1 FROM {table.name.partition('.')[2]} WHERE {table.subject} = ? LIMIT 1",
                              [wearer]).fetchone():
                    return
            except sqlite3.Error:
                continue  # a table that no job has made yet
    raise InputError("PAI001", f"no table of the run has a row of {wearer!r}", where=str(data),
                     next="look for her id in the tables' subject columns")
