"""Enforce: rows of another schema inside a message (a log category, a table), judged before they leave.

The message's own contract says of such a field only that it carries; what it may hold is the schema's business.
A process that is told the schemas it sends (``Schemas``: a producer knows its log categories, the logger its
tables) judges them itself, as one entry: whatever its scope has read against all that the entry's fields are
labelled with, an entry of operational fields too.  So a rank of 1 that only a labelled branch decided does not
pass for a count.  What the schema does not label, and a schema that nobody told of, the receiver judges.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lineage.enforce.gate import Crossing, Input
from lineage.enforce.rules import Rules
from lineage.model import Label
from lineage.names import asset_of, field_of, join
from lineage.privacylib.operation import Operation
from lineage.privacylib.posture import MANY

# Schema → field → label: "glasses_session" → "utterance" → …
Schemas = Mapping[str, Mapping[str, Label]]
_REQUEST = "request."


def crossings(rules: Rules, op: Operation, sink: str, schemas: Schemas) -> list[Crossing]:
    """Of a call whose request (``sink``) carries rows: each source against its field, the scope against the entry."""
    site = op.site
    if not schemas or site.op != "call":
        return []
    labels = dict(_known(site.fields, schemas))
    if not labels:
        return []
    label, crosses = site.lib.label, rules.crosses
    found = [Crossing(Input(source, label(asset_of(source), field_of(source)).annotations),
                      Input(join(sink, field), labels[field].annotations))
             for field, sources in site.links if field in labels for source in sources
             if crosses(label(asset_of(source), field_of(source)).annotations, labels[field].annotations)]
    whole = Input(sink, tuple(sorted({name for one in labels.values() for name in one.annotations})))
    return found + [Crossing(Input(asset, (annotation,)), whole)
                    for annotation, names in op.context.posture.annotations.items()
                    if crosses((annotation,), whole.annotations) for asset in names if asset != MANY]


def _known(fields: tuple[str, ...], schemas: Schemas) -> Iterator[tuple[str, Label]]:
    """(``glasses_session.utterance``, label) of each field that a schema labels; a table's name has a dot itself."""
    for name in fields:
        if name.startswith(_REQUEST):
            path = name.removeprefix(_REQUEST)
            schema, _, field = path.rpartition(".")
            label = schemas.get(schema, {}).get(field)
            if label is not None and label.annotated:
                yield path, label
