"""What ``why`` and ``explain`` print beside the path: the answer in a sentence, the rules, and changes to paste."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console

from sim.show.terminal import console, line


def print_answer(because: Mapping[str, Any], *, out: Console | None = None) -> None:
    """``because``: of ``sim.cli.because.Because.of``."""
    out = out or console()
    for sentence in because["answer"]:
        line(out, (sentence, "bold"))
    for rule in because["rules"]:
        line(out, ("  rule:   ", "dim"), f"{rule['requirement']}, {rule['mode']} mode, permits "
             f"{', '.join(rule['governs'])} for {_permitted(rule['permits'])}; ask {rule['owner']} ({rule['file']})")


def print_ways(because: Mapping[str, Any], *, out: Console | None = None) -> None:
    out = out or console()
    for number, way in enumerate(because["ways"], 1):
        line(out, (f"  {number} ", "bold"), way["what"])
        pasted(out, way["paste"])
    for scenario in because["scenarios"]:
        line(out, ("  shown by: ", "dim"), f"sightline run {scenario}")


def print_code(told: Mapping[str, Any], *, out: Console | None = None) -> None:
    """``told``: a code with its meaning and forms to paste."""
    out = out or console()
    line(out, (str(told["code"]), "bold red"), "  ", (str(told["title"]), "bold"))
    for label in ("cause", "remedy"):
        line(out, (f"  {label}: ", "dim"), str(told[label]))
    pasted(out, told["paste"])
    if told["scenario"]:
        line(out, ("  scenario: ", "dim"), f"{told['scenario']}  (sightline run {told['scenario']})")


def pasted(out: Console, pastes: Iterable[Mapping[str, Any]]) -> None:
    """Where it goes, then the lines themselves, as they are."""
    for paste in pastes:
        place = f"{paste['file']}{':' + str(paste['line']) if paste['line'] else ''}"
        line(out, ("    in ", "dim"), place, f"  ({paste['note']})" if paste["note"] else "")
        for text in str(paste["text"]).splitlines():
            line(out, "      ", (text, "green"))


def _permitted(permits: Mapping[str, Iterable[str]]) -> str:
    """``permits``: origin → purposes."""
    return "; ".join(f"{', '.join(purposes)}{'' if origin == '*' else f' (data from {origin})'}"
                     for origin, purposes in permits.items())
