"""Looks up the label of any field-level name, over every contract that the services registered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache

from lineage.model import Label
from lineage.names import asset_of, field_of

Fields = Mapping[str, Label]
_NONE = Label()


class Labels:
    """``assets``: asset name → field → label.

    A carried field (``rpc:logger.Append.request#glasses_session.utterance``) has the label that
    its own schema gives; a sub-field has its parent's until it has one.
    """

    def __init__(self, assets: Mapping[str, Fields]) -> None:
        self.assets = assets
        self.of = cache(self._of)

    def _of(self, name: str) -> Label:
        asset, field = asset_of(name), field_of(name)
        if not field:
            return _merged(self.assets.get(asset, {}))
        for candidate, path in _places(asset, field):
            fields = self.assets.get(candidate)
            if fields is not None and path in fields:
                return fields[path]
        return _NONE

    def operational(self, name: str) -> bool:
        return bool(self.of(name).operational)


def _places(asset: str, field: str) -> Iterator[tuple[str, str]]:
    """Where a field's label may stand, nearest first."""
    path = field
    while path:
        yield asset, path
        path = path.rpartition(".")[0]
    if asset.startswith("rpc:"):
        parts = field.split(".")
        for cut in range(len(parts) - 1, 0, -1):
            schema, column = ".".join(parts[:cut]), ".".join(parts[cut:])
            yield f"logger:{schema}", column
            yield f"warehouse:{schema}", column


def _merged(fields: Fields) -> Label:
    """An asset's annotations are those of its fields together; operational if every field is."""
    annotations = sorted({annotation for label in fields.values() for annotation in label.annotations})
    if fields and all(label.operational for label in fields.values()):
        return Label(operational="structure")
    return Label(category="mixed" if annotations else "", annotations=tuple(annotations))
