"""Countries and groups of them: what a rule's key covers, and where a use takes place.

Codes of ISO 3166-1 alpha-2, its user-assigned ones too, and two groups.  Membership is a fact of today, not of the
data: a country that joins or leaves is a change of this table.  Not here: parts of countries.

>>> covers("EU", "SE"), covers("EU", "NO"), covers("*", "NO"), covers("EEA", "EU")
(True, False, True, True)
>>> within("EU", frozenset({"EEA"})), within("EU", frozenset({"SE"})), within("moon", frozenset({"*"}))
(True, False, True)
>>> written(COUNTRIES - members("EU")), written(EEA | {"US"}), written({"US", "SE"})
('-EU', 'EEA US', 'SE US')
>>> read("-EU") == COUNTRIES - EU, sorted(read("EU US") - EU)
(True, ['EU', 'US'])
"""

from __future__ import annotations

from collections.abc import Collection

# Stands for every country, and for every purpose.
ANY = "*"
EU = frozenset("AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK".split())
EEA = EU | {"IS", "LI", "NO"}
GROUPS = {"EU": EU, "EEA": EEA}
_ISO = """
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC
CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD
GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH
KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW
MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC
SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY
UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW"""
# User-assigned: for whoever needs a region that ISO does not have.
_OWN = ["AA", "ZZ", *(f"Q{letter}" for letter in "MNOPQRSTUVWXYZ"),
        *(f"X{letter}" for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ")]
COUNTRIES = frozenset(_ISO.split()) | frozenset(_OWN)
# What data may be said to come from.
KNOWN = COUNTRIES | GROUPS.keys()
# What people write, and ISO does not.
USUAL = {"UK": "GB", "EL": "GR", "USA": "US", "GER": "DE", "GLOBAL": ANY, "WORLD": ANY, "ALL": ANY}


def members(name: str) -> frozenset[str]:
    """A name that is no group stands for itself."""
    return GROUPS.get(name) or frozenset({name})


def covers(key: str, origin: str) -> bool:
    """A rule with this key may be about data of ``origin``: a group, as an origin, may be any of its members, and what
    is no origin at all may be anything."""
    return key == ANY or origin not in KNOWN or not members(key).isdisjoint(members(origin))


def within(region: str, allowed: Collection[str]) -> bool:
    """All of ``region`` lies in what is allowed."""
    return ANY in allowed or members(region) <= frozenset[str]().union(*map(members, allowed))


def written(origins: Collection[str]) -> str:
    """As a token has them: the countries there are, or with "-" those that are missing; the shorter.

    A group is among the origins just where all of its members are: every rule on one of them may be on the group.
    """
    there, missing = _folded(COUNTRIES.intersection(origins)), _folded(COUNTRIES.difference(origins))
    return " ".join(there) if len(there) <= len(missing) else f"-{' '.join(missing)}"


def said(origins: Collection[str]) -> str:
    """The same for a person.

    >>> said({"US"}), said(COUNTRIES - EU), said(EEA - {"NO"})
    ('only rows from US', 'no rows from EU', 'only rows from EU, IS, LI')
    """
    text = written(origins)
    return f"{'no' if text.startswith('-') else 'only'} rows from {', '.join(text.removeprefix('-').split())}"


def read(text: str) -> frozenset[str]:
    """What :func:`written` wrote; a name that nobody knows names nothing."""
    named = frozenset[str]().union(*map(members, text.removeprefix("-").split()))
    found = COUNTRIES - named if text.startswith("-") else COUNTRIES & named
    return found | {group for group, inside in GROUPS.items() if inside <= found}


def _folded(countries: frozenset[str]) -> list[str]:
    """With a group's name in the place of all of its members."""
    found: list[str] = []
    for group in sorted(GROUPS, key=lambda name: -len(GROUPS[name])):
        if GROUPS[group] <= countries:
            found.append(group)
            countries -= GROUPS[group]
    return found + sorted(countries)
