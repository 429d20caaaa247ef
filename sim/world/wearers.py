"""The people who wear the glasses: invented, seeded, each independent of the others.

Names come from faker in the language of the region.  E-mail addresses lie in example.org, and telephone
numbers in the ranges that regulators keep for fiction, so that none reaches a person.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from faker import Faker

from lineage.errors import InputError
from sim.world.places import in_region
from sim.world.random import keyed

_LOCALES = {"US": "en_US", "GB": "en_GB", "AU": "en_AU", "IN": "en_IN", "NO": "no_NO", "SE": "sv_SE", "DE": "de_DE",
            "FR": "fr_FR", "IT": "it_IT", "ES": "es_ES", "DK": "da_DK", "FI": "fi_FI", "NL": "nl_NL", "PL": "pl_PL"}
_LANGUAGES = {"US": "en", "GB": "en", "AU": "en", "IN": "hi", "NO": "nb", "SE": "sv", "DE": "de", "FR": "fr",
              "IT": "it", "ES": "es", "DK": "da", "FI": "fi", "NL": "nl", "PL": "pl"}
# How many have set their glasses to English, whatever is spoken where they live.
_ENGLISH = 0.2
# Kept free for fiction: NANPA, Ofcom, PTS, ARCEP.  Regions without such a range get a North American number.
_PHONES = {"GB": "+44 20 7946 0{:03d}", "SE": "+46 70 174 06 {:02d}", "FR": "+33 1 99 00 01 {:02d}"}
_OTHER_PHONE = "+1 202 555 01{:02d}"
# faker's letters that do not fall apart into a Latin letter and an accent.
_LETTERS = str.maketrans({"ø": "o", "å": "a", "æ": "ae", "ß": "ss", "ł": "l", "đ": "d", "ð": "d", "þ": "th"})
# What else a wearer may have agreed to; every wearer agreed to be assisted, or could not ask.
_OPTIONAL_CONSENTS = ("analytics", "product_improvement", "ads_ranking")


@dataclass(frozen=True, slots=True)
class Wearer:
    """``home``: the name of a place.  ``consents``: data uses (lineage/understand/taxonomy.py) agreed to.
    ``language``: as in BCP 47, of her glasses."""

    id: str
    name: str
    email: str
    phone: str
    region: str
    home: str
    consents: frozenset[str]
    language: str = "en"


def make_wearers(seed: int, count: int, regions: Sequence[str]) -> list[Wearer]:
    """``count`` wearers, w-0001 first, over ``regions`` in turn.  One more wearer changes none of the others.

    Raises InputError (PAI010) for a count below 1 or no regions.
    """
    if count < 1 or not regions:
        raise InputError("PAI010", f"a world needs wearers and regions, not {count} in {list(regions)}", where="world",
                         next="world: {wearers: 3, regions: [US]}")
    return [_make(seed, number, regions[(number - 1) % len(regions)]) for number in range(1, count + 1)]


def fictional_phone(seed: int, *parts: str | int, region: str = "") -> str:
    """A telephone number that belongs to nobody, in international form."""
    return _PHONES.get(region, _OTHER_PHONE).format(keyed(seed, *parts, "phone").randrange(10, 90))


def _make(seed: int, number: int, region: str) -> Wearer:
    identity = f"w-{number:04d}"
    chance = keyed(seed, identity, "wearer")
    fake = _faker(_LOCALES.get(region, "en_US"))
    fake.seed_instance(chance.getrandbits(64))
    first, last = fake.first_name(), fake.last_name()
    return Wearer(
        id=identity,
        name=f"{first} {last}",
        email=f"{_ascii(first)}.{_ascii(last)}.{number}@example.org",
        phone=fictional_phone(seed, identity, region=region),
        region=region,
        home=chance.choice(in_region(region)).name,
        consents=frozenset({"assistance", *(use for use in _OPTIONAL_CONSENTS if chance.random() < 0.5)}),
        language="en" if keyed(seed, identity, "language").random() < _ENGLISH else _LANGUAGES.get(region, "en"),
    )


@lru_cache(maxsize=32)
def _faker(locale: str) -> Faker:
    return Faker(locale)


def _ascii(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name.lower().translate(_LETTERS)).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z]", "", plain) or "wearer"
