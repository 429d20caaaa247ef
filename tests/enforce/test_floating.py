"""Random scopes at the guard, against a naive model: a forbidden read is a violation although nothing is written, and
what a write is enforced by is the join of all that its scope has read, whatever ``sources=`` says.
"""

from __future__ import annotations

import contextvars
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from lineage.enforce.guard import Guard
from lineage.enforce.requirement import Requirement
from lineage.enforce.rules import Rules
from lineage.errors import PolicyDenied
from lineage.model import Label
from lineage.privacylib import Capture, MemorySink, PrivacyLib
from lineage.privacylib.posture import MAX_NAMES

KEY = "0af7651916cd43dd8448eb211c80319c"
# Asset → field → its annotations; a field that begins with "_" is operational.
ASSETS: dict[str, dict[str, str]] = {
    "web:a": {"said": "G", "seen": "L", "plain": "", "_ds": ""}, "web:b": {"both": "GL", "_id": ""},
    "file:g": {"note": "G"}, "file:l": {"note": "L", "_at": "G"}, "file:gl": {"one": "G", "two": "L"},
    "file:bare": {"note": ""}, "file:count": {"_n": ""},
    "file:mixed": {"plain": "", "_at": "G"}, "file:derived": {"_n": "", "_at": "G"}}
GOVERNS = {"r1": "G", "r2": "L", "r3": "GL"}
PERMITS = {"r1": {"p", "q"}, "r2": {"p"}, "r3": {"p", "q", "s"}}


class Do(NamedTuple):
    """``at``: in which of the scopes that were opened so far."""

    what: str
    at: int
    asset: str = ""
    fields: tuple[str, ...] = ()
    sources: tuple[tuple[str, str], ...] = ()
    purpose: str = ""


def _some(kind: str, *, sources: bool = False) -> Any:
    def of(asset: str) -> Any:
        names = [f"{one}#{name}" for one, held in ASSETS.items() for name in held]
        links = st.lists(st.tuples(st.sampled_from(sorted(ASSETS[asset])), st.sampled_from(names)), max_size=2)
        return st.builds(Do, st.just(kind), st.integers(0, 9), st.just(asset),
                         st.lists(st.sampled_from(sorted(ASSETS[asset])), unique=True).map(tuple),
                         links.map(tuple) if sources else st.just(()))

    return st.sampled_from(sorted(ASSETS)).flatmap(of)


ACTIONS = st.lists(st.one_of(
    _some("read"), _some("write", sources=True), st.builds(Do, st.sampled_from(["nest", "leave"]), st.integers(0, 9)),
    st.builds(Do, st.just("activity"), st.integers(0, 9), purpose=st.sampled_from(["p", "q", "s", "t"]))),
    min_size=1, max_size=25)


@dataclass
class Naive:
    """A scope by the book: ``own`` is what was read in it, or given back to it, as (annotation, name)."""

    outer: Naive | None = None
    # An activity is no scope of its own; nor is a scope that was left.
    apart: bool = True
    purpose: str | None = None
    own: set[tuple[str, str]] = field(default_factory=set)

    def top(self) -> Naive:
        return self if self.apart or self.outer is None else self.outer.top()

    def label(self) -> set[tuple[str, str]]:
        top = self.top()
        return top.own | (top.outer.label() if top.outer is not None else set())

    def leave(self) -> None:
        if self.apart and self.outer is not None:
            self.apart = False
            self.top().own |= self.own


def forbidden(purpose: str | None, annotations: str) -> bool:
    return purpose is not None and any(set(GOVERNS[r]) & set(annotations) and purpose not in PERMITS[r]
                                       for r in GOVERNS)


def crosses(source: set[str], sink: set[str]) -> bool:
    return any(source & set(governed) and not sink & set(governed) for governed in GOVERNS.values())


