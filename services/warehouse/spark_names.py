"""[B] How the Spark engine names what it keeps: views of tables, the number of a row, types."""

from __future__ import annotations

# The hidden column that gives each row its place: reads are in its order, updates find rows by it.
ROW = "__row"
# SQL types of the catalog, and Spark's.
TYPES = {"TEXT": "STRING", "INTEGER": "BIGINT", "REAL": "DOUBLE", "BLOB": "BINARY"}


def view_of(table: str) -> str:
    """The name of the view of "core.sessions": t4_core_sessions, where 4 keeps core.a_b and core_a.b apart."""
    database, _, name = table.partition(".")
    return f"t{len(database)}_{database}_{name}".lower()


def rows_view_of(table: str) -> str:
    """The same, with the number of each row."""
    return f"rows_{view_of(table)}"
