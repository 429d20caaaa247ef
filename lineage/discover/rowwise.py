"""[B] Which columns of a written table hold what the row of the same correlation key held before.

``INSERT INTO b (…, _key) SELECT …, _key FROM a`` moves rows: who reads rows of ``b`` by their keys reads nothing of
the rows of ``a`` that have other keys.  An aggregate, a window, a join's other side, UNION or a sub-query mixes rows,
and whose data is in which row of the result cannot be told from the keys.  Whatever is not plainly the first is taken
for the second.
"""

from __future__ import annotations

from functools import lru_cache

from sqlglot import exp

from lineage.discover.sql_stack import deeply
from lineage.discover.sql_text import SqlFault, parse

# The column that keeps a row's correlation key.
KEY = "_key"
# What takes more than the row at hand into a value.
_MIXING = (exp.AggFunc, exp.Window, exp.Subquery, exp.Select, exp.Exists)


@lru_cache(maxsize=512)
def kept(statement: str) -> tuple[str, frozenset[str]]:
    """(source table in lower case, columns of the target in lower case that hold its rows); ("", none) where none do.

    >>> kept("INSERT INTO core.b (u, n, _key) SELECT a.u, max(o.n), a._key FROM core.a AS a, core.o AS o")
    ('', frozenset())
    >>> source, columns = kept("INSERT INTO core.b (u, n, _key) SELECT a.u, o.n, a._key FROM core.a AS a, core.o AS o")
    >>> source, sorted(columns)
    ('core.a', ['_key', 'u'])
    """
    try:
        return deeply(lambda: _kept(parse(statement, "sqlite")))
    except SqlFault:
        return "", frozenset()


def _kept(tree: exp.Expr) -> tuple[str, frozenset[str]]:
    none: tuple[str, frozenset[str]] = "", frozenset()
    if not isinstance(tree, exp.Insert) or not isinstance(tree.this, exp.Schema) or tree.args.get("conflict"):
        return none
    select = tree.expression
    if not isinstance(select, exp.Select) or select.args.get("group") or select.args.get("with_"):
        return none
    names = [column.name.lower() for column in tree.this.expressions]
    values = [one.this if isinstance(one, exp.Alias) else one for one in select.expressions]
    if KEY not in names or len(names) != len(values) or any(
            value.find(exp.AggFunc) and not value.find(exp.Window) for value in values):
        return none
    tables = _tables(select)
    key = values[names.index(KEY)]
    owner = _owner(key, tables)
    if not isinstance(key, exp.Column) or key.name.lower() != KEY or not owner or not tables[owner]:
        return none
    return tables[owner], frozenset(name for name, value in zip(names, values, strict=True)
                                    if _of(value, owner, tables))


def _tables(select: exp.Select) -> dict[str, str]:
    """Alias → table, empty for what is none (a sub-query); all in lower case."""
    found = {}
    begin = select.args.get("from_")
    for node in (begin.this if begin is not None else None, *(join.this for join in select.args.get("joins") or ())):
        if isinstance(node, exp.Table):
            found[node.alias_or_name.lower()] = f"{node.db}.{node.name}".lower().lstrip(".")
        elif node is not None:
            found[node.alias_or_name.lower()] = ""
    return found


def _owner(value: exp.Expr, tables: dict[str, str]) -> str:
    """The one alias whose columns the value names; empty where that is unclear."""
    aliases = {column.table.lower() or (next(iter(tables)) if len(tables) == 1 else "")
               for column in value.find_all(exp.Column)}
    return next(iter(aliases)) if len(aliases) == 1 and aliases <= tables.keys() else ""


def _of(value: exp.Expr, owner: str, tables: dict[str, str]) -> bool:
    return value.find(*_MIXING) is None and (value.find(exp.Column) is None or _owner(value, tables) == owner)