def refused(model: Naive, do: Do) -> bool:
    held = ASSETS[do.asset]
    if do.what == "read":
        return any(forbidden(model.purpose, held[name]) for name in do.fields or held)
    named = any(crosses(set(ASSETS[one.partition("#")[0]][one.partition("#")[2]]), set(held[name]))
                for name, one in do.sources)
    whole = [set(annotations) for name, annotations in held.items() if annotations or not name.startswith("_")]
    return named or (bool(whole) and crosses({one for one, _ in model.label()}, set().union(*whole)))


def library() -> PrivacyLib:
    rules = Rules([Requirement(name, 1, "owner", "zone", "enforcement", frozenset(governed), frozenset(PERMITS[name]))
                   for name, governed in GOVERNS.items()])
    lib = PrivacyLib("web", [Capture(MemorySink()), Guard(rules)])
    for asset, held in ASSETS.items():
        lib.register(asset, {name: Label("" if name.startswith("_") else "user.utterance", tuple(annotations),
                                         "derived" if name.startswith("_") else "")
                             for name, annotations in held.items()})
    return lib


def real(lib: PrivacyLib, inside: contextvars.Context, do: Do) -> bool:
    sources: dict[str, list[str]] = {}
    for name, one in do.sources:
        sources.setdefault(name, []).append(one)
    make = (lambda: lib.read(do.asset, fields=do.fields)) if do.what == "read" else (
        lambda: lib.write(do.asset, fields=do.fields, sources=sources or None))

    def act() -> bool:
        try:
            with make():
                return False
        except PolicyDenied:
            return True

    return inside.run(act)


@settings(max_examples=400)
@given(ACTIONS)
def test_the_guard_judges_like_the_book(actions: list[Do]) -> None:
    lib = library()
    first = contextvars.copy_context()
    first.run(lib.scope(key=KEY).__enter__)
    scopes: list[tuple[contextvars.Context, Naive, Any]] = [(first, Naive(), None)]
    for do in actions:
        inside, model, entered = scopes[do.at % len(scopes)]
        if do.what in ("read", "write"):
            expected = refused(model, do)
            assert real(lib, inside, do) == expected, do
            if do.what == "read" and not expected:
                held = ASSETS[do.asset]
                model.top().own |= {(one, f"{do.asset}#{name}") for name in do.fields or held for one in held[name]}
        elif do.what == "leave":
            if entered is not None and model.apart:
                inside.run(entered.__exit__, None, None, None)
                model.leave()
                scopes[do.at % len(scopes)] = inside, model, None
                inside.run(lib.current.set, entered.context)  # who outlives the scope goes on in it
        else:
            more = inside.run(contextvars.copy_context)
            apart = do.what == "nest"
            entered = inside.run(lambda lib=lib: lib.scope()) if apart else None
            if entered is None:
                more.run(lambda lib=lib, do=do: lib.activity("query:x", purpose=do.purpose).__enter__())
            else:
                more.run(entered.__enter__)
            scopes.append((more, Naive(model, apart, model.purpose if apart else do.purpose), entered))
        for inside, model, _ in scopes:
            assert set(brought(inside, lib)) == model.label()


def brought(inside: contextvars.Context, lib: PrivacyLib) -> Iterator[tuple[str, str]]:
    for annotation, names in inside.run(lambda: lib.context).posture.annotations.items():
        yield from ((annotation, name) for name in names)


@given(st.permutations([f"f{number:03}" for number in range(MAX_NAMES + 3)]))
@settings(max_examples=20)
def test_the_names_of_what_brought_a_label_are_bounded_whatever_their_order(fields: list[str]) -> None:
    lib = PrivacyLib("web")
    lib.register("web:a", {name: Label("user.utterance", ("G",)) for name in fields})
    with lib.scope(key=KEY) as context:
        for name in fields:
            with lib.read("web:a", fields=(name,)):
                pass
        names = context.posture.annotations["G"]
    assert names == (*[f"web:a#f{number:03}" for number in range(MAX_NAMES)], "*")
