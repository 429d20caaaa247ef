"""Remedies as changes that can be pasted: which line, in which file.

Rule-based: the file of a table, a logger category, a proto message, a job or a requirement is found by its name, and
its own line is what is changed.  What has no file (a checkpoint gets the join of its inputs' labels, code registers a
cache) is said as what to write there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from lineage.discover.configs import Configs
from lineage.enforce.regions import ANY
from lineage.names import field_of, join, kind_of, parse

_PROTO_FIELD = r"^\s*(?:repeated\s+)?[\w.]+\s+{}\s*=\s*\d+"


class Paste(NamedTuple):
    """``text``: the new line or lines of ``file``; ``line``: where the old one is, 0 where it is an addition."""

    file: str
    line: int
    text: str
    note: str = ""


@dataclass(frozen=True)
class Places:
    """``configs``: where to look, in order.  ``requirement``: the file that a person edits; ``decisions``: where agreed
    denials are kept."""

    configs: tuple[Configs, ...]
    protos: Path
    requirement: Path
    decisions: Path
    root: Path

    def shown(self, path: Path) -> str:
        try:
            return str(path.resolve().relative_to(self.root.resolve()))
        except ValueError:
            return str(path)


def annotate(asset: str, fields: Iterable[str], annotations: Iterable[str], category: str, places: Places
             ) -> list[Paste]:
    """The lines that give these fields the annotations; ``category``: of what comes to them, for those without one."""
    more, found = sorted(annotations), list[Paste]()
    for path in sorted(fields) or [""]:
        found.append(_annotated(asset, path, more, category or "user.…", places))
    return found


def block(activity: str, places: Places) -> list[Paste]:
    return [Paste(places.shown(places.decisions), 0, f"block: [{activity}]", "its owner agrees that it is denied")]


def permit(permitted: Mapping[str, Iterable[str]], purpose: str, places: Places) -> Paste:
    """The other way: the requirement's owner permits the purpose.  ``permitted``: origin → purposes; where the data of
    all origins have a rule it is that one which permits more, and the stricter ones of an origin stay."""
    wider = {ANY} if ANY in permitted else set(permitted)
    listed = {origin: f"[{', '.join([*purposes, purpose or '…'] if origin in wider else purposes)}]"
              for origin, purposes in permitted.items()}
    text = listed[ANY] if set(listed) == {ANY} else "{" + ", ".join(
        f"{json.dumps(origin) if origin == ANY else origin}: {purposes}" for origin, purposes in listed.items()) + "}"
    line = _line(places.requirement, r"^\s*purposes:")
    return Paste(places.shown(places.requirement), line, f"  purposes: {text}",
                 "instead, where the requirement's owner permits it; raise the version")


def reclassify(source: str, sink: str, drops: Iterable[str], transformation: str, places: Places) -> Paste:
    """``transformation``: "sql: JOB" or "code: MODULE:NAME"; the digests are the reviewer's to take."""
    text = "\n".join(("reclassify:", f"  - from: {source}", f"    to: {sink}",
                      f"    drops: [{', '.join(sorted(drops))}]", f"    transformation: {{{transformation}}}",
                      "    digest: …", "    inputs: …", "    reviewer: …", "    reason: …", "    until: …"))
    return Paste(places.shown(places.requirement), _line(places.requirement, "^reclassify:"), text,
                 "once it is reviewed; any change of the transformation or of its inputs voids it")


def _annotated(asset: str, path: str, more: list[str], category: str, places: Places) -> Paste:
    kind, name = kind_of(asset), parse(asset).name
    schema, _, column = path.rpartition(".")
    if kind == "rpc" and schema:  # carried: labelled where its own schema is
        table = f"warehouse:{schema}"
        found = next(_of_table(schema, column, more, category, places), None) or \
            next(_of_category(schema, column, more, category, places), None)
        return found or _registered(table, column, more, category)
    makers = {"warehouse": _of_table, "feature": _of_table, "logger": _of_category, "rpc": _of_message,
              "web": _of_message, "response": _of_message}
    maker = makers.get(kind)
    found = next(maker(name, path, more, category, places), None) if maker else None
    return found or _registered(asset, path, more, category)


