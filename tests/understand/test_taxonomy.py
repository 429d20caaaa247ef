"""The taxonomy against the contracts, against fideslang, and against itself."""

from __future__ import annotations

import re
from pathlib import Path

from fideslang.default_taxonomy import DEFAULT_TAXONOMY

from lineage.understand.taxonomy import CATEGORIES, USES, covers

ROOT = Path(__file__).parents[2]


def test_every_category_of_the_contracts_exists() -> None:
    used = {key for path in (ROOT / "protos").glob("*.proto")
            for key in re.findall(r'category: "([^"]+)"', path.read_text(encoding="utf-8"))}
    assert used
    assert used <= set(CATEGORIES)


def test_fides_keys_are_fides_keys() -> None:
    categories = {category.fides_key for category in DEFAULT_TAXONOMY.data_category}
    uses = {use.fides_key for use in DEFAULT_TAXONOMY.data_use}
    assert {term.fides for term in CATEGORIES.values() if term.fides} <= categories
    assert {term.fides for term in USES.values() if term.fides} <= uses


def test_what_fides_lacks_is_none() -> None:
    missing = {key for key, term in CATEGORIES.items() if term.fides is None}
    assert {"user.scene_image", "user.bystander", "user.gaze", "user.gesture"} <= missing


def test_every_parent_exists_and_every_term_is_described() -> None:
    for key, term in CATEGORIES.items():
        assert key == term.key
        assert key == "user" or key.rpartition(".")[0] in CATEGORIES
    for term in [*CATEGORIES.values(), *USES.values()]:
        assert term.meaning.endswith(".")
        assert re.fullmatch(r"(pd|dpv):[A-Z][A-Za-z]+", term.dpv)


def test_covers() -> None:
    assert covers("user.contact", "user.contact.email")
    assert covers("user.name", "user.name")
    assert not covers("user.contact.email", "user.contact")
    assert not covers("user.contact", "user.contacts")
    assert not covers("user", "user.name")
    assert not covers("", "user.name")
    assert not covers("user.name", "")
