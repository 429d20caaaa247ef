"""What the commands print.  Results go to stdout, progress and errors to stderr.

In a terminal there is colour; in a pipe there is plain text: no ANSI, no boxes, one fact per line, nothing cut off.
NO_COLOR turns all styling off.  Names and payload-like text are printed as text, never as rich markup, and control
characters in them are made visible, so that an utterance cannot steer the terminal.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from lineage.errors import SightlineError
from sim.show import words

_PIPE_WIDTH = 100_000  # rich would wrap a long line of a pipe at 80 columns
_STYLE = {"good": "green", "bad": "bold red", "refused": "red", "unknown": "yellow", "plain": ""}
_MARK = {"good": "✓", "bad": "✗", "refused": "✗", "unknown": "?", "plain": "·"}
_ASCII = str.maketrans({"✓": "+", "✗": "x", "✕": "x", "→": ">", "↓": "v", "│": "|", "…": "...", "─": "-", "·": "-"})


def console(file: TextIO | None = None, *, stderr: bool = False) -> Console:
    """For stdout (or ``file``).  Reads NO_COLOR, FORCE_COLOR and TERM by the usual rules."""
    plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    made = Console(file=file, stderr=stderr, highlight=False, markup=False, emoji=False, soft_wrap=True,
                   color_system=None if plain else "auto")
    if not made.is_terminal:
        made = Console(file=file, stderr=stderr, highlight=False, markup=False, emoji=False, soft_wrap=True,
                       color_system=None, width=_PIPE_WIDTH)
    return made


@contextmanager
def progress(waiting_for: str, *, out: Console | None = None) -> Iterator[Callable[[str], None]]:
    """Says on stderr what is being waited for: a spinner in a terminal, one line per change in a pipe.

    Yields a function that takes the next text.
    """
    out = out or console(stderr=True)
    if out.is_terminal and out.color_system is not None:
        with out.status(Text(_safe(waiting_for, out))) as status:
            yield lambda text: status.update(Text(_safe(text, out)))
        return
    line(out, waiting_for)
    yield lambda text: line(out, text)


def line(out: Console, *parts: str | tuple[str, str]) -> None:
    """One line; a part is a text, or (text, rich style)."""
    text = Text()
    for part in parts:
        content, look = (part, "") if isinstance(part, str) else part
        text.append(_safe(content, out), look)
    out.print(text)


def table(headings: Sequence[str], rows: Iterable[Sequence[Any]], *, out: Console | None = None) -> None:
    """Aligned columns; bold headings and wrapping in a terminal, two spaces between columns and no cut in a pipe."""
    out = out or console()
    texts = [[_safe(words.value(cell), out) for cell in row] for row in rows]
    if out.is_terminal:
        grid = Table(box=None, pad_edge=False, header_style="bold")
        for heading in headings:
            grid.add_column(Text(heading))
        for row in texts:
            grid.add_row(*(Text(cell, style=_STYLE[words.tone(cell)] if _is_verdict(cell) else "") for cell in row))
        out.print(grid)
        return
    lines = [list(headings), *texts]
    widths = [max(len(row[i]) for row in lines) for i in range(len(headings))]
    for row in lines:
        out.print(Text("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()))


def print_error(error: SightlineError, *, out: Console | None = None) -> None:
    """To stderr: code and what; where; the command to run next."""
    out = out or console(stderr=True)
    first, *more = error.what.split("\n")
    line(out, (f"{error.code} ", "bold red"), first)
    for text in more:
        line(out, text)
    if error.where:
        line(out, ("  where: ", "dim"), error.where)
    line(out, ("  next:  ", "dim"), error.next)


def print_run(verdict: Mapping[str, Any], lineage: Mapping[str, Any], run_dir: Path, *,
              account: Mapping[str, Any] | None = None, out: Console | None = None) -> None:
    """The outcome of one scenario: expectations with what was seen, recall, signals, the report's path."""
    out = out or console()
    word = str(verdict.get("verdict", "unknown"))
    line(out, mark(word), (f" {word.upper()} ", _STYLE[words.tone(word)]), (str(verdict.get("scenario", "")), "bold"),
         f"  stage {verdict.get('stage', '')}  seed {verdict.get('seed', '')}")
    for row in verdict.get("expectations", ()):
        line(out, "  ", mark(row["verdict"]), f" {row.get('stage', '')}: {words.expectation(row)}")
        line(out, ("      saw: ", "dim"), str(row.get("saw", "")))
    for fault in verdict.get("faults", ()):
        line(out, f"  fault {fault['fault']}: {fault['hits']} hits")
    line(out, f"  {words.operations(verdict.get('operations', {}))}")
    for text in words.account(account) if account else [words.signals(lineage)]:
        line(out, f"  {text}")
    line(out, ("  report: ", "dim"), str(run_dir / "report.html"))


