"""A service's debug log: what nobody foresaw, in an ordinary operational sink that carries no annotation.

Two files.  ``debug/<service>.places`` says of each failure its code, the type that was raised and the place, all of
them names that stand in the code.  ``debug/<service>.traces`` has the text: message and traceback, which may quote
whatever was in memory.  So the text is a write like any other: the guard judges the scope's floating label, and the
labels of the scopes that the exception came out of, against the file's.  What was raised before any governed data
was read is kept whole; after that the places alone, and a decision says why.  Outside every scope there is no label
to judge, and no text.

Not hidden: that something failed, and where; both may depend on what was read (a stated limit).
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from typing import Any

from lineage.model import Label
from lineage.privacylib import PrivacyLib
from lineage.privacylib.scope import labels_of, within
from services.seams import Store

_log = logging.getLogger("sightline.services")
# Free text can be about anybody: a category, and no annotation.
TRACES = {"text": Label("user")}
PLACES = {"code": Label(operational="identifier"), "type": Label(operational="identifier"),
          "place": Label(operational="structure")}
CODE = "PAI031"


class DebugLog:
    """``store``: None where a service keeps no files; then only standard error has the place."""

    def __init__(self, lib: PrivacyLib, store: Store | None = None) -> None:
        self._lib = lib
        self._store = store

    def unforeseen(self, error: BaseException) -> None:
        """Never raises: the failure that is told of is what counts."""
        name, kind, place = self._lib.service, type_of(error), place_of(error)
        _log.error("%s: a request failed: %s at %s", name, kind, place)
        if self._store is None:
            return
        with nullcontext() if within(self._lib) else self._lib.scope(), suppress(Exception):
            self._keep("places", {"code": CODE, "type": kind, "place": place}, PLACES, {})
        if not within(self._lib):
            return
        for label in labels_of(_chained(error)):
            self._lib.context.join(label)
        with suppress(Exception):  # PolicyDenied above all: the guard has told its decision
            self._keep("traces", {"text": text_of(error)}, TRACES, None)

    def _keep(self, kind: str, line: dict[str, str], labels: dict[str, Label], sources: dict[str, Any] | None) -> None:
        """Registered when it is first needed: a service that never fails has no such asset."""
        assert self._store is not None
        path = f"debug/{self._lib.service}.{kind}"
        self._lib.register(f"file:{path}", labels)
        with self._lib.write(f"file:{path}", fields=tuple(labels), sources=sources):
            self._store.append(path, json.dumps(line).encode() + b"\n")


def type_of(error: BaseException) -> str:
    """The nearest class that is found by its name where it says it stands: one made at run time can be named after
    data."""
    for kind in type(error).__mro__:
        found: Any = sys.modules.get(kind.__module__)
        for part in kind.__qualname__.split("."):
            found = getattr(found, part, None)
        if found is kind:
            return f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")
    return "BaseException"


def text_of(error: BaseException) -> str:
    """The message and the places of the exception, and of each that it came from, the last one first.

    Not by ``traceback``, which opens source files."""
    lines = []
    for one in _chained(error):
        lines.append(f"{type(one).__qualname__}: {one}")
        lines += [f"  {frame.f_code.co_filename}:{line} {frame.f_code.co_name}"
                  for frame, line in traceback.walk_tb(one.__traceback__)]
    return "\n".join(lines)


def place_of(error: BaseException) -> str:
    """"services.web.prompt:38", of the innermost frame that is a loaded module's own code; "" for none."""
    place = ""
    for frame, line in traceback.walk_tb(error.__traceback__):
        module = sys.modules.get(str(frame.f_globals.get("__name__")))
        if module is not None and vars(module) is frame.f_globals and frame.f_code.co_filename == getattr(
                module, "__file__", None):
            place = f"{module.__name__}:{line}"
    return place


def _chained(error: BaseException) -> Iterator[BaseException]:
    """The exception and every one that its text tells of."""
    waiting, seen = [error], set()
    while waiting:
        one = waiting.pop()
        if id(one) not in seen:
            seen.add(id(one))
            yield one
            group = one.exceptions if isinstance(one, BaseExceptionGroup) else ()
            waiting += [other for other in (one.__cause__, one.__context__, *group) if other is not None]


__all__ = ["PLACES", "TRACES", "DebugLog", "place_of", "text_of", "type_of"]
