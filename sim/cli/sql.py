"""sql: column lineage of any SQL file, with no project around it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lineage.errors import InputError
from sim.cli.options import Json, print_json

if TYPE_CHECKING:
    from lineage.discover.sql_file import FileStatement

_STDIN = "-"


def add(app: typer.Typer) -> None:
    app.command()(sql)


def sql(
    files: Annotated[list[str], typer.Argument(help="Files of SQL, in the order in which they run; - is stdin.",
                                               metavar="FILE…")],
    schema: Annotated[Path, typer.Option(help='JSON: {"table": {"column": "type"}}; databases may stand around '
                                              "tables.")],
    dialect: Annotated[str, typer.Option(help="sqlite, duckdb, postgres, spark, trino, bigquery, snowflake, … ; "
                                              "without it, a superset of what they share.")] = "",
    as_json: Json = False,
) -> None:
    """Which columns each column of a result comes from: DIRECT (its value) or INDIRECT (filter, join, group, order,
    window, condition).

    What a statement creates is known to those after it.  Exit code 1 when a statement cannot be analysed.

    Example: [bold]sightline sql report.sql --schema schema.json --dialect postgres --json[/]
    """
    from lineage.discover.sql_file import SqlFiles
    from lineage.discover.sql_schema import schema_of

    _known(dialect)
    analysis = SqlFiles(schema_of(_read(str(schema), "PAI023"), str(schema)), dialect.lower())
    texts = [(name, _read(name, "PAI021")) for name in files]
    found = [(name, one) for name, text in texts for one in analysis.statements(text)]
    if not found:
        raise InputError("PAI021", "there is no statement in the text", where=", ".join(files))
    if as_json:
        print_json([_json(number, name if len(files) > 1 else "", one) for number, (name, one) in enumerate(found, 1)])
    else:
        for number, (name, one) in enumerate(found, 1):
            _show(number, name, one)
    raise typer.Exit(1 if any(one.faults for _, one in found) else 0)


def _known(dialect: str) -> None:
    from difflib import get_close_matches

    from sqlglot.dialects.dialect import Dialects

    names = sorted(one.value for one in Dialects if one.value)
    if dialect.lower() not in ("", *names):
        close = get_close_matches(dialect.lower(), [*names, "postgresql", "sparksql"], 1)
        hint = {"postgresql": "postgres", "sparksql": "spark"}.get(close[0], close[0]) if close else ""
        raise InputError("PAI010", f"there is no dialect {dialect!r}" + (f"; did you mean {hint!r}?" if hint else ""),
                         where="--dialect", next=f"one of {', '.join(names)}")


def _read(name: str, code: str) -> str:
    """Raises InputError with ``code`` when the file is not there, or is not UTF-8."""
    try:
        raw = sys.stdin.buffer.read() if name == _STDIN else Path(name).read_bytes()
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[:error.start].count(b"\n") + 1
        raise InputError(code, "this is not UTF-8 text", where=f"{name}:{line}",
                         next="convert it: iconv -t UTF-8") from None
    except OSError as error:
        raise InputError(code, f"the file cannot be read: {error.strerror or error}", where=name,
                         next="sightline sql --help") from None


def _json(number: int, name: str, one: FileStatement) -> dict[str, Any]:
    made: dict[str, Any] = {
        "statement": number, "output": one.output,
        "edges": [{"from": edge.source, "to": edge.target, "kind": edge.kind} for edge in one.edges],
        "errors": [{"line": fault.place.line, "column": fault.place.column, "message": fault.message}
                   for fault in one.faults]}
    return {**made, "file": name} if name else made


def _show(number: int, name: str, one: FileStatement) -> None:
    """A table of columns; then the errors, underlined."""
    from sim.show import terminal

    out = terminal.console()
    terminal.line(out, f"{number}. ", (one.output or "query", "bold"), f"  ({name}:{one.line})")
    columns: dict[str, dict[str, list[str]]] = {}
    for edge in one.edges:
        columns.setdefault(edge.target, {"DIRECT": [], "INDIRECT": []})[edge.kind].append(edge.source)
    if columns:
        terminal.table(("column", "DIRECT", "INDIRECT"),
                       [(column, ", ".join(kinds["DIRECT"]), ", ".join(kinds["INDIRECT"]))
                        for column, kinds in columns.items()])
    elif not one.faults:
        terminal.line(out, "   no column of a table flows here")
    for fault in one.faults:
        where = f"{name}:{fault.place.line}:{fault.place.column}"
        terminal.line(out, ("   error ", "bold red"), f"{where}: {fault.message}")
        terminal.line(out, f"     {fault.place.shown}")
        terminal.line(out, "     ", (fault.place.under, "bold red"))
