"""[A] Privacy probes: payloads at a source and at a sink of one request are compared (S3).

>>> compare("Call Anna", "Call Anna")
'EXACT_MATCH'
>>> compare("Call Anna", "the wearer said: Call Anna please")
'CONTAINS'
>>> compare("1", "1"), confidence("1", compare("1", "1"))
('EXACT_MATCH', 'LOW')

A value too short to be told from coincidence never gives HIGH.  Payloads stay in the
process: only the verdict is a signal.  Sampling and the review queue are not here yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from google.protobuf.message import Message

from lineage.privacylib.extension import Extension
from lineage.privacylib.operation import Operation

Result = Literal["EXACT_MATCH", "CONTAINS", "NO_MATCH"]
# Shorter values ("US", "1") meet by chance.
MIN_LENGTH = 6
MIN_DISTINCT = 4
MAX_COMPARED = 1_000_000


def compare(source: object, sink: object) -> Result:
    """Exact, or the source inside the sink; texts as UTF-8, at most MAX_COMPARED bytes of each."""
    left, right = _bytes(source), _bytes(sink)
    if not left or not right:
        return "NO_MATCH"
    if left == right:
        return "EXACT_MATCH"
    return "CONTAINS" if left in right else "NO_MATCH"


def confidence(source: object, result: Result) -> Literal["HIGH", "LOW"]:
    """HIGH for a match of a value that is long and varied enough not to meet by chance."""
    value = _bytes(source)
    distinctive = len(value) >= MIN_LENGTH and len(set(value[:64])) >= MIN_DISTINCT
    return "HIGH" if result != "NO_MATCH" and distinctive else "LOW"


class Probes(Extension):
    """Remembers what entered a scope, and compares it at each of the scope's sinks."""

    def after(self, op: Operation) -> None:
        if op.kind == "source":
            for field, value in (op.payload or {}).items():
                op.context.sources[f"{op.asset}#{field}"] = value
        elif op.kind in ("write", "call") and op.payload is not None and op.context.sources:
            pairs = list(_pairs(op))
            if pairs:
                op.lib.probed(op.asset, pairs)


def _pairs(op: Operation) -> list[tuple[str, str, str, str]]:
    sink_asset = f"{op.asset}.request" if op.asset.startswith("rpc:") else op.asset
    pairs: list[tuple[str, str, str, str]] = []
    for field, sink in _values(op.payload).items():
        if op.lib.label(sink_asset, field).operational:
            continue
        for source, value in op.context.sources.items():
            asset, _, source_field = source.partition("#")
            if op.lib.label(asset, source_field).operational:
                continue
            result = compare(value, sink)
            pairs.append((source, f"{sink_asset}#{field}", result, confidence(value, result)))
    return pairs


def _values(payload: Any) -> Mapping[str, object]:
    """The field paths and values of a mapping, or of a message with its carried rows."""
    if isinstance(payload, Mapping):
        return payload
    values: dict[str, object] = {}
    if isinstance(payload, Message):
        for field, value in payload.ListFields():
            if field.message_type is None:
                values[field.name] = value
            elif field.message_type.full_name == "sightline.Rows":
                for row in value.rows:
                    for column, cell in zip(value.columns, row.values, strict=False):
                        values[f"{value.schema}.{column}"] = getattr(cell, cell.WhichOneof("kind") or "text")
    return values


def _bytes(value: object) -> bytes:
    if isinstance(value, bytes):
        return value[:MAX_COMPARED]
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")[:MAX_COMPARED]
    return str(value).encode()
