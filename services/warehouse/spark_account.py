"""[B] Spark's own account of a query: the tables and columns that its *analysed* plan refers to.

The analysed plan is what Spark's analyser resolved, before the optimiser prunes: a column counts when
any operator above its table refers to it, a join's or a filter's condition and a CTE's list included.
That is also what SQLite tells its authorizer, so both engines' accounts can be compared, and a statement
is judged for no less than it could use.  What the *executed* plan then scans, which may be less, is the
business of whoever taps the session.

Trusted: only leaves that are known.  Any other refuses (PAI021), so that no reader of files hides here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lineage.errors import InputError
from services.warehouse.catalog import Table
from services.warehouse.spark_names import ROW

# Leaves that hold no table's rows: literals, VALUES, a CTE's name (its definition is in the plan, too).
_NO_TABLE = frozenset({"OneRowRelation", "LocalRelation", "CTERelationRef", "UnionLoopRef", "Range"})


def reads(plan: Any, folders: Mapping[str, Table], where: str) -> dict[str, tuple[str, ...]]:
    """Qualified table → its columns in the catalog's order.  ``plan``: the JVM's; ``folders``: a table by its folder.

    A table of which only the rows' numbers are taken, to find those that change, is not read.
    Raises InputError (PAI021) for a leaf that is no table of the warehouse.
    """
    referred: set[int] = set()
    leaves: list[Any] = []
    for node in _nodes(plan):
        if node.children().isEmpty():
            leaves.append(node)
        else:
            referred.update(one.exprId().id() for one in _items(node.references().toSeq()))
    found: dict[str, set[str]] = {}
    hidden: set[str] = set()
    for leaf in leaves:
        kind = leaf.getClass().getSimpleName()
        if kind in _NO_TABLE:
            continue
        table = _table(leaf, kind, folders)
        if table is None:
            raise InputError("PAI021", f"the statement would read what is no table of the warehouse ({kind})",
                             where=where)
        names = {str(one.name()) for one in _items(leaf.output()) if one.exprId().id() in referred}
        (hidden if names == {ROW} else set()).add(table.name)
        found.setdefault(table.name, set()).update(names - {ROW})
    return {name: tuple(column for column in table.columns if column in found[name])
            for name, table in sorted((table.name, table) for table in folders.values())
            if name in found and not (name in hidden and not found[name])}


def _table(leaf: Any, kind: str, folders: Mapping[str, Table]) -> Table | None:
    if kind != "LogicalRelation" or leaf.relation().getClass().getSimpleName() != "HadoopFsRelation":
        return None
    paths = {str(path.toUri().getPath()).rpartition("/")[0] for path in _items(leaf.relation().location().rootPaths())}
    return folders.get(paths.pop()) if len(paths) == 1 else None


def _nodes(plan: Any) -> Iterator[Any]:
    """The plan's operators, those of sub-queries within expressions included."""
    pending = [plan]
    while pending:
        node = pending.pop()
        yield node
        pending += [*_items(node.children()), *_items(node.subqueries())]


def _items(seq: Any) -> Iterator[Any]:
    return (seq.apply(at) for at in range(seq.size()))
