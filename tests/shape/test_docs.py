"""What the docs name exists: commands and their options, make targets, scenarios, links, codes.

Each check is a function from a document's text to complaints, and has a counter-example.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from lineage.codes import CODES

ROOT = Path(__file__).resolve().parents[2]
DOCS = ("README.md", "CHANGELOG.md", "lineage/README.md", "lineage/privacylib/README.md")
SHELL = {"", "sh", "bash", "shell", "console", "text"}

_FENCE = re.compile(r"^ *```+ *([a-z]*)[^\n]*\n(.*?)^ *```+ *$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")
# At the place of a command: the start of a line, or after a prompt or an operator.
_COMMAND = re.compile(r"(?:^|&&|;|\||\$)\s*(?:[A-Z_]+=\S+\s+)*(?:\S*/)?(sightline|make)(?:\s+([^#;&]*))?(?=$|[#;&])")
_LINK = re.compile(r"\]\(([^)\s]+)[^)]*\)|(?:src|href)=\"([^\"]+)\"")


def prose(text: str) -> str:
    return _FENCE.sub("", text)


def code_lines(text: str) -> Iterator[str]:
    """Each line of a shell block, and each code span."""
    for language, block in _FENCE.findall(text):
        if language in SHELL:
            yield from block.splitlines()
    yield from _SPAN.findall(prose(text))


def commands(text: str, program: str) -> list[list[str]]:
    """The words after each ``program`` that the text shows being run."""
    found = []
    for line in code_lines(text):
        match = _COMMAND.search(line.strip())
        if match and match[1] == program:
            found.append((match[2] or "").split())
    return found


@cache
def _cli() -> Any:
    from typer.main import get_command

    from sim.cli.main import app
    return get_command(app)


def unknown_commands(text: str) -> list[str]:
    """Commands, subcommands and options that the CLI does not have."""
    wrong = []
    for words in commands(text, "sightline"):
        command, rest = _cli(), list(words)
        while rest and hasattr(command, "commands") and not rest[0].startswith(("-", "[")):
            word = rest.pop(0)
            missing = [name for name in word.split("|") if name not in command.commands]
            wrong += [f"sightline {' '.join(words)}: no command {name!r}" for name in missing]
            if missing:
                break
            command = command.commands[word.split("|")[0]]
        else:
            known = {"--help"} | {option for param in command.params for option in (*param.opts, *param.secondary_opts)}
            wrong += [f"sightline {' '.join(words)}: no option {option}"
                      for option in re.findall(r"(?<!\S)\[?(--[a-z][a-z-]*)", " ".join(rest)) if option not in known]
    return wrong


def unknown_targets(text: str) -> list[str]:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    return [f"make {word}" for words in commands(text, "make") for word in words
            if "=" not in word and not word.startswith("-") and word not in targets]


def unknown_scenarios(text: str) -> list[str]:
    """Scenario files by path, and tutorial scenarios by their numbered names."""
    paths = re.findall(r"\bscenarios/[\w./-]*\.(?:yaml|yml|py)\b", text)
    names = re.findall(r"(?<![\w/])(\d\d_[a-z][a-z0-9_]+)\b", text)
    stems = {path.stem for path in (ROOT / "scenarios").rglob("*") if path.suffix in {".yaml", ".py"}}
    return [path for path in paths if not (ROOT / path).is_file()] + [name for name in names if name not in stems]


def unknown_codes(text: str) -> list[str]:
    return sorted({code for code in re.findall(r"\bPAI\d{3}\b", text) if code not in CODES})


def broken_links(text: str, folder: Path) -> list[str]:
    """Relative links to no file, and anchors to no heading of the same or another Markdown file."""
    broken = []
    for link, source in _LINK.findall(_SPAN.sub("", prose(text))):
        target = link or source
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = folder / path
        if path and not file.exists():
            broken.append(target)
        elif anchor and (not path or file.suffix == ".md"):
            other = file.read_text(encoding="utf-8") if path else text
            if anchor not in {_slug(heading) for heading in re.findall(r"^#+ +(.+)$", prose(other), re.MULTILINE)}:
                broken.append(target)
    return broken


def _slug(heading: str) -> str:
    """GitHub's anchor of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


Check = Callable[[str], list[str]]
CHECKS: list[Check] = [unknown_commands, unknown_targets, unknown_scenarios, unknown_codes]


@pytest.mark.parametrize("doc", DOCS)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_what_a_document_names_exists(doc: str, check: Check) -> None:
    assert check((ROOT / doc).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("doc", DOCS)
def test_the_links_of_a_document_resolve(doc: str) -> None:
    path = ROOT / doc
    assert broken_links(path.read_text(encoding="utf-8"), path.parent) == []


def test_the_readme_names_what_a_newcomer_needs() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert ["demo"] in commands(text, "make") and ["test"] in commands(text, "make")
    assert {"demo", "run"} <= {words[0] for words in commands(text, "sightline") if words}


@pytest.mark.parametrize("code", sorted(CODES))
def test_what_a_code_refers_to_exists(code: str) -> None:
    text = " ".join(CODES[code])
    assert [complaint for check in CHECKS for complaint in check(text)] == []


@pytest.mark.parametrize("room", ["lineage", "services", "sim"])
def test_the_codes_in_the_source_are_registered(room: str) -> None:
    texts = {path: path.read_text(encoding="utf-8") for path in sorted((ROOT / room).rglob("*.py"))}
    assert {str(path.relative_to(ROOT)): wrong for path, text in texts.items() if (wrong := unknown_codes(text))} == {}


SAMPLE = """
# The tour

Run `make demo`, then `sightline explain PAI301` ([codes](../main/CODES.md), [tour](#the-tour)).

```console
$ SIGHTLINE_RUNS=/tmp .venv/bin/sightline run scenarios/01_x.yaml --seed 3   # a comment; make nothing
make -j2 test && echo done
the sightline of a gun; you make do
```

```python
sightline nothing
```
"""


def test_commands_are_found_where_they_are_run() -> None:
    assert commands(SAMPLE, "sightline") == [["run", "scenarios/01_x.yaml", "--seed", "3"], ["explain", "PAI301"]]
    assert commands(SAMPLE, "make") == [["-j2", "test"], ["demo"]]


@pytest.mark.parametrize(("check", "text", "found"), [
    (unknown_targets, "`make dmeo`, `make test`, `make PYTHON=x help`", ["make dmeo"]),
    (unknown_scenarios, "see scenarios/99_no.yaml and 98_not_there", ["scenarios/99_no.yaml", "98_not_there"]),
    (unknown_codes, "PAI999, PAI301, PAI000", ["PAI000", "PAI999"]),
])
def test_what_does_not_exist_is_found(check: Check, text: str, found: list[str]) -> None:
    assert check(text) == found


def test_a_command_or_option_that_does_not_exist_is_found() -> None:
    assert unknown_commands("`sightline demo`, `sightline`, `sightline --help`") == []
    assert unknown_commands("`sightline dmeo --photo x`") == ["sightline dmeo --photo x: no command 'dmeo'"]
    assert unknown_commands("`sightline demo --foto x`") == ["sightline demo --foto x: no option --foto"]


def test_a_broken_link_is_found() -> None:
    text = ("# A, b\n[a](CHANGELOG.md) [b](no.md) [c](#a-b) [d](#x) [e](https://x.org/y) `[f](g.md)`\n"
            "[g](lineage/README.md#how-names-are-given) [h](lineage/README.md#nowhere) <img src=\"no.svg\">")
    assert broken_links(text, ROOT) == ["no.md", "#x", "lineage/README.md#nowhere", "no.svg"]
