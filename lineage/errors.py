"""The exception tree.  Every error says what, where, and what to do next.

    SightlineError
    ├── InputError       the user's file, photo, option or name is wrong      (PAI0xx)
    ├── RunError         the machinery failed: a port, a process, a deadline  (PAI0xx)
    ├── PolicyDenied     a requirement, or a check that could not be made     (PAI3xx)
    └── NotProved        what was to be shown is not so                       (PAI4xx)
"""

from __future__ import annotations


class SightlineError(Exception):
    """``code`` is a key of :data:`lineage.codes.CODES`; ``where`` names file:line, service or asset."""

    exit_code = 2

    def __init__(self, code: str, what: str, *, where: str = "", next: str = "") -> None:
        super().__init__(code, what, where, next)
        self.code = code
        self.what = what
        self.where = where
        self.next = next or f"sightline explain {code}"

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        return f"{self.code} {place}{self.what}"

    def to_dict(self) -> dict[str, str]:
        return {"code": self.code, "what": self.what, "where": self.where, "next": self.next}


class InputError(SightlineError):
    """What the user gave cannot be used."""


class RunError(SightlineError):
    """A run could not be completed."""

    exit_code = 3


class PolicyDenied(SightlineError):
    """A flow was refused before a byte moved."""

    exit_code = 1


class NotProved(SightlineError):
    """What was to be shown is not so, or what was brought as proof of it does not hold."""

    exit_code = 1
