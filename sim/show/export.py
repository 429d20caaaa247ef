"""The Drawing for other tools and for the terminal: GraphML, and a tree of a neighbourhood."""

from __future__ import annotations

import networkx

from lineage.errors import InputError
from lineage.names import parse
from sim.show.drawing import Drawing, Link, Node
from sim.show.svg import printable


def to_networkx(drawing: Drawing) -> networkx.MultiDiGraph[str]:
    """Nodes are asset names; attributes are text, numbers and truth values only, as GraphML wants them."""
    graph: networkx.MultiDiGraph[str] = networkx.MultiDiGraph(name=printable(drawing.title))
    for node in drawing.nodes:
        graph.add_node(printable(node.name), uri=_uri(node.name), kind=node.kind, label=printable(node.label),
                       role=node.role, column=node.column, zones=_join(node.zones), annotations=_join(node.annotations),
                       fields=_join(node.fields), findings=_join(node.findings))
    for link in drawing.links:
        graph.add_edge(printable(link.source), printable(link.target), key=link.id, state=link.state,
                       families=_join(link.families), count=link.count, confidence=link.confidence,
                       through=_join(link.through), fields=_join(link.fields), codes=_join(link.codes),
                       notes=_join(link.notes))
    return graph


def to_graphml(drawing: Drawing) -> str:
    return "\n".join(networkx.generate_graphml(to_networkx(drawing), named_key_ids=True)) + "\n"


def to_tree(drawing: Drawing, start: str, *, depth: int = 2, ascii_only: bool = False) -> str:
    """Where the data of ``start`` comes from, and where it goes, at most ``depth`` links each way; plain text.

    An asset that was shown before is named and not opened again.  Raises InputError (PAI001) for a name that is
    not in the drawing.
    """
    node = drawing.node(start)
    zones = f"  [zone {', '.join(node.zones)}]" if node.zones else ""
    lines = [printable(node.name) + zones]
    for heading, forward in (("comes from", False), ("goes to", True)):
        lines.append(heading)
        found = _branch(drawing, node, depth, forward, "", {node.name}, ascii_only)
        lines += found or [("`-- " if ascii_only else "└── ") + "nothing in this run"]
    return "\n".join(lines) + "\n"


def _branch(drawing: Drawing, node: Node, depth: int, forward: bool, indent: str, seen: set[str],
            ascii_only: bool) -> list[str]:
    tee, last, bar = ("|-- ", "`-- ", "|   ") if ascii_only else ("├── ", "└── ", "│   ")
    links = [link for link in drawing.links if (link.source if forward else link.target) == node.name]
    lines: list[str] = []
    if depth == 0:
        return lines
    for at, link in enumerate(links):
        end = at == len(links) - 1
        other = drawing.node(link.target if forward else link.source)
        again = other.name in seen
        lines.append(indent + (last if end else tee) + describe(link, other) + ("  (see above)" if again else ""))
        # What was refused did not flow: nothing behind it comes from here.
        if not again and not (forward and link.state == "blocked"):
            seen.add(other.name)
            lines += _branch(drawing, other, depth - 1, forward, indent + ("    " if end else bar), seen, ascii_only)
    return lines


def describe(link: Link, other: Node) -> str:
    """One line: the other end, then state, families and codes in words that can be searched for."""
    facts = [link.state, *link.families, *link.codes, *(f"through {method}" for method in link.through)]
    return printable(f"{other.name}  {' '.join(facts)}")


def _uri(name: str) -> str:
    """As other catalogues name an asset; empty for what is no asset name."""
    try:
        return parse(name).uri
    except InputError:
        return ""


def _join(texts: tuple[str, ...]) -> str:
    return printable("; ".join(texts))


