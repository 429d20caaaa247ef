"""The SVG says what the drawing says, is safe, and is the same bytes each time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from lineage.errors import RunError
from sim.show import engine, picture, style
from sim.show.layout import drawing
from tests.show.sample_run import edge

NS = {"s": "http://www.w3.org/2000/svg"}


@pytest.fixture
def root(lineage: dict[str, Any]) -> ElementTree.Element:
    return ElementTree.fromstring(picture.to_svg(drawing(lineage)))


def group(root: ElementTree.Element, id: str) -> ElementTree.Element:
    found = root.find(f".//s:g[@id='{id}']", NS)
    assert found is not None, id
    return found


def test_two_renders_are_identical_in_any_process(lineage: dict[str, Any], tmp_path: Path) -> None:
    first = picture.to_svg(drawing(lineage))
    assert first == picture.to_svg(drawing(lineage))
    (tmp_path / "lineage.json").write_text(json.dumps(lineage), encoding="utf-8")
    code = ("import json,sys\nfrom sim.show import layout,picture\n"
            "sys.stdout.write(picture.to_svg(layout.drawing(json.load(open('lineage.json')))))")
    for seed in ("1", "2"):
        done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True,
                              env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)})
        assert done.stdout == first
        assert done.stderr == ""


def test_no_version_no_comment_no_doctype(lineage: dict[str, Any]) -> None:
    text = picture.to_svg(drawing(lineage))
    assert "<!" not in text and "graphviz" not in text.lower()


def test_a_blocked_link_is_dashed_red_with_a_cross(lineage: dict[str, Any], root: ElementTree.Element) -> None:
    for link in drawing(lineage).links:
        edge_group = group(root, link.id)
        path = edge_group.find("s:path", NS)
        assert path is not None
        assert ("stroke-dasharray" in path.attrib) == (link.state != "observed")
        if link.state == "blocked":
            assert path.get("stroke") == style.RED
            assert edge_group.find("s:ellipse", NS) is not None and len(edge_group.findall("s:path", NS)) == 2
        else:
            assert path.get("stroke") == style.LINE
        texts = [t.text for t in edge_group.findall("s:text", NS)]
        assert not link.families or (texts[0] or "").startswith(" ".join(link.families))


def test_zones_are_boxes_that_hold_their_members(lineage: dict[str, Any], root: ElementTree.Element) -> None:
    def extent(element: ElementTree.Element) -> tuple[float, float, float, float]:
        points = [tuple(map(float, pair.split(","))) for shape in element for key in ("d", "points")
                  for pair in shape.get(key, "").replace("M", " ").replace("C", " ").split() if "," in pair]
        xs, ys = [p[0] for p in points], [p[1] for p in points]
        return min(xs), min(ys), max(xs), max(ys)

    drawn = drawing(lineage)
    box = group(root, "z0")
    assert "cluster" in (box.get("class") or "")
    assert [t.text for t in box.findall("s:text", NS)] == ["zone glasses-interactions"]
    left, top, right, bottom = extent(box)
    for node in drawn.nodes:
        x0, y0, x1, y1 = extent(group(root, node.id))
        inside = left <= x0 and top <= y0 and x1 <= right and y1 <= bottom
        assert inside == bool(node.zones), node.name


def test_columns_run_left_to_right(lineage: dict[str, Any], root: ElementTree.Element) -> None:
    def x(id: str) -> float:
        text = group(root, id).find("s:text", NS)
        assert text is not None
        return float(text.get("x", ""))

    for node in drawing(lineage).nodes:
        assert all(x(node.id) < x(other.id) for other in drawing(lineage).nodes if other.column > node.column)


def test_everything_has_a_tooltip_and_the_picture_a_title(lineage: dict[str, Any], root: ElementTree.Element) -> None:
    drawn = drawing(lineage)
    for node in drawn.nodes:
        assert (group(root, node.id).findtext("s:title", "", NS)).startswith(node.name)
    for link in drawn.links:
        assert (group(root, link.id).findtext("s:title", "", NS)).startswith(f"{link.source} → {link.target}")
    assert root.findtext("s:title", "", NS) == "Lineage of training-refused"
    assert "Blocked: warehouse:core.sessions to training:ads_ranker." in root.findtext("s:desc", "", NS)
    assert root.get("role") == "img"


HOSTILE = ["web:<script>alert(1)</script>", "web:<b>", "web:a\"b'c&d;", "web:\\N\\G\\l", "web:\x1b[31m\x00",
           "web:&lt;x&gt;", "web:{a|b}", "web:\udc80", "web:" + "x" * 300]


@pytest.mark.parametrize("name", HOSTILE)
def test_any_name_is_shown_as_text(name: str) -> None:
    lineage = {"scenario": name, "edges": [edge(f"{name}#{name[4:]}", "logger:q#x"),
                                           edge(name, "rpc:<i>.M.request#x"), edge("rpc:<i>.M.request#x", "file:f")],
               "zones": [{"name": name, "members": [name]}]}
    root = ElementTree.fromstring(picture.to_svg(drawing(lineage), interactive=True))
    assert {e.tag.partition("}")[2] for e in root.iter()} <= {
        "svg", "g", "title", "desc", "style", "path", "polygon", "polyline", "ellipse", "text"}
    assert any((e.text or "").startswith("web:") for e in root.iter())
    assert not [key for e in root.iter() for key in e.attrib if key.startswith("on")]


def test_an_interactive_picture_can_be_reached_by_keyboard(lineage: dict[str, Any]) -> None:
    root = ElementTree.fromstring(picture.to_svg(drawing(lineage), interactive=True))
    nodes = [g for g in root.iter("{http://www.w3.org/2000/svg}g") if "node" in (g.get("class") or "").split()]
    assert nodes and all(g.get("tabindex") == "0" and g.get("aria-label") for g in nodes)


def test_an_empty_run_gives_a_picture_that_says_so() -> None:
    assert "No edge was recorded" in picture.to_svg(drawing({}))


def test_the_legend_names_every_state_and_family() -> None:
    text = "".join(ElementTree.fromstring(picture.legend()).itertext())
    assert all(meaning in text for meaning in (*style.MEANING.values(), *style.FAMILIES.values()))


def contrast(one: str, other: str) -> float:
    def luminance(color: str) -> float:
        parts = [int(color[i:i + 2], 16) / 255 for i in (1, 3, 5)]
        r, g, b = (p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_colours_stand_on_light_and_on_dark() -> None:
    for line in (style.LINE, style.RED, style.ZONE):
        assert contrast(line, "#ffffff") >= 3 and contrast(line, "#0d1117") >= 3
    assert all(contrast(style.INK, fill) >= 7 for fill, _ in style.NODE.values())
    assert all(contrast(text, fill) >= 7 for fill, text in style.DARK.values())


def test_png(lineage: dict[str, Any], tmp_path: Path) -> None:
    out = tmp_path / "graph.png"
    picture.to_png(drawing(lineage), out, dpi=40)
    assert out.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(RunError, match="PAI033"):
        picture.to_png(drawing(lineage), tmp_path / "no" / "graph.png")
    assert [p.name for p in tmp_path.iterdir()] == ["graph.png"]


def test_only_font_warnings_are_kept_from_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    with engine._no_font_warnings():
        os.write(2, b"Fontconfig warning: old\nsomething real\n")
    assert capfd.readouterr().err == "something real\n"
