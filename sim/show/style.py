"""Colours and shapes, in one place for SVG, Mermaid and the report.

Lines and labels use mid tones with a contrast of at least 3:1 on white and on near-black, because a picture may stand
on either.  Nothing is said by colour alone: a blocked link is also dashed and ends in ⊗, a declared one is dotted,
an activity is an octagon, an annotated asset has a thick frame.  Hues are from the Okabe-Ito set, which people with
the common colour vision deficiencies can tell apart.
"""

from __future__ import annotations

from lineage.model import State
from sim.show.drawing import Role

FONT = "Helvetica, Arial, 'Liberation Sans', sans-serif"
INK = "#13202c"
LINE = "#6b7785"
RED = "#dd3540"
ZONE = "#2878b8"

# Fill and frame, on light; the text on it is INK.
NODE: dict[Role, tuple[str, str]] = {
    "data": ("#eef3f8", "#7a8794"),
    "store": ("#e2f2ec", "#009e73"),
    "model": ("#f7eaf2", "#b5628f"),
    "activity": ("#fdf3d6", "#b98500"),
    "hop": ("#f6f7f9", "#9aa5b1"),
}
# Fill and text, on dark; the frame stays.
DARK: dict[Role, tuple[str, str]] = {
    "data": ("#22303d", "#e8eef4"),
    "store": ("#14352b", "#e3f5ee"),
    "model": ("#3a2231", "#f8e9f2"),
    "activity": ("#3a2f0d", "#fdf3d6"),
    "hop": ("#262d35", "#dfe5ec"),
}
SHAPE: dict[Role, str] = {"data": "box", "store": "cylinder", "model": "box3d", "activity": "octagon", "hop": "box"}

# Colour, Graphviz style, arrow head, width in points.
EDGE: dict[State, tuple[str, str, str, float]] = {
    "observed": (LINE, "solid", "normal", 1.4),
    "declared": (LINE, "dotted", "vee", 1.4),
    "blocked": (RED, "dashed", "odot", 2.2),
}
MEANING: dict[State, str] = {
    "observed": "observed: signals of a run show it",
    "declared": "only declared: a config, a job or a manifest says it",
    "blocked": "blocked: refused before a byte moved",
}
FAMILIES = {"A": "web and its probes", "B": "logger and warehouse", "C": "web and inference", "D": "training"}


def css() -> str:
    """Rules for an SVG of :mod:`sim.show.picture`, scoped to its class, so that many can stand in one page."""
    rules = [f"svg.lineage text{{font-family:{FONT}}}", "svg.lineage .kind{opacity:.72}",
             "svg.lineage .letters{font-weight:bold;font-size:12px}", "svg.lineage .method{font-size:9.5px}",
             "svg.lineage .node{cursor:pointer}",
             "svg.lineage .node:focus{outline:none}",
             f"svg.lineage .node:focus>:not(text):not(title){{stroke:{ZONE};stroke-width:3.5}}"]
    dark = [f"svg.lineage .n-{role}>:not(text):not(title){{fill:{fill}}}svg.lineage .n-{role} text{{fill:{text}}}"
            for role, (fill, text) in DARK.items()]
    return "\n".join([*rules, "@media screen and (prefers-color-scheme:dark){", *dark, "}"])
