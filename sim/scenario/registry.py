"""The registry that steps, faults and expectations are entered in: names, keys, one line of docs.

Serves all four stages.  It holds a given mapping to the declared keys; what the entry *does*
with them is the business of steps.py, faults.py and expectations.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, NamedTuple, TypeVar, get_args, get_origin

from lineage.errors import InputError
from sim.scenario.compare import Comparable, is_comparable, is_number
from sim.scenario.words import did_you_mean, shown

T = TypeVar("T")
# str, int, float, bool, list, dict, list[str], Literal[...], Comparable, object (anything),
# or a tuple of these (any one of them).
KeyType = Any

_SIMPLE: dict[Any, tuple[Callable[[Any], bool], str]] = {
    str: (lambda value: isinstance(value, str), "text"),
    int: (lambda value: isinstance(value, int) and not isinstance(value, bool), "a whole number"),
    float: (is_number, "a number"),
    bool: (lambda value: isinstance(value, bool), "true or false"),
    list: (lambda value: isinstance(value, list | tuple), "a list"),
    dict: (lambda value: isinstance(value, Mapping), "a mapping"),
    Comparable: (is_comparable, 'a number or a comparator such as ">= 3"'),
    object: (lambda value: value is not None, "a value"),
}


def _origin(kind: Any) -> Any:
    return get_origin(kind)


def fits(kind: KeyType, value: Any) -> bool:
    """True if ``value`` is of the declared type; YAML's ``true`` is no int."""
    if isinstance(kind, tuple):
        return any(fits(one, value) for one in kind)
    if _origin(kind) is Literal:
        return any(type(value) is type(choice) and value == choice for choice in get_args(kind))
    if _origin(kind) is list:
        return isinstance(value, list | tuple) and all(fits(get_args(kind)[0], item) for item in value)
    return _SIMPLE[kind][0](value)


def in_words(kind: KeyType) -> str:
    """The type for a message: ``text``, ``a whole number``, ``'allowed' or 'blocked'``."""
    if isinstance(kind, tuple):
        return " or ".join(in_words(one) for one in kind)
    if _origin(kind) is Literal:
        return " or ".join(shown(choice) for choice in get_args(kind))
    if _origin(kind) is list:
        return f"a list, each {in_words(get_args(kind)[0])}"
    return _SIMPLE[kind][1]


class Doc(NamedTuple):
    """One row of ``sightline list --expectations``; an optional key ends in ``?``."""

    name: str
    stage: str
    keys: tuple[str, ...]
    doc: str


@dataclass(frozen=True)
class Entry(Generic[T]):
    """A registered name.  ``make`` is what was decorated; of ``one_of`` exactly one is given."""

    name: str
    make: T
    keys: Mapping[str, KeyType]
    optional: Mapping[str, KeyType]
    one_of: tuple[str, ...]
    stage: str
    doc: str
    known: Mapping[str, KeyType] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "known", {**self.keys, **self.optional})
        for kind in self.known.values():
            in_words(kind)  # a type outside the list fails here, at import, not in a user's run

    def check(self, given: Mapping[str, Any], where: str, places: Mapping[str, str]) -> None:
        """Raises InputError (PAI010) for an unknown key, a missing key or a wrong type."""
        for key in given:
            if key not in self.known:
                raise InputError("PAI010", f"{self.name} has no key {shown(key)}{did_you_mean(key, self.known)}",
                                 where=places.get(key, where))
        for key, kind in self.keys.items():
            if key not in given:
                raise InputError("PAI010", f"{self.name} needs the key {key!r}: {in_words(kind)}", where=where)
        present = [key for key in self.one_of if key in given]
        if self.one_of and len(present) != 1:
            raise InputError("PAI010", f"{self.name} needs exactly one of {', '.join(self.one_of)}; "
                             f"found {', '.join(present) or 'none'}", where=where)
        for key, value in given.items():
            if not fits(self.known[key], value):
                raise InputError("PAI010", f"{self.name}: {key!r} must be {in_words(self.known[key])}, "
                                 f"not {shown(value)}{self._hint(self.known[key], value)}",
                                 where=places.get(key, where))

    @staticmethod
    def _hint(kind: KeyType, value: Any) -> str:
        """A suggestion where the value is a misspelt choice."""
        if _origin(kind) is Literal and isinstance(value, str):
            return did_you_mean(value, map(str, get_args(kind)))
        return ""


class Registry(Generic[T]):
    """Names of one sort ("step", "fault", "expectation") with what they take and what they are."""

    def __init__(self, sort: str) -> None:
        self.sort = sort
        self._entries: dict[str, Entry[T]] = {}

    def register(self, name: str, keys: Mapping[str, KeyType] | None = None, *,
                 optional: Mapping[str, KeyType] | None = None, one_of: tuple[str, ...] = (),
                 stage: str = "", doc: str = "") -> Callable[[T], T]:
        """Decorates a function or class.  ``doc`` is its docstring's first line where none is given.

        Raises ValueError where another thing has the name; the same one, from a scenario file
        that is loaded again, replaces itself.
        """
        def enter(made: T) -> T:
            old = self._entries.get(name)
            if old is not None and _identity(old.make) != _identity(made):
                raise ValueError(f"the {self.sort} {name!r} is registered twice")
            line = doc or (getattr(made, "__doc__", None) or "").strip().partition("\n")[0]
            self._entries[name] = Entry(name, made, dict(keys or {}), dict(optional or {}), one_of, stage, line)
            return made
        return enter

    def lookup(self, name: str, where: str = "") -> Entry[T]:
        """Raises InputError (PAI011) with the closest name."""
        if name not in self._entries:
            raise InputError("PAI011", f"unknown {self.sort} {shown(name)}{did_you_mean(name, self._entries)}",
                             where=where, next="sightline list --expectations")
        return self._entries[name]

    def validate(self, name: str, given: Mapping[str, Any], where: str = "",
                 places: Mapping[str, str] | None = None) -> Entry[T]:
        """The entry, if ``given`` fits it.  ``places``: file:line of each key, where known.

        Raises InputError: PAI011 for the name, PAI010 for its keys and values.
        """
        entry = self.lookup(name, where)
        entry.check(given, where, places or {})
        return entry

    def docs(self) -> list[Doc]:
        """Every entry, by name."""
        return [Doc(entry.name, entry.stage, (*entry.keys, *(f"{key}?" for key in entry.optional)), entry.doc)
                for entry in self]

    def __iter__(self) -> Iterator[Entry[T]]:
        return iter(sorted(self._entries.values(), key=lambda entry: entry.name))

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, name: object) -> bool:
        return name in self._entries


def _identity(made: object) -> tuple[object, ...]:
    module, name = getattr(made, "__module__", None), getattr(made, "__qualname__", None)
    return (module, name) if module and name else (id(made),)


class Registries(NamedTuple):
    """What a loader needs to know: the names that may stand in a scenario."""

    steps: Registry[Any]
    faults: Registry[Any]
    expectations: Registry[Any]
