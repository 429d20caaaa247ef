"""What there is to say of one code."""

from __future__ import annotations

from typing import NamedTuple


class Code(NamedTuple):
    title: str
    cause: str
    remedy: str
    scenario: str = ""
