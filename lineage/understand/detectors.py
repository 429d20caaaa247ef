"""Understand: what one field of a payload really holds.

Detectors only propose (``Proposal``); a label is a person's decision.  They are deterministic, look at one
field at a time, never raise, and give no value away: a proposal says which rule matched, not what it saw.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from lineage.model import Confidence
from lineage.understand.contacts import email_rule, phone_rule
from lineage.understand.exif import block_of, is_picture, position_in
from lineage.understand.person import name_rule

# Characters of a text that are looked at: far above any utterance, low enough to bound the time.
MAX_TEXT = 65_536
# Elements of a batched field (one per row) that are looked at.
MAX_ELEMENTS = 1_000

GPS = "user.location.precise"
EMAIL = "user.contact.email"
PHONE = "user.contact.phone"
NAME = "user.name"
# Rules that rest on weak evidence; all others are HIGH.
_LOW = frozenset({"email.spoken", "phone.cued", "name.with", "name.full"})


class Proposal(NamedTuple):
    """``category`` (a key of the taxonomy) is at ``path``: the field itself, or a part like "photo.exif.gps"."""

    category: str
    path: str
    confidence: Confidence
    rule: str


def detect(field: str, value: object) -> tuple[Proposal, ...]:
    """What ``value`` (str, bytes, or a list or tuple of them, one per row) holds; each thing once, sorted."""
    found: dict[tuple[str, str], Proposal] = {}
    for element in _elements(value):
        for proposal in _one(field, element):
            key = (proposal.category, proposal.path)
            if key not in found or found[key].confidence == "LOW":
                found[key] = proposal
    return tuple(sorted(found.values()))


def detect_text(field: str, text: str) -> Iterator[Proposal]:
    """E-mail address, telephone number and person name; ``path`` is the field itself."""
    text = text[:MAX_TEXT]
    rules = ((EMAIL, email_rule(text)), (PHONE, phone_rule(text)), (NAME, name_rule(text)))
    for category, rule in rules:
        if rule:
            yield Proposal(category, field, "LOW" if rule in _LOW else "HIGH", rule)


def detect_picture(field: str, block: bytes) -> Iterator[Proposal]:
    """The position in a picture's EXIF ``block`` (see :func:`lineage.understand.exif.block_of`)."""
    if position_in(block) is not None:
        yield Proposal(GPS, f"{field}.exif.gps", "HIGH", "exif.gps")


def _one(field: str, value: str | bytes) -> Iterable[Proposal]:
    if isinstance(value, str):
        return detect_text(field, value)
    if is_picture(value):
        return detect_picture(field, block_of(value))
    try:
        return detect_text(field, value[: 4 * MAX_TEXT].decode())
    except UnicodeDecodeError:  # neither a picture we know nor a text
        return ()


def _elements(value: object) -> Iterator[str | bytes]:
    values = value[:MAX_ELEMENTS] if isinstance(value, (list, tuple)) else (value,)
    for element in values:
        if isinstance(element, (str, bytes)):
            yield element
        elif isinstance(element, (bytearray, memoryview)):
            yield bytes(element)
