"""Pieces are found where a search for each of them would find it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sim.truth.pieces import Pieces

TEXT = st.text("ab", max_size=24).map(str.encode)


@given(held=st.dictionaries(st.sampled_from("xyz"), st.lists(TEXT.filter(bool), max_size=4)), body=TEXT)
def test_what_is_found_is_what_a_search_for_each_finds(held: dict[str, list[bytes]], body: bytes) -> None:
    pieces = Pieces()
    for name, some in held.items():
        pieces.add(name, some)
    assert pieces.within(body) == {name for name, some in held.items() if any(one in body for one in some)}
