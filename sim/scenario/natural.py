"""The steps of natural interaction: a conversation, an overlay that nobody asked for, a gesture at the wrist band;
and before all of them, setting up the glasses.

Discover.  Questions are in steps.py; their ``preprocess`` is on-device processing, too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Literal, cast

from lineage.errors import InputError, PolicyDenied
from sim.scenario.stage import Outcome, Stage, refused
from sim.scenario.steps import STEPS
from sim.scenario.words import did_you_mean
from sim.world import band
from sim.world.app import CompanionApp
from sim.world.glasses import validate_question
from sim.world.overlay import Overlays
from sim.world.setup import Setup, enrol
from sim.world.talk import Talker, Turn

_TURN = ("say", "gaze", "cut")
_GAZES = ("left", "ahead", "right")
_WEARERS = (str, int, list)


@STEPS.register("converse", {"turns": list}, optional={"wearers": _WEARERS, "location": bool}, stage="discover",
                doc="Wearers hold a conversation; a turn is a text, or say with gaze, or cut after so many parts.")
async def converse(stage: Stage, given: Mapping[str, Any], where: str) -> Outcome:
    """``cut: 1``: after one part of the answer the wearer speaks again.  A location goes with the first turn."""
    app = cast(CompanionApp, stage.app)
    turns = [_turn(one, where) for one in given["turns"]]
    if not turns:
        raise InputError("PAI010", "a conversation needs a turn", where=where)
    said: Counter[str] = Counter()
    blocked: PolicyDenied | None = None
    for wearer in stage.select(given.get("wearers", "all"), where):
        stage.captures += 1
        glasses = stage.glasses[wearer.id]
        view = glasses.view(stage.captures)
        located = Turn(turns[0].utterance, view.location if given.get("location", True) else "", turns[0].gaze,
                       turns[0].cut)
        talk = await Talker(app, glasses.memory, view).hold([located, *turns[1:]])
        stage.answers.extend(talk.answers)
        said.update({"conversations": 1, "answers": len(talk.answers), "cut": talk.cut, f"closed {talk.closed}": 1})
        blocked = blocked or cast("PolicyDenied | None", talk.refused)
    if blocked is not None:
        outcome = refused(blocked)
        return Outcome(outcome.outcome, {**said, **outcome.said})
    return Outcome("done", dict(said))


def _turn(given: Any, where: str) -> Turn:
    """Raises InputError (PAI010, PAI003)."""
    given = {"say": given} if isinstance(given, str) else given
    if not isinstance(given, Mapping) or not isinstance(given.get("say"), str):
        raise InputError("PAI010", "a turn is a text, or a mapping with say", where=where)
    for key in given:
        if key not in _TURN:
            raise InputError("PAI010", f"a turn has no key {key!r}{did_you_mean(str(key), _TURN)}", where=where)
    gaze, cut = given.get("gaze", ""), given.get("cut", 0)
    if gaze not in ("", *_GAZES):
        raise InputError("PAI010", f"the gaze is {gaze!r}; it is {', '.join(_GAZES)}", where=where)
    if type(cut) is not int or cut < 0:
        raise InputError("PAI010", f"cut is {cut!r}; it is a number of parts", where=where)
    return Turn(validate_question(given["say"]), gaze=gaze, cut=cut)


@STEPS.register("overlay", optional={"wearers": _WEARERS}, stage="discover",
                doc="The glasses say where they are, and show a card about the place; nobody asks.")
async def overlay(stage: Stage, given: Mapping[str, Any], where: str) -> Outcome:
    cards = Counter[str]()
    for wearer in stage.select(given.get("wearers", "all"), where):
        stage.captures += 1
        glasses = stage.glasses[wearer.id]
        view = stage.views[wearer.id] = glasses.view(stage.captures)
        card = await Overlays(cast(CompanionApp, stage.app), glasses.memory).look(view)
        cards["shown" if card.title else "empty"] += 1
    return Outcome("done", dict(sorted(cards.items())))


@STEPS.register("gesture", {"gesture": Literal["pinch", "double_pinch", "swipe", "fist", "rest"]},
                optional={"wearers": _WEARERS, "raw": bool}, stage="discover",
                doc="Wearers make a gesture at the card that is shown; the band classifies it, only its name goes up.")
async def gesture(stage: Stage, given: Mapping[str, Any], where: str) -> Outcome:
    """pinch: all of the card; swipe: the next place; fist: away with it; anything else does nothing.
    ``raw``: a faulty app sends the muscle signal up, too.  Needs an ``overlay`` before it."""
    app = cast(CompanionApp, stage.app)
    assert app.device is not None
    felt: Counter[str] = Counter()
    for wearer in stage.select(given.get("wearers", "all"), where):
        if wearer.id not in stage.views:
            raise InputError("PAI010", f"{wearer.id} is shown no card to make a gesture at; let an overlay step come "
                                       "first", where=where)
        stage.captures += 1
        glasses = stage.glasses[wearer.id]
        view = glasses.view(stage.captures, stage.views[wearer.id].location)
        samples = band.signal(given["gesture"], stage.seed, wearer.id, stage.captures)
        name = app.device.feel(glasses.memory, samples, view.traceparent, view.region)
        felt[name] += 1
        if name not in ("pinch", "swipe", "fist"):
            continue
        try:
            await Overlays(app, glasses.memory).look(view, gesture=True, raw=given.get("raw", False))
        except PolicyDenied as error:
            return refused(error)
        except InputError as error:
            if not given.get("raw"):
                raise
            # What the faulty app sent is no gesture to web, and it did move.
            return Outcome("failed", {"code": error.code, "reason": error.what})
    return Outcome("done", {"felt": dict(sorted(felt.items()))})


@STEPS.register("enrol", optional={"wearers": _WEARERS}, stage="discover",
                doc="Wearers set up their glasses: name, language and region go into their profile.")
async def enrolled(stage: Stage, given: Mapping[str, Any], where: str) -> Outcome:
    languages: Counter[str] = Counter()
    for wearer in stage.select(given.get("wearers", "all"), where):
        stage.captures += 1
        view = stage.glasses[wearer.id].view(stage.captures)
        await enrol(cast(CompanionApp, stage.app), Setup(wearer, view.asked_at, view.traceparent))
        languages[wearer.language] += 1
    return Outcome("done", {"languages": dict(sorted(languages.items()))})
