"""Understand: e-mail addresses and telephone numbers in a text.

Rules only, no model: the same text gives the same answer on every machine.  A telephone number is looked
for after dates, times, coordinates, prices and order numbers have been masked.  Numbers spelt out in words
are not found.  tests/understand/test_contacts.py measures both kinds of error.

>>> email_rule("send it to anna@example.org"), phone_rule("call 020 7946 0958"), phone_rule("order 020 7946 0958")
('email.written', 'phone.national', '')
"""

from __future__ import annotations

import re

_EMAIL = re.compile(r"(?<![\w.+@-])[\w.+%-]{1,64}@(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}(?![\w@])")
_SPOKEN_EMAIL = re.compile(
    r"(?<![\w.+-])[\w.+-]{1,64} at (?!(?:the|that|this|a|my|your|all) )"
    r"[\w-]{1,63}(?: dot [\w-]{1,63})? dot (?:com|org|net|edu|eu|io|no|se|de|fr|uk)\b",
    re.IGNORECASE,
)

# What has digits and is no telephone number; a match is blotted out before the search.
_MASKS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"\d{4}-\d\d-\d\d[t ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:z|[+-]\d\d:?\d\d)?",  # RFC 3339
        r"(?<![\d./-])(?:0?[1-9]|[12]\d|3[01])([./-])(?:0?[1-9]|1[0-2])\1(?:\d{4}|\d\d)(?![./-]?\d)",  # 31.12.2025
        r"(?<![\d./-])(?:0?[1-9]|1[0-2])([./-])(?:0?[1-9]|[12]\d|3[01])\1(?:\d{4}|\d\d)(?![./-]?\d)",  # 12/31/2025
        r"(?<![\d./-])\d{4}([./-])\d\d?\1\d\d?(?![./-]?\d)",  # 2025-12-31
        r"(?<![\d.])[+-]?\d{1,3}\.\d{3,}(?!\.?\d)",  # a coordinate
        r"\b\d{1,2}:\d\d(?::\d\d)?\b",
        r"\b(?:order|invoice|ticket|booking|reservation|reference|ref|tracking|parcel|case|serial|isbn|account|card|"
        r"flight|id|code)(?: (?:number|no|nr|code|id|is)\b)*[\s.:#]{1,3}[a-z]{0,4}\d[\d /-]*",
        r"#\s?\d[\d /-]*",
        r"[€$£¥]\s?\d[\d ,.]*",
        r"\b[12]\d{3}\s?[-–]\s?[12]\d{3}\b",  # 1889-1900
    )
)
_CANDIDATE = re.compile(r"(?<![\w+.-])(?:\+|\(\+?)?\d(?:[ ./()-]{0,2}\d){5,16}(?!\w)")
_INTERNATIONAL = re.compile(r"\(?(?:\+|00)\)? ?[1-9]")
_NORTH_AMERICAN = re.compile(r"(?:1[ .-])?\(?[2-9]\d\d\)?[ .-]{1,2}[2-9]\d\d[ .-]\d{4}")
_TRUNK = re.compile(r"\(?0[1-9]")
_CUE = re.compile(
    r"\b(?:call|phone|telephone|tel|mobile|cell|text|sms|ring|dial|whatsapp|reach|(?:my|his|her|their) number)\b",
    re.IGNORECASE,
)
_CUE_REACH = 40  # characters before the number
_FEWEST_DIGITS = 7


def email_rule(text: str) -> str:
    """The rule that found an address: "email.written", "email.spoken" ("anna at example dot org"), or ""."""
    if "@" in text and _EMAIL.search(text):
        return "email.written"
    return "email.spoken" if " dot " in text.lower() and _SPOKEN_EMAIL.search(text) else ""


def phone_rule(text: str) -> str:
    """The rule that found a number: "phone.international", "phone.national", "phone.cued", or ""."""
    if sum(map(str.isdigit, text)) < _FEWEST_DIGITS:
        return ""  # most texts: nothing to mask
    masked = text
    for mask in _MASKS:
        masked = mask.sub(lambda found: "_" * len(found[0]), masked)
    for found in _CANDIDATE.finditer(masked):
        cue = _CUE.search(masked, max(0, found.start() - _CUE_REACH), found.start())
        if rule := _judge(found[0], cued=cue is not None):
            return rule
    return ""


def _judge(candidate: str, *, cued: bool) -> str:
    digits = sum(map(str.isdigit, candidate))
    separators = set(re.sub(r"[\d+]", "", candidate))
    if "." in separators and (separators != {"."} or candidate.count(".") < 2):
        return ""  # a decimal number, or two of them
    if _INTERNATIONAL.match(candidate):
        prefix = 2 if candidate.startswith("00") else 0
        return "phone.international" if 8 <= digits - prefix <= 15 else ""  # ITU-T E.164
    if _NORTH_AMERICAN.fullmatch(candidate):
        return "phone.national"
    # A trunk prefix and groups: 020 7946 0958, 070-174 06 05.  Anything else only beside "call", "text" …
    if _TRUNK.match(candidate) and 9 <= digits <= 12 and separators:
        return "phone.national"
    return "phone.cued" if cued and _FEWEST_DIGITS <= digits <= 12 else ""
