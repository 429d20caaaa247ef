"""``sightline demo``: one question all the way round, told in the four stages, with real counts."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lineage.discover.graph import Graph
from lineage.model import Label
from lineage.names import asset_of
from lineage.understand import inventory
from lineage.understand.inventory import AssetRecord
from sim.cli.options import print_json
from sim.scenario import runner
from sim.scenario.loader import SCENARIOS
from sim.scenario.schema import Scenario, Step, World, expect, fault, step
from sim.scenario.verdict import EXIT, row
from sim.show import terminal, words
from sim.world.glasses import validate_question
from sim.world.photo import load_photo

QUESTION = "What is that building?"


def tour(photo: Path | None, question: str | None, seed: int, *, as_json: bool) -> int:
    """Runs the demo's scenario and tells it; the exit code.

    Raises InputError (PAI002, PAI003) for a photo or a question that cannot be used, before anything starts.
    """
    if photo is not None:
        load_photo(photo)
    text = validate_question(QUESTION if question is None else question)
    out = terminal.console()
    begun = time.monotonic()
    if not as_json:
        terminal.line(out, f"sightline demo, seed {seed}")
        terminal.line(out)
    with terminal.progress("seven processes' worth of services, over real gRPC") as say:
        done = runner.run(story(photo, text, seed), seed, progress=say)
    if as_json:
        print_json({**row(done.verdict, str(done.path)), "operations": done.verdict["operations"],
                    "answers": [answer.answer for answer in done.answers]})
    else:
        _tell(done, time.monotonic() - begun)
    return EXIT[done.verdict["verdict"]]


def story(photo: Path | None, question: str, seed: int) -> Scenario:
    """The user's own question first, then everybody's; training, the refused run, the undeclared job."""
    own: dict[str, Any] = {"photo": str(photo.absolute())} if photo is not None else {}
    return Scenario(
        name="demo", stage="demonstrate", seed=seed, about="The guided tour.",
        world=World(wearers=4, regions=("US", "SE", "NO")), path=SCENARIOS / "demo",
        steps=(
            Step("ask", {"wearers": 1, "question": question, "verbatim": True, **own}),
            step("ask", wearers="all", question=QUESTION, times=2),
            step("batch", job="daily_sessions"),
            step("train", manifest="assistant_eval", purpose="assistance"),
            step("ask", wearers="all", question=QUESTION),
            step("train", manifest="ads_ranker", purpose="ads_ranking")),
        faults=(fault("new_job", job="sessions_copy"),),
        expect=(
            expect("understand", "finding", code="PAI101", asset="web:ask"),
            expect("discover", "path", from_="device:glasses#utterance", to="checkpoint:assistant@2"),
            expect("discover", "path", from_="checkpoint:assistant@2", to="device:glasses#answer"),
            expect("discover", "complete", operations=1.0, invented=0),
            expect("discover", "served", checkpoint="assistant@2", count=4),
            expect("enforce", "decision", job="training:assistant_eval", is_="allowed"),
            expect("enforce", "decision", job="training:ads_ranker", is_="blocked", code="PAI301"),
            expect("enforce", "moved", from_="warehouse:core.sessions", to="training:ads_ranker", rows=0),
            expect("demonstrate", "finding", code="PAI402", asset="job:sessions_copy"),
            expect("demonstrate", "evidence", zone="glasses-interactions", verdict="holds")))


def _tell(done: runner.Run, seconds: float) -> None:
    out, verdict = terminal.console(), done.verdict
    asked = verdict["steps"][0]["given"]["question"]
    terminal.line(out, f"a wearer asks:  {asked}")
    terminal.line(out, f"{done.answers[0].checkpoint} answers:  {done.answers[0].answer}")
    terminal.line(out)
    for title, lines in (("UNDERSTAND", _understand(done)), ("DISCOVER", _discover(done)),
                         ("ENFORCE", _enforce(done)), ("DEMONSTRATE", _demonstrate(done))):
        terminal.print_demo_stage(title, lines)
    word = verdict["verdict"]
    terminal.line(out, terminal.mark(word), f" {word.upper()}  {words.tally(verdict['expectations'])}, "
                  f"{seconds:.1f} s, seed {verdict['seed']}")
    for one in verdict["expectations"]:
        if one["verdict"] != "pass":
            terminal.line(out, "  ", terminal.mark(one["verdict"]), f" {words.expectation(one)}: {one['saw']}")
    terminal.line(out, f"  report  {done.path / 'report.html'}")
    for command, about in words.next_commands(done.lineage, verdict):
        terminal.line(out, f"  next    {command}   # {about}")


def _understand(done: runner.Run) -> Iterator[str]:
    lineage = done.lineage
    found = inventory.take(AssetRecord(asset["name"], {path: _label(label) for path, label in asset["fields"].items()},
                                       asset["owner"]) for asset in lineage["assets"])
    yield (f"{found.assets} assets with {found.fields} fields: {sum(found.categories.values())} personal, "
           f"{found.operational} operational, {len(found.gaps)} with a gap in their label")
    for gap in found.gaps:
        yield f"  {gap.field} {gap.why}"
    proposals = [one for one in lineage["findings"] if one["code"] == "PAI101"]
    yield f"{sum(one['count'] for one in proposals)} payloads held more than their contract's label covers (PAI101)"
    for one in proposals:
        yield f"  {one['asset']}: {one['what']} ({one['count']} times)"


def _label(label: dict[str, Any]) -> Label:
    return Label(label["category"], tuple(label["annotations"]), label["operational"])


def _discover(done: runner.Run) -> Iterator[str]:
    lineage = done.lineage
    observed = [edge for edge in lineage["edges"] if edge["state"] == "observed"]
    declared = sum(edge["state"] == "declared" for edge in lineage["edges"])
    families = Counter(family for edge in observed for family in edge["families"])
    yield f"{len(observed)} edges observed, {declared} declared in configs, SQL, manifests and code"
    for letter, name in (("A", "within web: probes"), ("B", "web → logger → warehouse: configs, SQL, logs"),
                         ("C", "web <> inference: RPC"), ("D", "warehouse → training: manifests")):
        yield f"  [{letter}] {name}: {families[letter]} edges"
    path = Graph(lineage).path("device:glasses#utterance", "checkpoint:assistant@2")
    if path:
        assets = list(dict.fromkeys(asset_of(name) for edge in path for name in (edge["from"], edge["to"])))
        yield f"what a wearer says reaches the model: {' → '.join(one for one in assets if not one.startswith('rpc:'))}"
    yield words.operations(done.verdict["operations"])
    yield words.signals(lineage)


def _enforce(done: runner.Run) -> Iterator[str]:
    lineage = done.lineage
    for zone in lineage["zones"]:
        yield f"zone {zone['name']} ({zone['requirement']}, {zone['mode']} mode): {len(zone['members'])} assets"
    gates = [one for one in lineage["decisions"] if one["where"] == "gate" and one["activity"].startswith("training:")]
    for one in gates:
        yield f"{one['activity']} for {one['purpose']}: {one['verdict']} {one['code']}".rstrip()
        if one["verdict"] == "blocked":
            yield f"  {one['reason']}"
    for one in done.verdict["expectations"]:
        if one["expectation"] == "moved":
            yield f"  by the journal, {one['given']['from']} → {one['given']['to']}: {one['saw']}"


def _demonstrate(done: runner.Run) -> Iterator[str]:
    for one in done.lineage["findings"]:
        if one["code"].startswith("PAI4"):
            yield f"{one['code']} {one['what']}"
    for one in done.lineage["evidence"]:
        yield f"zone {one['zone']} {one['verdict']}"
        for reason in one["because"]:
            yield f"  {reason}"
