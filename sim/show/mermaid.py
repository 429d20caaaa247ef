"""The Drawing as a Mermaid ``flowchart LR``: what ``sightline graph --format mermaid`` and the README show."""

from __future__ import annotations

from sim.show import style
from sim.show.columns import stack_of
from sim.show.drawing import Drawing, Link, Node, Role
from sim.show.svg import printable

_SHAPE: dict[Role, tuple[str, str]] = {"data": ("(", ")"), "store": ("[(", ")]"), "model": ("[[", "]]"),
                                       "activity": ("{{", "}}"), "hop": ("[", "]")}
# Everything that Mermaid's grammar, its markdown strings or HTML could take for something else.
_ESCAPED = frozenset("#\"'`<>&;{}[]|\\%$")


def to_mermaid(drawing: Drawing) -> str:
    """Ids are ours (``n0``), names are quoted and escaped, so any asset name is safe.  Ends with a newline."""
    ids = {node.name: node.id for node in drawing.nodes}
    boxed = {name for box in drawing.boxes for name in box.nodes}
    lines = ["flowchart LR", f"  accTitle: {_bare(drawing.title)}", f"  accDescr: {_bare(drawing.summary)}"]
    by_name = {node.name: node for node in drawing.nodes}
    for box in drawing.boxes:
        lines.append(f'  subgraph {box.id}["zone {_escape(box.label)}"]')
        lines += [f"    {_node(by_name[name])}" for name in box.nodes]
        lines.append("  end")
    lines += [f"  {_node(node)}" for node in drawing.nodes if node.name not in boxed]
    lines += [f"  {ids[link.source]} {_arrow(link)} {ids[link.target]}" for link in drawing.links]
    for state, (color, _, _, width) in style.EDGE.items():
        at = [str(i) for i, link in enumerate(drawing.links) if link.state == state]
        if at:
            dash = {"observed": "", "declared": ",stroke-dasharray:2 4", "blocked": ",stroke-dasharray:7 4"}[state]
            lines.append(f"  linkStyle {','.join(at)} stroke:{color},color:{color},stroke-width:{width}px{dash}")
    for role in sorted({node.role for node in drawing.nodes}):
        fill, frame = style.NODE[role]
        members = ",".join(node.id for node in drawing.nodes if node.role == role)
        lines.append(f"  classDef {role} fill:{fill},stroke:{frame},color:{style.INK}")
        lines.append(f"  class {members} {role}")
    if drawing.boxes:
        lines.append(f"  classDef zone fill:none,stroke:{style.ZONE},color:{style.ZONE},stroke-width:2px")
        lines.append(f"  class {','.join(box.id for box in drawing.boxes)} zone")
    return "\n".join(lines) + "\n"


def _node(node: Node) -> str:
    before, after = _SHAPE[node.role]
    kind = "rpc" if node.role == "hop" else stack_of(node.name)
    return f'{node.id}{before}"{_escape(f"{kind}: {node.label}")}"{after}'


def _arrow(link: Link) -> str:
    head = {"observed": "-->", "declared": "-.->", "blocked": "--x"}[link.state]
    text = " ".join([link.label, *(f"({method})" for method in link.through)]).strip()
    return f'{head}|"{_escape(text)}"|' if text else head


def _escape(text: str) -> str:
    """Mermaid's own entities: ``#35;`` is ``#``."""
    return "".join(f"#{ord(c)};" if c in _ESCAPED else c for c in _line(text))


def _bare(text: str) -> str:
    """For a line that takes no quotes and no entities."""
    return "".join("" if c in _ESCAPED else c for c in _line(text).replace(";", ","))


def _line(text: str) -> str:
    return " ".join(printable(text).split())