def _of_table(table: str, column: str, more: list[str], category: str, places: Places) -> Iterator[Paste]:
    """``  utterance TEXT,  -- user.utterance GLASSES_INTERACTION``"""
    for file in [file for configs in places.configs for folder in (configs.tables, configs.jobs)
                 for file in sorted(folder.glob("*.sql"))]:
        lines = file.read_text(encoding="utf-8").splitlines()
        begin = next((at for at, line in enumerate(lines)
                      if re.search(rf"CREATE TABLE\s+(IF NOT EXISTS\s+)?{re.escape(table)}\b", line, re.I)), None)
        if begin is None:
            continue
        for at in range(begin, len(lines)):
            if re.match(rf"\s*{re.escape(column)}\s", lines[at]):
                code, _, comment = lines[at].partition("--")
                told = comment.split() or [category]
                yield Paste(places.shown(file), at + 1, f"{code.rstrip()}  -- {' '.join(_with(told, more))}")
                return


def _of_category(category_name: str, field: str, more: list[str], category: str, places: Places) -> Iterator[Paste]:
    """``  utterance: {type: text, category: user.utterance, annotations: [GLASSES_INTERACTION], …}``"""
    for file in [file for configs in places.configs
                 for file in sorted(configs.categories.glob("*.yaml"), reverse=True)]:
        lines = file.read_text(encoding="utf-8").splitlines()
        if not any(re.match(rf"category:\s*{re.escape(category_name)}\s*$", line) for line in lines):
            continue
        for at, line in enumerate(lines):
            if not re.match(rf"\s+{re.escape(field)}:\s*{{", line):
                continue
            listed = re.search(r"annotations:\s*\[([^\]]*)\]", line)
            if listed:
                told = [one.strip() for one in listed[1].split(",") if one.strip()]
                text = f"{line[:listed.start(1)]}{', '.join(_with(told, more))}{line[listed.end(1):]}"
            else:
                said = "" if re.search(r"\b(category|operational):", line) else f"category: {category}, "
                text = f"{line.rstrip().rstrip('}')}, {said}annotations: [{', '.join(more)}]}}"
            yield Paste(places.shown(file), at + 1, text)
            return


def _of_message(name: str, field: str, more: list[str], category: str, places: Places) -> Iterator[Paste]:
    """``  string prompt = 2 [(label) = {category: "user.utterance" annotations: "GLASSES_INTERACTION"}];``"""
    service, _, rest = name.partition(".")
    for file in sorted(places.protos.glob("*.proto")):
        text = file.read_text(encoding="utf-8")
        message = _message(text, rest) if rest and file.stem == service else None
        lines = text.splitlines()
        begin = next((at for at, line in enumerate(lines) if message and line.startswith(f"message {message} ")), None)
        if begin is None:
            continue
        for at in range(begin, len(lines)):
            if re.match(_PROTO_FIELD.format(re.escape(field)), lines[at]):
                yield Paste(places.shown(file), at + 1, _option(lines[at], more, category))
                return


def _message(proto: str, method: str) -> str | None:
    """``Generate.request`` → GenerateRequest, as the service's definition says."""
    call, _, side = method.rpartition(".")
    found = re.search(rf"rpc\s+{re.escape(call)}\s*\((?:stream\s+)?(\w+)\)\s*returns\s*\((?:stream\s+)?(\w+)\)", proto)
    return found[1 if side == "request" else 2] if found else None


def _option(line: str, more: list[str], category: str) -> str:
    added = "".join(f' annotations: "{one}"' for one in more)
    if "(label) = {" in line:
        return line.replace("}]", f"{added}}}]", 1)
    if said := re.search(r"\[\(label\)\.(\w+) = (\"[^\"]*\")\]", line):
        return f"{line[:said.start()]}[(label) = {{{said[1]}: {said[2]}{added}}}]{line[said.end():]}"
    return line.replace(";", f' [(label) = {{category: "{category}"{added}}}];', 1)


def _registered(asset: str, field: str, more: list[str], category: str) -> Paste:
    """Where the code makes the asset."""
    labels = ", ".join(f'"{one}"' for one in more)
    return Paste("where the code makes it", 0,
                 f'lib.register("{asset}", {{"{field or field_of(join(asset, "value"))}": '
                 f'Label("{category}", ({labels},))}})')


def _with(told: list[str], more: list[str]) -> list[str]:
    return [*told, *(one for one in more if one not in told)]


def _line(path: Path, pattern: str) -> int:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return 0
    return next((at for at, line in enumerate(lines, 1) if re.match(pattern, line)), 0)
