"""[B] A schema as a person writes it down, in JSON: ``{"table": {"column": "type"}}``, or databases around tables."""

from __future__ import annotations

import json
from typing import Any

from lineage.errors import InputError

_NEXT = 'the form is {"orders": {"id": "INTEGER", "total": "REAL"}}, or {"shop": {"orders": {…}}}'
_MOST_PARTS = 3


def schema_of(text: str, name: str) -> dict[str, dict[str, str]]:
    """"table" or "db.table" → column → type.  A list of names stands for columns of unknown types.

    ``name`` is the file's, for errors.  Raises InputError (PAI023), ``where`` the file or the key in it.

    >>> schema_of('{"shop": {"orders": {"id": "INTEGER"}}, "days": ["day"]}', "s.json")
    {'shop.orders': {'id': 'INTEGER'}, 'days': {'day': ''}}
    """
    try:
        content = json.loads(text, object_pairs_hook=_once)
    except _Twice as error:
        raise _malformed(f"the key {str(error)!r} is there twice", name) from None
    except json.JSONDecodeError as error:
        raise _malformed(f"this is not JSON: {error.msg}", f"{name}:{error.lineno}:{error.colno}") from None
    except RecursionError:
        raise _malformed("this is nested too deeply", name) from None
    if not isinstance(content, dict):
        raise _malformed("a schema is an object of tables", name)
    found: dict[str, dict[str, str]] = {}
    for key, value in content.items():
        _take(found, (key,), value, name)
    known: dict[str, str] = {}
    for table, columns in found.items():
        _alike(known, table, f"the table {table!r}", name)
        seen: dict[str, str] = {}
        for column in columns:
            _alike(seen, column, f"the column {column!r} of {table!r}", name)
    return found


class _Twice(ValueError):
    pass


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        keys = [key for key, _ in pairs]
        raise _Twice(next(key for key in keys if keys.count(key) > 1))
    return made


def _take(found: dict[str, dict[str, str]], path: tuple[str, ...], value: Any, name: str) -> None:
    table = ".".join(path)
    if not all(path):
        raise _malformed("a name is empty", f"{name}:{table}")
    if isinstance(value, list) and all(isinstance(column, str) for column in value):
        if len(set(value)) < len(value):
            raise _malformed(f"{table!r} has a column twice", f"{name}:{table}")
        value = dict.fromkeys(value, "")
    if not isinstance(value, dict):
        raise _malformed(f"{table!r} is {type(value).__name__}, not an object of columns", f"{name}:{table}")
    if all(isinstance(kind, str | None) for kind in value.values()):
        if not all(value):
            raise _malformed(f"{table!r} has a column without a name", f"{name}:{table}")
        if table in found:
            raise _malformed(f"the table {table!r} is there twice", f"{name}:{table}")
        found[table] = {column: kind or "" for column, kind in value.items()}
        return
    if len(path) >= _MOST_PARTS:
        raise _malformed(f"{table!r} is no table: the type of a column is a text", f"{name}:{table}")
    for key, inner in value.items():
        if not isinstance(inner, dict | list):
            raise _malformed(f"{table!r} holds columns and tables side by side", f"{name}:{table}.{key}")
        _take(found, (*path, key), inner, name)


def _alike(seen: dict[str, str], name: str, what: str, file: str) -> None:
    other = seen.setdefault(name.lower(), name)
    if other != name:
        raise _malformed(f"{what} is also spelled {other!r}: SQL compares names without regard to case", file)


def _malformed(what: str, where: str) -> InputError:
    return InputError("PAI023", what, where=where, next=_NEXT)
