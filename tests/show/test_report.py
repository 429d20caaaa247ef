"""report.html: complete, offline, escaped, the same bytes each time, whole or not at all."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from lineage.errors import RunError
from sim.show.report import render, write_report

VOID = {"meta", "link", "br", "img", "hr", "input"}


class Page(HTMLParser):
    """Checks nesting; collects tags, ids and visible text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.stack == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.stack and self.stack[-1] == tag, f"</{tag}> closes {self.stack[-3:]}"
        self.stack.pop()

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & set(self.stack):
            self.text += data


def test_it_shows_the_run(lineage: dict[str, Any], verdict: dict[str, Any]) -> None:
    page = Page(render(lineage, verdict))
    seen = " ".join(page.text.split())
    for text in ("training-refused", "FAIL", "3 passed, 1 failed, 1 unknown", "What happened",
                 "246 of 246 real reads, writes and calls have a signal; 0 invented", "checkpoint=assistant@2",
                 "blocked PAI301 at the gate", "Seen: 3 rows", "no evidence was written", "drop_probe hit 2 times",
                 "glasses-interaction-purpose@3", "ads_ranking", "an undeclared job", "EXIF location in the photo",
                 "no observed edge leaves the zone without a decision", "sightline why training:ads_ranker"):
        assert text in seen, text
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert [i for i in ids if i in ("understand", "discover", "enforce", "demonstrate")] == [
        "understand", "discover", "enforce", "demonstrate"]
    assert ("meta", {"charset": "utf-8"}) in page.tags


def test_it_loads_nothing(lineage: dict[str, Any], verdict: dict[str, Any]) -> None:
    text = render(lineage, verdict)
    assert not re.search(r"https?:|//[a-z]|@import|url\(", text)
    for _, attrs in Page(text).tags:
        for key in ("src", "href", "xlink:href"):
            assert (attrs.get(key) or "#").startswith(("#", "data:,"))


def test_two_renders_are_identical(lineage: dict[str, Any], verdict: dict[str, Any]) -> None:
    assert render(lineage, verdict) == render(lineage, verdict)


def test_everything_is_escaped(lineage: dict[str, Any], verdict: dict[str, Any]) -> None:
    evil = "</script><script>alert('x')</script><img src=x onerror=alert(1)>{{ 7 * 7 }}\x1b[31m"

    def poison(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {k: poison(v, k) for k, v in value.items()}
        if isinstance(value, list):
            return [poison(v, key) for v in value]
        return value + evil if isinstance(value, str) and key not in ("state", "kind", "confidence") else value

    page = Page(render(poison(lineage), poison(verdict)))
    assert sum(tag == "script" for tag, _ in page.tags) == 2
    assert not [tag for tag, _ in page.tags if tag == "img"]
    assert not [key for _, attrs in page.tags for key in attrs if key.startswith("on")]
    assert "<img src=x onerror=alert(1)>{{ 7 * 7 }}" in page.text and "\x1b" not in page.text


def test_the_script_knows_every_node_and_opens_on_the_blocked_path(
        lineage: dict[str, Any], verdict: dict[str, Any]) -> None:
    text = render(lineage, verdict)
    match = re.search(r'<script type="application/json" id="data">(.*?)</script>', text)
    assert match is not None
    data = json.loads(match[1])
    ids = {attrs.get("id") for tag, attrs in Page(text).tags if tag == "g"}
    assert set(data["nodes"]) <= ids and set(data["opened"]) <= ids
    opened = {data["nodes"][i]["name"] for i in data["opened"] if i in data["nodes"]}
    assert {"device:glasses", "web:ask", "warehouse:core.sessions", "training:ads_ranker"} <= opened


def test_a_run_with_nothing_in_it_has_a_report() -> None:
    page = Page(render({"format": 1, "scenario": "empty", "seed": 1},
                       {"scenario": "empty", "stage": "discover", "seed": 1, "verdict": "unknown"}))
    assert "no real operation was witnessed, so recall is unknown" in page.text
    assert "No edge was recorded" in page.text


def test_it_is_written_whole_or_not_at_all(lineage: dict[str, Any], verdict: dict[str, Any], tmp_path: Path) -> None:
    write_report(lineage, verdict, tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == render(lineage, verdict)
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]
    with pytest.raises(RunError, match="PAI033"):
        write_report(lineage, verdict, tmp_path / "missing" / "report.html")
