"""Every command: one line of purpose, an example that runs as written, and ``--json``."""

from __future__ import annotations

import re
import shlex
from typing import Any

import pytest
from typer.main import get_command

from sim.cli.main import app
from tests.cli.conftest import Sightline
from tests.shape.test_docs import unknown_commands

TOP: dict[str, Any] = get_command(app).commands  # type: ignore[attr-defined]
# A command of a group is named as it is typed: "bench sql".
COMMANDS: dict[str, Any] = {
    " ".join((name, *inner)): command for name, group in TOP.items()
    for inner, command in ([((sub,), one) for sub, one in group.commands.items()] if hasattr(group, "commands")
                           else [((), group)])}
NAMES = sorted(COMMANDS)
# What the design's list of commands has, as far as it is built.
BUILT = {"demo", "list", "run", "why", "involved", "graph", "explain", "score", "evidence", "node"}


def examples(name: str) -> list[str]:
    """The commands of the help's example, without its markup."""
    text = re.sub(r"\[/?(?:bold)?\]", "\0", COMMANDS[name].help or "")
    after = text.partition("Example:")[2]
    return [one.strip() for one in after.split("\0") if "sightline " in one]


def test_the_commands() -> None:
    assert set(COMMANDS) >= BUILT


@pytest.mark.parametrize("name", NAMES)
def test_help_has_a_purpose_and_an_example(name: str, sightline: Sightline) -> None:
    told = sightline(*name.split(), "--help")
    assert told.code == 0 and told.err == ""
    assert "Example:" in told.out and "\x1b" not in told.out
    purpose = (COMMANDS[name].help or "").partition("\n\n")[0]
    assert purpose[:1].isupper() and purpose.endswith((".", "?"))
    assert examples(name), "no example names the command"
    for example in examples(name):
        assert unknown_commands(f"`{example}`") == []
        assert f"sightline {name}" in example
        shlex.split(example)


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"node"}))  # a node serves; it has no result
def test_every_command_takes_json(name: str) -> None:
    assert "--json" in {option for parameter in COMMANDS[name].params for option in parameter.opts}


def test_without_arguments_it_says_where_to_start(sightline: Sightline) -> None:
    told = sightline()
    assert "sightline demo" in told.out + told.err and told.code in (0, 2)
    assert all(name in told.out + told.err for name in TOP)
