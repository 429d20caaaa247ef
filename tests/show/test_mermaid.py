"""Mermaid text is well formed for any name, and says the same as the drawing."""

from __future__ import annotations

import html
import re
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sim.show.drawing import Drawing
from sim.show.layout import drawing
from sim.show.mermaid import to_mermaid
from tests.show.sample_run import edge

NODE = re.compile(r'n\d+(?:\("[^"]*"\)|\[\("[^"]*"\)\]|\[\["[^"]*"\]\]|\{\{"[^"]*"\}\}|\["[^"]*"\])')
ARROW = re.compile(r'(n\d+) (-->|-\.->|--x)(?:\|"[^"]*"\|)? (n\d+)')
STYLE = re.compile(r"linkStyle [\d,]+ [\w:#,. -]+|classDef \w+ [\w:#,-]+|class [\w,]+ \w+|acc(Title|Descr): .*")


def check(text: str, drawn: Drawing) -> list[str]:
    """Every line is one of the forms that we use, subgraphs are closed; returns the arrows in order."""
    lines = text.splitlines()
    assert lines[0] == "flowchart LR" and text.endswith("\n")
    depth, arrows, nodes = 0, [], 0
    for line in (raw.strip() for raw in lines[1:]):
        if re.fullmatch(r'subgraph z\d+\["[^"]*"\]', line):
            depth += 1
        elif line == "end":
            depth -= 1
        elif NODE.fullmatch(line):
            nodes += 1
        elif match := ARROW.fullmatch(line):
            arrows.append(match[2])
        else:
            assert STYLE.fullmatch(line), line
        assert depth in (0, 1)
    assert depth == 0 and nodes == len(drawn.nodes) and len(arrows) == len(drawn.links)
    return arrows


def test_a_run(lineage: dict[str, Any]) -> None:
    drawn = drawing(lineage)
    text = to_mermaid(drawn)
    arrows = check(text, drawn)
    assert text == to_mermaid(drawing(lineage))
    blocked = arrows.index("--x")
    assert f"linkStyle {blocked} stroke:#dd3540" in text and "stroke-dasharray:7 4" in text
    assert 'subgraph z0["zone glasses-interactions"]' in text
    assert '"D ✕ PAI301"' in text and 'n8{{"training: ads_ranker"}}' in text
    inside = text[text.index("subgraph"):text.index("  end")]
    assert "web: ask" in inside and "training" not in inside


def test_an_empty_run() -> None:
    check(to_mermaid(drawing({})), drawing({}))


@settings(deadline=None)
@given(st.text(min_size=1, max_size=40).filter(lambda s: "#" not in s and "@" not in s))
def test_any_name_is_safe_and_can_be_read_back(name: str) -> None:
    drawn = drawing({"scenario": name, "edges": [edge(f"web:{name}", "logger:end")],
                     "zones": [{"name": name, "members": [f"web:{name}"]}]})
    text = to_mermaid(drawn)
    check(text, drawn)
    assert not re.search(r"[<>`\\]", text.replace("-->", ""))
    label = re.search(r'n\d+\("web: ?([^"]*)"\)', text)
    assert label is not None
    said = html.unescape(re.sub(r"#(\d+);", r"&#\1;", label[1]))
    if name.isprintable():
        assert said.split() == name.split()
