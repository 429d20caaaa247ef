"""The guard is last, sees the final arguments, and stays: against extensions that would have it otherwise."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest

from lineage.errors import PolicyDenied
from lineage.privacylib import Capture, Extension, MemorySink, Operation, PrivacyLib

KEY = "0af7651916cd43dd8448eb211c80319c"


class Forbid(Extension):
    """Refuses the field "secret"; says what it was shown."""

    guards = True

    def __init__(self) -> None:
        self.shown: list[tuple[str, ...]] = []

    def before(self, op: Operation) -> None:
        self.shown.append(op.fields)
        if "secret" in op.fields:
            raise PolicyDenied("PAI301", "no secrets")


class Ask(Extension):
    """Asks for the secret instead of what the service asked for."""

    def before(self, op: Operation) -> None:
        op.fields = ("secret",)


class AskLate(Ask):
    """The same, as a guard of its own: it would run after the other."""

    guards = True


def refused(lib: PrivacyLib, fields: tuple[str, ...] = ("open",)) -> bool:
    touched = False
    with lib.scope(key=KEY):
        try:
            with lib.read("file:x", fields=fields):
                touched = True
        except PolicyDenied:
            return not touched
    return False


@pytest.mark.parametrize("order", [lambda guard, other: [guard, other], lambda guard, other: [other, guard]],
                         ids=["guard-first", "guard-last"])
@pytest.mark.parametrize("other", [Ask, AskLate])
def test_what_is_changed_is_judged_wherever_the_extensions_stand(
        other: type[Extension], order: Callable[[Extension, Extension], list[Extension]]) -> None:
    guard = Forbid()
    assert refused(PrivacyLib("web", order(guard, other())))
    assert guard.shown[-1] == ("secret",)


class Restless(Extension):
    """A guard that changes the arguments each time that it is asked."""

    guards = True
    asked = 0

    def before(self, op: Operation) -> None:
        self.asked += 1
        op.fields = (f"field-{self.asked}",)


def test_a_guard_that_never_comes_to_rest_is_no_way_around_another() -> None:
    touched = False
    lib = PrivacyLib("web", [Forbid(), Restless()])
    with lib.scope(key=KEY), pytest.raises(PolicyDenied) as caught, lib.read("file:x"):
        touched = True
    assert caught.value.code == "PAI307" and not touched


class Allow(Extension):
    guards = True


@pytest.mark.parametrize("order", [[Forbid, Allow], [Allow, Forbid]])
def test_a_second_guard_cannot_allow_what_the_first_forbids(order: list[type[Extension]]) -> None:
    lib = PrivacyLib("web", [kind() for kind in order])
    assert refused(lib, ("secret",)) and not refused(lib)


class Remove(Extension):
    """Takes the chain apart, from inside an operation."""

    def before(self, op: Operation) -> None:
        for name in ("befores", "afters", "extensions"):
            with suppress(AttributeError):
                setattr(op.lib, name, ())


def test_it_cannot_be_removed() -> None:
    sink = MemorySink()
    lib = PrivacyLib("web", [Remove(), Capture(sink), Forbid()])
    for _ in range(2):
        assert refused(lib, ("secret",)) and not refused(lib)
    assert len(sink.records) == 2  # nor can Capture


def test_the_list_that_was_given_is_not_the_chain() -> None:
    given: list[Extension] = [Forbid()]
    lib = PrivacyLib("web", given)
    given.clear()
    assert refused(lib, ("secret",))


class Swallow(Extension):
    def after(self, op: Operation) -> None:
        op.detail.pop("error", None)


def test_a_refusal_that_is_swallowed_is_still_no_io() -> None:
    """Neither an extension's ``after`` nor the service's own ``except`` gets the I/O done."""
    sink = MemorySink()
    lib = PrivacyLib("web", [Swallow(), Capture(sink), Forbid()])
    reached = []
    with lib.scope(key=KEY):
        for _ in range(2):
            try:
                with lib.read("file:x", fields=("secret",)):
                    reached.append(1)
            except PolicyDenied:
                pass
    assert reached == [] and sink.records == []
