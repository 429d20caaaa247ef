"""``report.html``: one offline file that shows a run in the four stages.  It shows; it judges nothing.

The template gets plain values and escapes them all; the SVG is the only markup passed through, and
:mod:`sim.show.svg` builds it element by element.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from lineage.codes import CODES
from lineage.errors import RunError
from sim.show import layout, picture, style, words
from sim.show.drawing import Drawing
from sim.show.reached import reached
from sim.show.svg import printable

_STAGE_OF_CODE = {"PAI1": "understand", "PAI2": "discover", "PAI3": "enforce", "PAI4": "demonstrate"}


def write_report(lineage: Mapping[str, Any], verdict: Mapping[str, Any], path: Path) -> None:
    """Writes whole or not at all.  Raises RunError (PAI033) where the folder cannot be written."""
    text = render(lineage, verdict)
    part = ""
    try:
        handle, part = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        Path(part).chmod(0o644)
        Path(part).replace(path)
    except OSError as error:
        if part:
            Path(part).unlink(missing_ok=True)
        raise RunError("PAI033", f"the report could not be written: {error.strerror}", where=str(path)) from error


def render(lineage: Mapping[str, Any], verdict: Mapping[str, Any]) -> str:
    """The whole page.  Identical input gives identical bytes."""
    drawn, left = reached(lineage)
    drawing = layout.drawing(drawn)
    template = _environment().get_template("report.html.j2")
    text = template.render(
        lineage=lineage, verdict=verdict, drawing=drawing, codes=CODES, words=words,
        picture=_inline(picture.to_svg(drawing, interactive=True)), legend=_inline(picture.legend()),
        details=details(drawing), opened=list(drawing.blocked_path()), stages=_stages(lineage, verdict),
        fields=_fields(lineage), left=left, commands=words.next_commands(lineage, verdict), red=style.RED,
        zone=style.ZONE)
    return printable(text)


def details(drawing: Drawing) -> dict[str, Any]:
    """What the page's script needs: by node id its name, facts, and links as [link id, other node id]."""
    ids = {node.name: node.id for node in drawing.nodes}
    found: dict[str, Any] = {
        node.id: {"name": node.name, "zones": list(node.zones), "annotations": list(node.annotations),
                  "fields": list(node.fields), "inside": list(node.inside), "findings": list(node.findings),
                  "links": []} for node in drawing.nodes}
    for link in drawing.links:
        for here, other, arrow in ((link.source, link.target, "→"), (link.target, link.source, "←")):
            facts = [link.state, *link.families, *link.codes, *(f"through {method}" for method in link.through)]
            found[ids[here]]["links"].append([link.id, ids[other], f"{arrow} {other}", " ".join(facts), link.state])
    return found


def _inline(svg: str) -> Markup:
    """ElementTree built it, so nothing in it is unescaped; HTML needs no namespace, and the page names no URL."""
    return Markup(svg.replace(' xmlns="http://www.w3.org/2000/svg"', "", 1))


def _stages(lineage: Mapping[str, Any], verdict: Mapping[str, Any]) -> dict[str, dict[str, list[Mapping[str, Any]]]]:
    """Expectations and findings by stage; what names no stage stands under demonstrate."""
    stages: dict[str, dict[str, list[Mapping[str, Any]]]] = {
        stage: {"expectations": [], "findings": []} for stage in words.STAGES}
    for row in verdict.get("expectations", ()):
        stages.get(row.get("stage", ""), stages["demonstrate"])["expectations"].append(row)
    for finding in lineage.get("findings", ()):
        stages[_STAGE_OF_CODE.get(finding["code"][:4], "demonstrate")]["findings"].append(finding)
    return stages


def _fields(lineage: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Assets that hold personal data, with category → fields."""
    rows = []
    for asset in lineage.get("assets", ()):
        categories: dict[str, list[str]] = {}
        for name, label in sorted(asset.get("fields", {}).items()):
            if label.get("category"):
                categories.setdefault(label["category"], []).append(name)
        if categories or asset.get("annotations"):
            rows.append({"name": asset["name"], "annotations": asset.get("annotations", []),
                         "categories": dict(sorted(categories.items()))})
    return rows


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True,
                              undefined=jinja2.ChainableUndefined, trim_blocks=True, lstrip_blocks=True,
                              keep_trailing_newline=True)
