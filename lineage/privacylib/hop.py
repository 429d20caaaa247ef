"""Hops that lose context variables: threads, foreign event loops, queues between processes.

``asyncio.create_task``, ``gather``, ``call_soon`` and ``asyncio.to_thread`` keep them by themselves.
A thread pool, a ``threading.Thread`` and ``loop.run_in_executor`` do not: *bind* what they run.
Another process needs *baggage* beside the item that it is handed.  Where neither was done, the
first operation is outside every scope, or the baggage is missing: a counted gap, never an exception.

>>> from concurrent.futures import ThreadPoolExecutor
>>> from lineage.privacylib import PrivacyLib
>>> lib = PrivacyLib("web")
>>> key = "0af7651916cd43dd8448eb211c80319c"
>>> with ThreadPoolExecutor(1) as executor, lib.scope(key=key, purpose="assistance"):
...     submit(lib, executor, lambda: lib.context.key == key).result()
...     text = baggage(lib)
True
>>> with resume(PrivacyLib("logger"), text) as context:
...     context.key == key, context.purpose
(True, 'assistance')
"""

from __future__ import annotations

import base64
import binascii
import contextvars
import functools
import json
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, ParamSpec, TypeVar

from lineage.privacylib.claims import check_name
from lineage.privacylib.context import Context, parse_traceparent
from lineage.privacylib.posture import MANY

if TYPE_CHECKING:
    from lineage.privacylib.library import PrivacyLib

P = ParamSpec("P")
R = TypeVar("R")

# Characters.  Longer baggage is not read, and not made.
MAX_BAGGAGE = 8192
_TEXTS = ("activity", "purpose", "principal", "region")


def bind(lib: PrivacyLib, function: Callable[P, R]) -> Callable[P, R]:
    """``function``, run wherever it is called in the scope (and under the other context variables, such as
    OpenTelemetry's) of the place where it was bound; may run many times, also at once.

    Bound outside every scope of ``lib``, it has none to bring: its first operation is the gap.
    """
    inside = contextvars.copy_context()

    @functools.wraps(function)
    def bound(*args: P.args, **options: P.kwargs) -> R:
        # One context cannot be entered twice at a time, and a copy costs nothing that grows.
        return inside.copy().run(function, *args, **options)

    return bound


def submit(lib: PrivacyLib, executor: Executor, function: Callable[P, R], *args: P.args,
           **options: P.kwargs) -> Future[R]:
    """``executor.submit`` for a pool of threads, in this scope.  A pool of processes needs ``baggage``."""
    return executor.submit(bind(lib, function), *args, **options)


class Baggage(NamedTuple):
    """What crosses.  ``annotations``: the scope's label, each with the names that brought it; it can only raise."""

    traceparent: str
    annotations: dict[str, tuple[str, ...]]
    claims: bytes = b""
    activity: str = ""
    purpose: str = ""
    principal: str = ""
    region: str = ""


def baggage(lib: PrivacyLib) -> str:
    """This scope as ASCII text of at most MAX_BAGGAGE characters, to go beside an item in a queue.

    Claims and label that do not fit stay behind, and whoever resumes is told so: a gap there.
    """
    context = lib.context
    kept: dict[str, Any] = {"traceparent": context.traceparent}
    kept |= {name: value for name in _TEXTS if (value := getattr(context, name))}
    more = dict(kept)
    if context.claims:
        more["claims"] = base64.b64encode(context.claims).decode()
    if context.posture.annotations:
        more["annotations"] = dict(context.posture.annotations)
    for content in (more, kept | {"cut": True}, {"traceparent": context.traceparent, "cut": True}):
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        if len(text) <= MAX_BAGGAGE:
            break
    return text


@contextmanager
def resume(lib: PrivacyLib, text: object, asset: str = "") -> Iterator[Context]:
    """The scope that ``text`` was taken from goes on here, with its key, purpose, claims and label.

    ``asset``: what the item was taken from, named in the gap when ``text`` is missing, malformed,
    over-long or cut; then the scope has a key of its own, or lacks what was cut.
    """
    try:
        found, problem = _decoded(text)
    except ValueError as error:
        found, problem = Baggage("", {}), str(error)
    with lib.root(traceparent=found.traceparent, activity=found.activity, purpose=found.purpose,
                   principal=found.principal, region=found.region, claims=found.claims) as context:
        context.join(found.annotations)
        if problem:
            lib.gap(asset or lib.service, f"an item was taken from a queue with {problem}")
        yield context


def _decoded(text: object) -> tuple[Baggage, str]:
    """The baggage, and what is wrong with it all the same.  Raises ValueError with what was found instead."""
    if not text:
        raise ValueError("no baggage")
    try:
        content = text.decode("ascii") if isinstance(text, bytes) else text
        fields = json.loads(content) if isinstance(content, str) and len(content) <= MAX_BAGGAGE else None
        if not isinstance(fields, dict):
            raise ValueError
        json.dumps(fields, ensure_ascii=False).encode()  # half a surrogate pair could not be sent on
        values = {name: fields.get(name, "") for name in ("traceparent", *_TEXTS)}
        claims = base64.b64decode(fields.get("claims", ""), validate=True)
        annotations = {annotation: (names,) if isinstance(names, str) else tuple(names)
                       for annotation, names in dict(fields.get("annotations", {})).items()}
    except (ValueError, TypeError, RecursionError, binascii.Error):
        raise ValueError("malformed baggage") from None
    if not (parse_traceparent(values["traceparent"]) and all(isinstance(value, str) for value in values.values())
            and all(names and all(isinstance(name, str) for name in names) for names in annotations.values())):
        raise ValueError("malformed baggage")
    for name in filter(None, (values["activity"], *(name for names in annotations.values() for name in names))):
        try:
            if name != MANY:
                check_name(name)
        except ValueError:
            raise ValueError("malformed baggage") from None
    cut = "baggage that was cut" if fields.get("cut") else ""
    return Baggage(annotations=annotations, claims=claims, **values), cut
