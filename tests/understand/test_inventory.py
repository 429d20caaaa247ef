"""The inventory: counts and gaps, whatever the order of the records."""

from __future__ import annotations

import itertools

from lineage.model import Label
from lineage.understand.inventory import CONFLICT, UNANNOTATED, UNKNOWN, AssetRecord, Gap, take

RECORDS = [
    AssetRecord("web:ask", {"photo": Label("user.scene_image"), "region": Label(operational="region"),
                            "extra": Label()}, "web"),
    AssetRecord("warehouse:core.sessions", {"utterance": Label("user.utterance"), "note": Label("user.nonsense")},
                "glasses-logging"),
    AssetRecord("web:ask", {"extra": Label(), "region": Label()}, ""),
    AssetRecord("warehouse:core.sessions", {"utterance": Label("user.answer")}, "other"),
    AssetRecord("checkpoint:assistant@2", {}, "training"),
]


def test_counts_and_gaps() -> None:
    inventory = take(RECORDS)
    assert (inventory.assets, inventory.fields, inventory.operational) == (3, 5, 1)
    assert inventory.categories == {"user.answer": 1, "user.nonsense": 1, "user.scene_image": 1, "user.utterance": 1}
    assert inventory.gaps == (
        Gap("warehouse:core.sessions#note", "glasses-logging", UNKNOWN),
        Gap("warehouse:core.sessions#utterance", "glasses-logging", CONFLICT),
        Gap("web:ask#extra", "web", UNANNOTATED),
    )
    assert inventory.annotated == 0.8
    assert inventory.to_dict()["gaps"][2] == {"field": "web:ask#extra", "owner": "web", "why": UNANNOTATED}


def test_order_does_not_matter() -> None:
    assert len({repr(take(order)) for order in itertools.permutations(RECORDS)}) == 1


def test_nothing_at_all() -> None:
    assert take([]).annotated == 1.0
    assert take([]).gaps == ()
