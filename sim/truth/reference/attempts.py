"""What was attempted in a run, by its construction: each job, schedule, stream, training run, export, remembered row.

Truth.  Where a request was refused nothing moved, so nothing physical says what it was for.  What the scenario
submitted does: the text of the job or manifest, as ``construction.json`` has it, read by ``sql``; its purpose
stands in its header, and is worth nothing where the step shows a token that is not its own.  Requests that the services
make of themselves (a schedule, a stream, what is remembered of a wearer) follow from the deployed files and from the
journal.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from ruamel.yaml import YAML

from sim.truth.reference import catalog as monitor_catalog
from sim.truth.reference.attempt import Attempt
from sim.truth.reference.catalog import Catalog, Named
from sim.truth.reference.evidence import Evidence
from sim.truth.reference.labels import header
from sim.truth.reference.learnt import Learnt
from sim.truth.reference.origins import Origins
from sim.truth.reference.sql import understood
from sim.truth.reference.vouched import Vouching

# What a service reads of its own accord, and what for: no config says it, so it stands here.
ROUTES = {"query:assistant_memory": "assistance"}
_ACTIVITY = re.compile(r"^\s*--\s*(job|query)\s*:\s*(\S+)", re.MULTILINE)


class Construction(NamedTuple):
    """``steps``, ``sent`` and ``devices`` (the labels of what is worn) as ``sim.scenario.examined`` wrote them;
    ``deploy``: the run's deployed files."""

    steps: Sequence[Mapping[str, Any]]
    sent: Sequence[Mapping[str, Any]]
    deploy: Path
    devices: Mapping[str, frozenset[str]] = MappingProxyType({})
    # What the warehouse held before a request, by its place in ``sent``.
    snapshots: Path = Path("snapshots")
    # Kinds of what goes wrong.
    faults: tuple[str, ...] = ()
    # Of the world's clock, by which reviews end.
    day: str = ""

    def done(self, step: int) -> bool:
        """What comes before the first step and after the last goes through, or the run is none."""
        return not 0 <= step < len(self.steps) or self.steps[step]["outcome"] == "done"


def attempts(given: Construction, evidence: Evidence) -> Iterator[Attempt]:
    """In the order in which they were made.  New tables of a request that was answered stay."""
    vouched = Vouching(given.steps, given.sent, given.deploy)
    for one in _attempts(given, evidence):
        yield one if vouched.of(one.sent, one.activity, one.purposes) else one._replace(purposes=("",))


def _attempts(given: Construction, evidence: Evidence) -> Iterator[Attempt]:
    catalog, learnt, done = monitor_catalog.at(given.deploy), Learnt(
        evidence, given.sent, given.steps, Origins(given.snapshots, given.deploy)), evidence.answered
    counts: dict[tuple[str, str], int] = {}
    for at, sent in enumerate(given.sent):
        service, method = sent["service"], sent["method"]
        number = counts[service, method] = counts.get((service, method), -1) + 1
        request = service, method, number
        asked = sent["request"]
        if method == "RunJob":
            text = asked.get("sql") or _job(given.deploy, asked.get("job", ""))
            yield _of_job(catalog, text, request, at, sent["step"], given=asked.get("parameters", {}))
            catalog = catalog.after(text) if done(request) else catalog
        elif method == "RunSchedule":
            for day in _days(asked["first"], asked.get("last") or asked["first"]):
                for text in _scheduled(given.deploy, "daily"):
                    yield _of_job(catalog, text, request, at, sent["step"], "scheduled", day)
                    catalog = catalog.after(text) if done(request) else catalog
        elif method == "Train":
            yield learnt.attempt(catalog, YAML(typ="safe").load(asked["manifest"]), asked.get("purpose", ""), request,
                                 at, sent["step"])
        elif method == "Export":
            yield from _export(catalog, given.deploy / "exports" / f"{asked['export']}.yaml", request, at,
                               sent["step"])


def streams(given: Construction) -> dict[str, list[Attempt]]:
    """Table → what runs when rows are appended to it."""
    catalog, found = monitor_catalog.at(given.deploy), dict[str, list[Attempt]]()
    for text in _scheduled(given.deploy, "stream"):
        table = header(text).get("window", "").rpartition(" ")[2].rpartition(".")[0]
        found.setdefault(table, []).append(_of_job(catalog, text, ("warehouse", "Append", 0), -1, -1,
                                                        "stream"))
    return found


def route(given: Construction, activity: str, table: str, columns: Sequence[str]) -> Attempt:
    """What a service reads of its own accord."""
    catalog = monitor_catalog.at(given.deploy)
    uses = tuple(catalog.named(f"warehouse:{table}#{column}") for column in columns)
    unread = "" if activity in ROUTES else f"nothing says what {activity} is for"
    return Attempt(activity, "route", (ROUTES.get(activity, ""),), "", uses, (), ("web", "Read", 0), -1, -1,
                   table, unread=unread)


def _of_job(catalog: Catalog, text: str, request: tuple[str, str, int], sent: int, step: int, kind: str = "job",
            day: str = "", given: Mapping[str, str] = MappingProxyType({})) -> Attempt:
    head, named = header(text), _ACTIVITY.search(text)
    within = catalog.after(text)
    unread = ""
    uses: tuple[Named, ...] = ()
    flows: tuple[tuple[Named, Named], ...] = ()
    try:
        found = understood(within.schema, text)
        uses = tuple(within.named(name) for name in sorted(found.uses))
        # A row of a table that decides on another of the same table goes nowhere.
        flows = tuple((within.named(source), within.named(sink)) for source, sink in sorted(found.flows)
                      if source.partition("#")[0] != sink)
    except sqlite3.Error as error:
        unread = f"SQLite cannot prepare it: {error}"
    return Attempt(f"{named[1]}:{named[2]}" if named else "", kind, (head.get("purpose", ""),),
                   head.get("region", ""), uses, flows, request, sent, step, head.get("output", ""), day, text, unread,
                   within.schema, {"ds": day, **dict(given)})


def _export(catalog: Catalog, path: Path, request: tuple[str, str, int], sent: int,
            step: int) -> Iterator[Attempt]:
    if path.is_file():
        said = YAML(typ="safe").load(path)
        uses = tuple(catalog.named(f"warehouse:{said['table']}#{column}") for column in said["columns"])
        yield Attempt(f"job:{said['export']}", "export", (said["purpose"],), str(said.get("region") or ""), uses, (),
                      request, sent, step, f"exports/{said['export']}", schema=catalog.schema)


def _job(deploy: Path, name: str) -> str:
    """What the warehouse runs under a name; "" for no such job."""
    for folder in (deploy / "running" / "jobs", deploy / "jobs"):
        if (folder / f"{name}.sql").is_file():
            return (folder / f"{name}.sql").read_text(encoding="utf-8")
    return ""


def _scheduled(deploy: Path, schedule: str) -> Iterator[str]:
    for path in sorted((deploy / "jobs").glob("*.sql")):
        text = _job(deploy, path.stem)
        if header(text).get("schedule") == schedule:
            yield text


def _days(first: str, last: str) -> Iterator[str]:
    day = date.fromisoformat(first)
    while day <= date.fromisoformat(last):
        yield day.isoformat()
        day += timedelta(days=1)
