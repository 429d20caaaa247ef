"""[B] What SQL's dialects disagree on, as far as it changes the meaning of a name.  Nothing here reads SQL."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

# Result names are folded to lower case here (Snowflake's and Oracle's upper case included: one spelling to compare).
_FOLD = frozenset({"postgres", "redshift", "trino", "presto", "athena", "snowflake", "oracle", "materialize",
                   "risingwave"})
# A projection sees the aliases before it:  SELECT a + 1 AS b, b * 2 AS c.
_SEE_ALIASES = frozenset({"", "duckdb", "snowflake", "redshift", "spark", "spark2", "databricks", "clickhouse", "hive",
                          "teradata"})
_PSEUDO = {"oracle": frozenset({"level", "rownum", "sysdate", "systimestamp", "user", "uid"}),
           "snowflake": frozenset({"level", "sysdate"}), "tsql": frozenset({"current_user", "session_user"})}
_NOWHERE = {"oracle": frozenset({"dual"}), "mysql": frozenset({"dual"})}
# What stands bare as a unit in date functions that the parser does not know.
UNITS = frozenset("microsecond millisecond second minute hour day dayofweek dayofyear week isoweek month quarter year "
                  "isoyear epoch dow doy ss mi hh dd ww wk mm qq yy yyyy".split())


class Dialect(NamedTuple):
    name: str
    folds: bool
    sees_aliases: bool
    # a.b may be the field b of the column a; a table's name alone may be its row.
    structs: bool
    # SQLite names an unnamed cast by its text, the others by its column.
    names_casts: bool
    pseudo: frozenset[str]
    # Tables of one row and no column of anybody's.
    nowhere: frozenset[str]


@lru_cache(maxsize=64)
def dialect_of(name: str) -> Dialect:
    """``name`` is one of sqlglot's, "" for its own superset of all."""
    name = name.lower().partition(",")[0]
    lite = name == "sqlite"
    return Dialect(name, name in _FOLD, name in _SEE_ALIASES, not lite, not lite, _PSEUDO.get(name, frozenset()),
                   _NOWHERE.get(name, frozenset()))
