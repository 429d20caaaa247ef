"""The sentences that the terminal and the report share: one expectation, the recall line, what to run next."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lineage.names import asset_of, field_of

STAGES = ("understand", "discover", "enforce", "demonstrate")
# One verdict word each, however it is spelled in the files.
GOOD = frozenset({"pass", "holds", "allowed", "done"})
BAD = frozenset({"fail", "broken", "failed"})


def tone(word: str) -> str:
    """How a verdict, outcome, decision or state is coloured: ``good``, ``bad``, ``refused``, ``plain``, ``unknown``."""
    if word in GOOD:
        return "good"
    if word in BAD:
        return "bad"
    if word in ("observed", "declared"):
        return "plain"
    return "refused" if word in ("blocked", "remediated") else "unknown"


def given(values: Any) -> str:
    """``{"job": "x", "rows": 0}`` → ``job=x rows=0``; anything but text and numbers as JSON."""
    if not isinstance(values, Mapping):
        return value(values)
    return " ".join(f"{key}={value(item)}" for key, item in values.items())


def value(item: Any) -> str:
    return item if isinstance(item, str) else json.dumps(item, ensure_ascii=False, default=str)


def expectation(row: Mapping[str, Any]) -> str:
    """``path from=web:ask#utterance to=warehouse:core.sessions``."""
    return f"{row['expectation']} {given(row.get('given', {}))}".strip()


def count_of(item: Any) -> int:
    """A count that a score gives as a number or as the list of what it counts."""
    return len(item) if isinstance(item, (list, tuple, dict)) else int(item or 0)


def operations(score: Mapping[str, Any]) -> str:
    """``246 of 246 real reads, writes and calls have a signal; 0 invented``; honest where nothing was witnessed."""
    truth, recall = count_of(score.get("truth")), score.get("recall")
    if not truth or recall is None:
        return "no real operation was witnessed, so recall is unknown"
    return (f"{round(float(recall) * truth)} of {truth} real reads, writes and calls have a signal; "
            f"{count_of(score.get('invented'))} invented")


def signals(lineage: Mapping[str, Any]) -> str:
    """``1204 signals recorded, 1204 delivered``."""
    counted = lineage.get("signals", {})
    return f"{counted.get('recorded', 0)} signals recorded, {counted.get('delivered', 0)} delivered"


def account(signals: Mapping[str, Any]) -> list[str]:
    """``1204 signals recorded, 1204 delivered, each once``; what was lost, emitter by emitter, with its numbers."""
    lost = signals["lost"]
    first = f"{signals['recorded']} signals recorded, {signals['delivered']} delivered, each once"
    if signals["spooled"]:
        first += f"; {signals['spooled']} of them waited on disk while the collector was away"
    if signals["merged"]:
        first += f"; {signals['merged']} travelled merged with others that are alike"
    lines = [first, *([f"{lost} lost (PAI203): what passed then is unknown"] if lost else [])]
    consent = signals.get("consent", {})
    if consent.get("checked"):
        speed = f"; {consent['checked'] / consent['seconds']:,.0f} checks/s in the statements that asked"
        lines.append(f"{consent['checked']} rows checked for consent, {consent['withheld']} withheld"
                     + (speed if consent["seconds"] else ""))
    for row in signals["emitters"]:
        for hole in row["missing"]:
            again = f", start {hole['start']}" if hole["start"] > 1 else ""
            lines.append(f"  {row['emitter']}{again}: {_numbers(hole['first'], hole['last'])} "
                         f"of its {row['recorded']} signals never arrived")
    return lines


def _numbers(first: int, last: int) -> str:
    return f"number {first}" if first == last else f"numbers {first} to {last}"


def tally(rows: Iterable[Mapping[str, Any]]) -> str:
    """``3 passed, 1 failed, 1 unknown``; leaves out what did not occur."""
    words = [row.get("verdict", "unknown") for row in rows]
    said = [(words.count("pass"), "passed"), (words.count("fail"), "failed"), (words.count("unknown"), "unknown")]
    return ", ".join(f"{number} {word}" for number, word in said if number) or "no expectations"


def _personal(names: Sequence[str], lineage: Mapping[str, Any]) -> str:
    """The first of the names that has a data category, else the first."""
    labels = {asset["name"]: asset.get("fields", {}) for asset in lineage.get("assets", ())}
    for name in names:
        if labels.get(asset_of(name), {}).get(field_of(name), {}).get("category"):
            return name
    return names[0]


def next_commands(lineage: Mapping[str, Any], verdict: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(command, what it tells), at most four, the most useful first; arguments are quoted for a shell."""
    commands: list[tuple[str, str]] = []
    blocked = [d for d in lineage.get("decisions", ()) if d["verdict"] == "blocked"]
    for decision in blocked[:1]:
        activity = shlex.quote(decision["activity"])
        commands.append((f"sightline why {activity}", "the way that was refused, and the ways out"))
        if decision.get("inputs"):
            commands.append((f"sightline involved {shlex.quote(_personal(decision['inputs'], lineage))} {activity}",
                             "does the one reach the other: yes, no, or unknown"))
    codes = [d["code"] for d in blocked if d.get("code")] + [f["code"] for f in lineage.get("findings", ())]
    for code in sorted(set(codes))[-1:]:
        commands.append((f"sightline explain {shlex.quote(code)}", "meaning, cause and remedy of the code"))
    start = next((a["name"] for a in lineage.get("assets", ()) if a.get("kind") == "web"), "")
    if start:
        commands.append((f"sightline graph --from {shlex.quote(start)} --depth 2", "the neighbourhood of one asset"))
    else:
        commands.append(("sightline list", "the scenarios, by stage"))
    return commands[:4]
