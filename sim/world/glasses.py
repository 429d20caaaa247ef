"""The glasses: what one wearer's device captures when a question is asked.

Captures are real in what they give away: about every second photo carries its position, and now and then
the wearer says a name, a number or an address.  What the user brings (a photo, a question to be kept
verbatim) is passed on as it is.
"""

from __future__ import annotations

from dataclasses import dataclass

from lineage.errors import InputError
from sim.world import people
from sim.world.clock import SimClock, rfc3339
from sim.world.memory import Memory
from sim.world.photo import CAMERA, scene
from sim.world.places import BY_NAME, PLACES, Place
from sim.world.random import key_id, keyed
from sim.world.wearers import Wearer, fictional_phone

MAX_QUESTION = 2_000
_FRIENDS = ("Anna", "Jonas", "Maria", "Peter", "Ingrid", "Thomas", "Elena", "Ravi", "Lucy", "Omar")
_DETAILS = (
    "Text {friend} at {email}.",
    "Call {friend} on {phone}.",
    "Tell {friend} I am here.",
    "My name is {name}, remember this place.",
)


@dataclass(frozen=True, slots=True)
class Capture:
    """One question with its photo.  ``location`` is "latitude,longitude" or empty; ``asked_at`` RFC 3339.

    ``overheard`` and ``faces`` (PNG): of the people near by (``people``); empty where there are none."""

    photo: bytes
    utterance: str
    location: str
    wearer: str
    region: str
    device: str
    asked_at: str
    traceparent: str
    overheard: str = ""
    faces: bytes = b""


@dataclass(frozen=True, slots=True)
class View:
    """Where the glasses are, when nothing is asked or a conversation begins; as in :class:`Capture`."""

    location: str
    wearer: str
    region: str
    device: str
    asked_at: str
    traceparent: str


class Glasses:
    """The device of ``wearer``; ``seed`` is the scenario's."""

    def __init__(self, wearer: Wearer, seed: int, clock: SimClock | None = None) -> None:
        self.wearer = wearer
        self.device = f"{CAMERA[1]} {key_id(seed, wearer.id, 'device', size=4)}"
        self._seed = seed
        self._clock = clock or SimClock()
        self.memory = Memory()

    def capture(self, question: str, ordinal: int, photo: bytes | None = None, *, share_location: bool = True,
                geotag: bool | None = None, verbatim: bool = False, bystanders: int = 0,
                sign: str | None = None) -> Capture:
        """The ``ordinal``-th capture of this wearer; the same arguments give the same capture.

        ``geotag``: the photo carries its position or not; every second one does when that is left open.
        ``share_location``: the wearer lets the glasses send a position (most captures then have one); it says
        nothing of what the camera writes into the photo.  ``verbatim``: the wearer adds nothing to the question.
        ``bystanders``: how many people are in the picture, one of whom says something.
        ``sign``: what is written on the board in the picture; every second one has a board when that is left open.
        With a ``photo`` of the user's own the glasses do not claim to know where it was taken: no location,
        and the question stays verbatim.  Raises InputError (PAI003) for an empty or too long question.
        """
        utterance = validate_question(question)
        wearer, seed = self.wearer, self._seed
        moment = self._clock.at(ordinal)
        location, faces = "", b""
        overheard = people.saying(seed, wearer.id, ordinal) if bystanders else ""
        if photo is None:
            chance = keyed(seed, wearer.id, ordinal, "capture")
            place = BY_NAME[wearer.home] if chance.random() < 0.6 else chance.choice(PLACES)
            position = (round(place.latitude + chance.uniform(-0.001, 0.001), 4),
                        round(place.longitude + chance.uniform(-0.001, 0.001), 4))
            if chance.random() < 0.8 and share_location:
                location = f"{position[0]},{position[1]}"
            photo, faces = self._photo(place, ordinal, position, geotag, bystanders, sign)
            if not verbatim and chance.random() < 0.25:
                utterance = self._with_detail(utterance, ordinal)
        return Capture(photo=photo, utterance=utterance, location=location, wearer=wearer.id, region=wearer.region,
                       device=self.device, asked_at=rfc3339(moment), traceparent=self._traceparent(ordinal),
                       overheard=overheard, faces=faces)

    def view(self, ordinal: int, location: str = "") -> View:
        """Where the wearer is at the ``ordinal``-th event: still at ``location``, near home, or near another
        landmark."""
        chance = keyed(self._seed, self.wearer.id, ordinal, "view")
        place = BY_NAME[self.wearer.home] if chance.random() < 0.6 else chance.choice(PLACES)
        position = (round(place.latitude + chance.uniform(-0.001, 0.001), 4),
                    round(place.longitude + chance.uniform(-0.001, 0.001), 4))
        return View(location=location or f"{position[0]},{position[1]}", wearer=self.wearer.id,
                    region=self.wearer.region, device=self.device, asked_at=rfc3339(self._clock.at(ordinal)),
                    traceparent=self._traceparent(ordinal))

    def _traceparent(self, ordinal: int) -> str:
        trace = key_id(self._seed, "trace", self.wearer.id, ordinal, size=16)
        span = key_id(self._seed, "span", self.wearer.id, ordinal, size=8)
        return f"00-{trace}-{span}-01"

    def _photo(self, place: Place, ordinal: int, position: tuple[float, float], geotag: bool | None,
               bystanders: int, sign: str | None) -> tuple[bytes, bytes]:
        chance = keyed(self._seed, self.wearer.id, ordinal, "exif")
        city = place.city if chance.random() < 0.5 else ""
        tagged = chance.random() < 0.5 if geotag is None else geotag
        return scene(place, self._seed, self.wearer.id, ordinal,
                     sign=city if sign is None else sign,
                     taken=self._clock.at(ordinal),
                     position=position if tagged else None,
                     bystanders=bystanders)

    def _with_detail(self, utterance: str, ordinal: int) -> str:
        chance = keyed(self._seed, self.wearer.id, ordinal, "detail")
        friend = chance.choice(_FRIENDS)
        detail = chance.choice(_DETAILS).format(
            friend=friend, email=f"{friend.lower()}@example.org", name=self.wearer.name,
            phone=fictional_phone(self._seed, self.wearer.id, ordinal, "friend"))
        # Within the limit: a question near it is asked as it is.
        return f"{utterance} {detail}" if len(utterance) + len(detail) < MAX_QUESTION else utterance


def validate_question(text: str) -> str:
    """The question without white space around it.  Raises InputError (PAI003) unless 1 to 2,000 characters."""
    question = text.strip()
    if 1 <= len(question) <= MAX_QUESTION:
        return question
    what = "the question is empty" if not question else f"the question has {len(question)} characters, not 1 to 2,000"
    raise InputError("PAI003", what, where="--ask", next='sightline demo --ask "What is that building?"')