def print_why(edges: Sequence[Mapping[str, Any]], decision: Mapping[str, Any] | None = None,
              ways_out: Sequence[str] = (), *, out: Console | None = None) -> None:
    """A path, top to bottom.  ``edges``: rows of ``lineage.json``, each beginning where the one before ended."""
    out = out or console()
    if not edges:
        line(out, "no path in this run")
    at = ""
    for edge in edges:
        if edge["from"] != at:
            line(out, (edge["from"], "bold"))
        at, state = edge["to"], edge["state"]
        facts = [state, f"families {' '.join(edge['families'])}" if edge.get("families") else "",
                 f"{edge['confidence']} confidence" if edge.get("confidence") else "",
                 f"{edge['count']} request{'s' * (edge['count'] != 1)}" if edge.get("count") else "",
                 f"via {', '.join(edge['via'])}" if edge.get("via") else ""]
        head = "✕" if state == "blocked" else "↓"
        line(out, (f"  {head} ", _STYLE["refused"] if state == "blocked" else "dim"), ", ".join(filter(None, facts)))
        line(out, (at, "bold"))
    if decision:
        word = str(decision["verdict"])
        line(out, mark(word), (f" {word} ", _STYLE[words.tone(word)]), " ".join(filter(None, (
            decision.get("code", ""), f"{decision['activity']} for purpose {decision['purpose']}"))))
        line(out, ("  reason: ", "dim"), str(decision.get("reason", "")))
        if decision.get("requirements"):
            line(out, ("  rules:  ", "dim"), ", ".join(decision["requirements"]))
    for way in ways_out:
        line(out, ("  way out: ", "dim"), way)


def print_activity(activity: Mapping[str, Any], *, out: Console | None = None) -> None:
    """For whom and what for an activity acts.  ``activity``: a row of ``lineage.json``'s activities."""
    out = out or console()
    declared = "" if activity["declared"] else "; no config declares it"
    who, what_for = (", ".join(activity[key]) for key in ("principals", "purposes"))
    line(out, ("  who:    ", "dim"), f"{activity['name']} acts for {who or 'nobody named'}, for purpose "
         f"{what_for or 'unstated'}{declared}")


def print_demo_stage(title: str, lines: Iterable[str], *, out: Console | None = None) -> None:
    """One stage of the guided tour: its name, and what it found."""
    out = out or console()
    line(out, (title, "bold cyan"))
    for text in lines:
        line(out, f"  {text}")
    line(out)


def mark(word: str) -> tuple[str, str]:
    """✓, ✗ or ? with its style, for :func:`line`."""
    tone = words.tone(word)
    return _MARK[tone], _STYLE[tone]


def _is_verdict(text: str) -> bool:
    return text in words.GOOD or text in words.BAD or text in ("blocked", "unknown")


def _safe(text: str, out: Console) -> str:
    """Control characters made visible; letters that the stream cannot encode replaced."""
    text = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)
    encoding = getattr(out.file, "encoding", None) or sys.getdefaultencoding()
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        text = text.translate(_ASCII).encode(encoding, "replace").decode(encoding)
    return text
