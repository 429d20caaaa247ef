"""Makes Graphviz's SVG accessible, safe and stable: titles, ids, roles; no comments, no version, no doctype."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from sim.show import style
from sim.show.drawing import Drawing

_NS = "http://www.w3.org/2000/svg"
# What XML 1.0 cannot hold, and what a terminal would obey.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
Element = ElementTree.Element


def printable(text: str) -> str:
    """Control characters and lone surrogates become a visible replacement."""
    return _CONTROL.sub("\ufffd", text)


def finish(text: str, drawing: Drawing, *, interactive: bool) -> str:
    """``text``: what Graphviz wrote.  Returns one ``<svg>`` element, byte-identical for identical input."""
    ElementTree.register_namespace("", _NS)
    root = ElementTree.fromstring(text)
    graph = root.find(f"{{{_NS}}}g")
    if graph is None:
        return empty(drawing)
    _head(root, drawing, interactive)
    graph.attrib.pop("id", None)
    for graph_title in graph.findall(f"{{{_NS}}}title"):
        graph.remove(graph_title)
    tooltips = ({node.id: node.tooltip for node in drawing.nodes} | {link.id: link.tooltip for link in drawing.links}
                | {box.id: box.tooltip for box in drawing.boxes})
    names = {node.id: node.name for node in drawing.nodes}
    for group in graph.findall(f"{{{_NS}}}g"):
        id = group.get("id", "")
        title = group.find(f"{{{_NS}}}title")
        if title is not None:
            title.text = printable(tooltips.get(id, ""))
        classes = group.get("class", "").split()
        if "node" in classes:
            _center(group)
            group.set("data-name", printable(names[id]))
            if interactive:
                group.set("tabindex", "0")
                group.set("role", "button")
                group.set("aria-label", printable(names[id]))
        if "edge" in classes:
            for at, line in enumerate(group.findall(f"{{{_NS}}}text")):
                line.set("class", "method" if at else "letters")
                line.set("y", f"{float(line.get('y', '0')) - 2.5:.2f}")  # clear of the arrow below
        if "e-blocked" in classes:
            _cross(group)
    for element in root.iter():
        element.attrib.pop("{http://www.w3.org/XML/1998/namespace}space", None)
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def empty(drawing: Drawing) -> str:
    """A picture that says that there is nothing to draw."""
    root = Element(f"{{{_NS}}}svg", {"width": "320", "height": "60", "viewBox": "0 0 320 60"})
    _head(root, drawing, False)
    _text(root, 12, 35, "No edge was recorded in this run.", style.LINE)
    ElementTree.register_namespace("", _NS)
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def legend() -> str:
    """The meaning of lines, shapes and letters, in one row."""
    ElementTree.register_namespace("", _NS)
    root = Element(f"{{{_NS}}}svg", {"class": "lineage legend", "role": "img", "aria-label": "Legend",
                                     "width": "1010", "height": "62", "viewBox": "0 0 1010 62"})
    _sub(root, "style").text = style.css()
    x = 8.0
    for state, meaning in style.MEANING.items():
        color, line, _, width = style.EDGE[state]
        group = _sub(root, "g", {"class": f"edge e-{state}"})
        dash = {"solid": "", "dotted": "1,5", "dashed": "5,2"}[line]
        _sub(group, "path", {"d": f"M{x},16H{x + 34}", "stroke": color, "stroke-width": str(width), "fill": "none",
                             **({"stroke-dasharray": dash} if dash else {})})
        if state == "blocked":
            _sub(group, "ellipse", {"cx": str(x + 39), "cy": "16", "rx": "5", "ry": "5", "fill": "none",
                                    "stroke": color, "stroke-width": str(width)})
            _cross(group)
        _text(group, x + 50, 20, meaning, color)
        x += 64 + 5.6 * len(meaning)
    x = 8.0
    for letter, meaning in style.FAMILIES.items():
        _text(root, x, 48, letter, style.LINE, weight="bold")
        _text(root, x + 14, 48, meaning, style.LINE)
        x += 34 + 5.6 * len(meaning)
    _sub(root, "rect", {"x": str(x), "y": "36", "width": "26", "height": "16", "rx": "5", "fill": "none",
                        "stroke": style.ZONE, "stroke-width": "1.6"})
    _text(root, x + 34, 48, "zone", style.ZONE)
    x += 80
    _sub(root, "rect", {"x": str(x), "y": "37", "width": "26", "height": "14", "rx": "3", "fill": "none",
                        "stroke": style.NODE["data"][1], "stroke-width": "2.6"})
    _text(root, x + 34, 48, "thick frame: carries an annotation", style.LINE)
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def _head(root: Element, drawing: Drawing, interactive: bool) -> None:
    for side in ("width", "height"):
        root.set(side, root.get(side, "").removesuffix("pt"))
    root.set("class", "lineage")
    # "img" would hide the nodes of an interactive picture from assistive technology.
    root.set("role", "group" if interactive else "img")
    root.set("aria-labelledby", "lineage-title lineage-desc")
    for at, (tag, text) in enumerate((("title", drawing.title), ("desc", drawing.summary))):
        element = Element(f"{{{_NS}}}{tag}", {"id": f"lineage-{tag}"})
        element.text = printable(text)
        root.insert(at, element)
    sheet = Element(f"{{{_NS}}}style")
    sheet.text = style.css()
    root.insert(2, sheet)


def _center(group: Element) -> None:
    """Centres each line on its node: the viewer's font may be wider than the one that Graphviz assumed."""
    numbers = [float(x) for shape in group for attribute in ("points", "d")
               for x in re.findall(r"(-?[\d.]+),-?[\d.]+", shape.get(attribute, ""))]
    middle = f"{(min(numbers) + max(numbers)) / 2:.2f}" if numbers else None
    for at, text in enumerate(group.findall(f"{{{_NS}}}text")):
        if middle:
            text.set("x", middle)
            text.set("text-anchor", "middle")
        text.set("class", "label" if at else "kind")


def _cross(group: Element) -> None:
    """The circle at the end of a blocked link becomes ⊗."""
    circle = group.find(f"{{{_NS}}}ellipse")
    if circle is None:
        return
    x, y, r = (float(circle.get(key, "0")) for key in ("cx", "cy", "rx"))
    circle.set("class", "head")
    d = round(r * 0.7, 2)
    _sub(group, "path", {"class": "head", "d": f"M{x - d:.2f},{y - d:.2f}L{x + d:.2f},{y + d:.2f}"
                                               f"M{x - d:.2f},{y + d:.2f}L{x + d:.2f},{y - d:.2f}",
                         "stroke": circle.get("stroke", style.RED), "stroke-width": "1.6", "fill": "none"})


def _sub(parent: Element, tag: str, attributes: dict[str, str] | None = None) -> Element:
    return ElementTree.SubElement(parent, f"{{{_NS}}}{tag}", attributes or {})


def _text(parent: Element, x: float, y: float, text: str, color: str, weight: str = "normal") -> None:
    _sub(parent, "text", {"x": f"{x:.1f}", "y": f"{y:.1f}", "fill": color, "font-size": "12",
                          "font-weight": weight}).text = printable(text)
