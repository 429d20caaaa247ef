"""Understand: the asset inventory: which assets there are, who owns them, which fields nobody labelled.

Pure functions over records; who collects the records (contracts, DDL, logger configs) is not its business.
An unannotated field is a *gap*; whether it is a violation is Enforce's to say.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from lineage.model import Label
from lineage.names import join
from lineage.understand.taxonomy import CATEGORIES


@dataclass(frozen=True, slots=True)
class AssetRecord:
    """One asset as its schema describes it: field name → label."""

    name: str
    fields: Mapping[str, Label] = field(default_factory=dict)
    owner: str = ""


class Gap(NamedTuple):
    """``field`` (a field-level name) needs its ``owner``'s attention."""

    field: str
    owner: str
    why: str


@dataclass(frozen=True, slots=True)
class Inventory:
    """``categories``: category → how many fields carry it, sorted by category."""

    assets: int
    fields: int
    operational: int
    categories: dict[str, int]
    gaps: tuple[Gap, ...]

    @property
    def annotated(self) -> float:
        """Share of fields that someone labelled, 0 to 1; 1 when there is no field."""
        unlabelled = sum(gap.why == UNANNOTATED for gap in self.gaps)
        return 1 - unlabelled / self.fields if self.fields else 1.0

    def to_dict(self) -> dict[str, Any]:
        return {"assets": self.assets, "fields": self.fields, "operational": self.operational,
                "annotated": round(self.annotated, 4), "categories": self.categories,
                "gaps": [gap._asdict() for gap in self.gaps]}


UNANNOTATED = "has no label"
UNKNOWN = "has a category that the taxonomy lacks"
CONFLICT = "is labelled with different categories in different places"


def take(records: Iterable[AssetRecord]) -> Inventory:
    """Counts and gaps.  Records of the same name are merged; a label wins over none.  Order does not matter."""
    labels: dict[str, set[Label]] = {}
    owners: dict[str, str] = {}
    assets: set[str] = set()
    for record in sorted(records, key=lambda record: (record.name, record.owner)):
        assets.add(record.name)
        for name, label in record.fields.items():
            full = join(record.name, name)
            labels.setdefault(full, set()).add(label)
            owners[full] = owners.get(full) or record.owner
    counts: Counter[str] = Counter()
    operational = 0
    gaps: list[Gap] = []
    for full in sorted(labels):
        categories = sorted({label.category for label in labels[full] if label.category})
        counts.update(categories)
        if not categories:
            is_operational = any(label.operational for label in labels[full])
            operational += is_operational
            if not is_operational:
                gaps.append(Gap(full, owners[full], UNANNOTATED))
        if len(categories) > 1:
            gaps.append(Gap(full, owners[full], CONFLICT))
        if any(category not in CATEGORIES for category in categories):
            gaps.append(Gap(full, owners[full], UNKNOWN))
    return Inventory(len(assets), len(labels), operational, dict(sorted(counts.items())), tuple(gaps))
