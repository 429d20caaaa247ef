"""The SVG and the PNG of a Drawing, laid out left to right by Graphviz (its library comes with pygraphviz).

The columns are those of the drawing.  The SVG is laid out without the machine's fonts, so the same drawing gives the
same bytes everywhere; the PNG is drawn by a process of its own, with them.
"""

from __future__ import annotations

from html import escape
from pathlib import Path

import pygraphviz

from sim.show import engine, style, svg
from sim.show.columns import stack_of
from sim.show.drawing import Drawing, Link, Node


def to_graph(drawing: Drawing) -> pygraphviz.AGraph:
    """The drawing as a Graphviz graph.  Only ids and escaped HTML labels reach Graphviz, never a raw name."""
    graph = pygraphviz.AGraph(directed=True, strict=False, name="lineage")
    graph.graph_attr.update(rankdir="LR", newrank="true", bgcolor="transparent", nodesep="0.25", ranksep="0.24",
                            splines="true", fontname="Helvetica", outputorder="edgesfirst", pad="0.15")
    graph.node_attr.update(fontname="Helvetica", fontsize="13", fontcolor=style.INK, margin="0.09,0.06",
                           height="0.5", width="0.6")
    graph.edge_attr.update(fontname="Helvetica", fontsize="10")
    columns = {node.name: node for node in drawing.nodes}
    for node in drawing.nodes:
        graph.add_node(node.id, **_node_attributes(node))
    for box in drawing.boxes:
        graph.add_subgraph([columns[name].id for name in box.nodes], name=f"cluster_{box.id}", id=box.id,
                           label=f"<<b>zone {_text(box.label)}</b>>", style="rounded,filled", labeljust="l",
                           fillcolor=f"{style.ZONE}14", color=style.ZONE, penwidth="1.6", fontcolor=style.ZONE,
                           fontsize="13", margin="14", **{"class": "zone"})
    for link in drawing.links:
        source, target = columns[link.source], columns[link.target]
        graph.add_edge(source.id, target.id, key=link.id, **_edge_attributes(link, target.column - source.column))
    return graph


def to_svg(drawing: Drawing, *, interactive: bool = False) -> str:
    """One ``<svg>`` element with title, description, and a tooltip and an id on every node, link and zone.

    ``interactive``: nodes can be reached by keyboard, for a page that has a script for them.
    """
    if not drawing.nodes:
        return svg.empty(drawing)
    return svg.finish(engine.draw_svg(to_graph(drawing)), drawing, interactive=interactive)


def to_png(drawing: Drawing, path: Path, *, dpi: int = 110) -> None:
    """Raises RunError (PAI033) where the file cannot be written."""
    graph = to_graph(drawing)
    graph.graph_attr.update(bgcolor="white", dpi=str(dpi))
    engine.draw_png(graph, path)


def legend() -> str:
    """What the lines and shapes mean, as one ``<svg>``."""
    return svg.legend()


def _node_attributes(node: Node) -> dict[str, str]:
    fill, frame = style.NODE[node.role]
    classes = [f"n-{node.role}", *(["annotated"] if node.annotations else []), *(["found"] if node.findings else [])]
    codes = sorted({finding.partition(" ")[0] for finding in node.findings})
    caption = " ".join([stack_of(node.name) if node.role != "hop" else "rpc", *(f"⚠ {code}" for code in codes)])
    size = "10" if node.role == "hop" else "14"
    attributes = {
        "id": node.id, "class": " ".join(classes), "shape": style.SHAPE[node.role], "fillcolor": fill,
        "style": "rounded,filled" if style.SHAPE[node.role] == "box" else "filled", "color": frame,
        "penwidth": "2.2" if node.annotations else "1.1",
        "label": f'<<font point-size="9">{_text(caption)}</font><br/><font point-size="{size}">'
                 f"{_lines(node.label, 14)}</font>>"}
    if node.role == "hop":
        attributes |= {"height": "0.3", "margin": "0.07,0.03"}
    if node.role == "model":
        attributes["margin"] = "0.16,0.08"
    if node.role == "activity":
        attributes["margin"] = "0.04,0.03"
    return attributes


def _edge_attributes(link: Link, columns: int) -> dict[str, str]:
    color, line, head, width = style.EDGE[link.state]
    attributes = {"id": link.id, "class": f"e-{link.state}", "color": color, "fontcolor": color, "style": line,
                  "arrowhead": head, "penwidth": str(width),
                  "arrowsize": "1.1" if link.state == "blocked" else "0.8"}
    if link.label:
        attributes["label"] = "\\n".join(map(_plain, [link.label, *_methods(link.through)]))
    if columns > 0 and not link.back:
        return attributes | {"minlen": str(columns), "weight": "4" if columns == 1 else "1"}
    return attributes | {"constraint": "false"}


def _methods(through: tuple[str, ...]) -> list[str]:
    """The folded calls, service and method on a line each; a blank line keeps bare letters clear of the arrow."""
    lines = [part for method in through[:2] for part in (method.replace(".", ".\n", 1)).split("\n")]
    return [*lines, "…"] if len(through) > 2 else lines or [" "]


def _plain(text: str) -> str:
    """For a label that is not HTML: Graphviz obeys backslashes and entities, pygraphviz a leading ``<``."""
    text = svg.printable(text).replace("&", "&amp;").replace("\\", "\\\\")
    return f" {text}" if text.startswith("<") else text


def _lines(text: str, most: int) -> str:
    """Escaped, and broken after the first dot where the text has more than ``most`` characters."""
    head, dot, rest = text.partition(".")
    return f"{_text(head + dot)}<br/>{_text(rest)}" if len(text) > most and rest else _text(text)


def _text(text: str) -> str:
    """Escaped for an HTML-like label; Graphviz takes XML entities there, and no control characters."""
    return escape(svg.printable(text), quote=True)
