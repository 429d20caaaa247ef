"""Which assets belong to the flows: candidates, included or excluded with cascade, and the file that keeps it."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.enforce.manager.candidates import Decided, discover, load, text
from lineage.errors import InputError
from lineage.names import asset_of
from tests.enforce.made_lineage import edge

NAMES = [f"warehouse:t.{letter}#x" for letter in "abcdefg"]


def by_source(*edges: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for one in edges:
        found.setdefault(one["from"], []).append(one)
    return found


A, B, C, D, E, F, G = NAMES
# A is sure of B; of C it is not; behind C are D, surely, and E, unsurely; F is behind B and behind C.
EDGES = by_source(edge(A, B), edge(A, C, confidence="LOW"), edge(C, D), edge(D, E, confidence="LOW"), edge(B, F),
                  edge(C, F))


def assets(*names: str) -> set[str]:
    return {asset_of(name) for name in names}


def test_a_candidate_stops_the_search_until_somebody_decides() -> None:
    found = discover([A], EDGES, Decided())
    assert found.reached == {A, B, F}
    assert [one.asset for one in found.undecided] == [asset_of(C)] and found.undecided[0].by["from"] == A
    assert (found.included, found.excluded, found.cascade, found.rounds) == ((), (), (), 1)


def test_what_is_included_is_a_source_of_the_next_round() -> None:
    found = discover([A], EDGES, Decided(include=frozenset(assets(C))))
    assert found.reached == {A, B, C, D, F} and found.rounds == 2
    assert [one.asset for one in found.undecided] == [asset_of(E)]
    whole = discover([A], EDGES, Decided(include=frozenset(assets(C, E))))
    assert whole.reached == {A, B, C, D, E, F} and whole.undecided == () and whole.rounds == 3


def test_what_is_excluded_takes_what_is_behind_it_alone() -> None:
    found = discover([A], EDGES, Decided(exclude=frozenset(assets(C))))
    assert found.reached == {A, B, F} and found.undecided == ()
    assert set(found.excluded) == assets(C) and set(found.cascade) == assets(D, E)  # F is reached through B too


def test_what_carries_the_annotation_cannot_be_excluded() -> None:
    with pytest.raises(InputError, match="carries a governed annotation") as caught:
        discover([A], EDGES, Decided(exclude=frozenset(assets(A))))
    assert caught.value.code == "PAI321"


def test_a_later_word_takes_the_place_of_an_earlier_one() -> None:
    first = Decided().with_more(["warehouse:a"], ["warehouse:b"])
    assert first.with_more(["warehouse:b"], []) == Decided(frozenset({"warehouse:a", "warehouse:b"}), frozenset())
    with pytest.raises(InputError) as caught:
        Decided().with_more(["warehouse:a"], ["warehouse:a"])
    assert caught.value.code == "PAI321"


FLOWS = st.lists(st.builds(edge, st.sampled_from(NAMES), st.sampled_from(NAMES),
                           confidence=st.sampled_from(["HIGH", "LOW"])), max_size=14)
SOME = st.frozensets(st.sampled_from([asset_of(name) for name in NAMES[1:]]), max_size=4)


@given(FLOWS, SOME, SOME)
def test_every_asset_has_one_place(edges: list[dict[str, Any]], include: frozenset[str],
                                   exclude: frozenset[str]) -> None:
    decided = Decided(include - exclude, exclude)
    found = discover([A], by_source(*edges), decided)
    reached = {asset_of(name) for name in found.reached}
    undecided = {one.asset for one in found.undecided}
    groups = [reached, undecided, set(found.excluded), set(found.cascade)]
    assert sum(map(len, groups)) == len(set().union(*groups))
    assert not undecided & (decided.include | decided.exclude)
    # Whoever includes all that is asked about is asked no more in the end, and has reached all that there is.
    while found.undecided:
        decided = decided.with_more([one.asset for one in found.undecided], [])
        found = discover([A], by_source(*edges), decided)
    if not exclude:
        assert {asset_of(name) for name in found.reached} >= reached | undecided and found.cascade == ()


@given(st.builds(Decided, *[st.frozensets(st.sampled_from([asset_of(name) for name in group]))
                            for group in (NAMES[:3], NAMES[3:5], NAMES[5:])]))
def test_the_file_says_what_was_decided(decided: Decided) -> None:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "decisions.yaml"
        file.write_text(text(decided))
        assert load(file) == decided


@pytest.mark.parametrize(("content", "line", "what"), [
    ("include: [a:b", 0, "cannot be read"), ("- a\n", 1, "a mapping"), ("include: []\ninclud: []\n", 2, "unknown key"),
    ("include:\nexclude: warehouse:x\n", 2, "a list"), ("include: [1]\n", 1, "a list")])
def test_a_malformed_file(tmp_path: Path, content: str, line: int, what: str) -> None:
    file = tmp_path / "decisions.yaml"
    file.write_text(content)
    with pytest.raises(InputError, match=what) as caught:
        load(file)
    assert caught.value.code == "PAI024" and caught.value.where.startswith(str(file))
    assert not line or caught.value.where.endswith(f":{line}")


def test_nothing_is_decided_without_a_file(tmp_path: Path) -> None:
    assert load(tmp_path / "none.yaml") == Decided()
