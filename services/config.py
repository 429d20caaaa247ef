"""Reads YAML configs strictly: every error names file:line, the key, and the nearest known one."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from lineage.errors import InputError


class Config:
    """One mapping of a YAML text; ``code`` is that of its errors (PAI020 or PAI022)."""

    def __init__(self, data: Any, code: str, where: str, line: int = 1) -> None:
        self._data: Any = data
        self._code = code
        self._where = where
        self._line = line
        if not _is_mapping(data):
            raise self.error(f"expected a mapping (key: value), not {_kind(data)}")

    @classmethod
    def parse(cls, text: str, code: str, where: str) -> Config:
        """Raises InputError for a text that is not YAML, or is no mapping."""
        try:
            data: Any = YAML(typ="rt").load(text)
        except YAMLError as error:
            mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
            place = f"{where}:{mark.line + 1}" if mark else where
            problem = error.problem if isinstance(error, MarkedYAMLError) else " ".join(str(error).split())
            raise InputError(code, f"not YAML: {problem}", where=place) from None
        except (ValueError, RecursionError, TypeError) as error:  # an impossible date, endless nesting, a list as key
            raise InputError(code, f"not YAML: {error}", where=where) from None
        return cls(data, code, where, data.lc.line + 1 if _is_mapping(data) else 1)

    def error(self, what: str, key: object = None) -> InputError:
        """An error at ``key``, or at the mapping itself."""
        line = self._line
        if key is not None and _is_mapping(self._data) and key in self._data:
            line = self._data.lc.key(key)[0] + 1
        return InputError(self._code, what, where=f"{self._where}:{line}")

    def only(self, known: Collection[str]) -> None:
        """Refuses every other key, with the nearest known one as a suggestion."""
        for key in self._data:
            if key not in known:
                close = get_close_matches(str(key), known, 1)
                hint = f"did you mean {close[0]!r}?" if close else f"keys are {', '.join(known)}"
                raise self.error(f"unknown key {key!r}; {hint}", key)

    def has(self, key: str) -> bool:
        return key in self._data

    def names(self) -> list[str]:
        """Every key, each of which has to be a text."""
        for key in self._data:
            if not isinstance(key, str):
                raise self.error(f"the key {key!r} is not a text; put it in quotes", key)
        return list(self._data)

    def value(self, key: str) -> Any:
        """As it stands; the caller judges it."""
        return self._get(key, None)

    def text(self, key: str, default: str | None = None) -> str:
        value = self._get(key, default)
        if not isinstance(value, str) or (not value and default is None):
            raise self.error(f"{key} is {value!r}; it is a text", key)
        return str(value)

    def number(self, key: str) -> int:
        value = self._get(key, None)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise self.error(f"{key} is {value!r}; it is a whole number, 1 or more", key)
        return int(value)

    def flag(self, key: str, default: bool) -> bool:
        value = self._get(key, default)
        if not isinstance(value, bool):
            raise self.error(f"{key} is {value!r}; it is true or false", key)
        return value

    def texts(self, key: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
        value = self._get(key, default)
        if not isinstance(value, list | tuple) or not all(isinstance(item, str) and item for item in value):
            raise self.error(f"{key} is {value!r}; it is a list of texts", key)
        if not value and default is None:
            raise self.error(f"{key} is empty", key)
        return tuple(map(str, value))

    def mapping(self, key: str) -> Config:
        return Config(self._get(key, None), self._code, self._where, self._line_of(key))

    def mappings(self, key: str) -> list[Config]:
        value: Any = self._get(key, None)
        if not _is_list(value) or not value:
            raise self.error(f"{key} is {_kind(value)}; it is a list of mappings, at least one", key)
        return [Config(item, self._code, self._where, value.lc.item(index)[0] + 1) for index, item in enumerate(value)]

    def _get(self, key: str, default: Any) -> Any:
        if key in self._data:
            return self._data[key]
        if default is None:
            raise self.error(f"the key {key!r} is missing")
        return default

    def _line_of(self, key: str) -> int:
        return int(self._data.lc.key(key)[0]) + 1


def _is_mapping(value: object) -> bool:
    return isinstance(value, dict)


def _is_list(value: object) -> bool:
    return isinstance(value, list)


def _kind(value: object) -> str:
    return "nothing" if value is None else f"{type(value).__name__} {str(value)[:40]!r}"
