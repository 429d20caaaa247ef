"""Configs are read strictly, and every error names its line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.errors import InputError
from services.config import Config
from services.logger import category
from services.training import manifest


def test_values_are_of_their_type() -> None:
    config = Config.parse("a: x\nb: 2\nc: true\nd: [y, z]\ne: NO\n", "PAI022", "f")
    assert (config.text("a"), config.number("b"), config.flag("c", False)) == ("x", 2, True)
    assert config.texts("d") == ("y", "z")
    assert config.text("e") == "NO", "YAML 1.2: Norway is no boolean"


@pytest.mark.parametrize(("text", "where", "what"), [
    ("a: [1", "f:1", "not YAML"), ("- a\n", "f:1", "expected a mapping"), ("", "f:1", "expected a mapping"),
    ("a: x\nb: 1\n", "f:2", "unknown key 'b'"), ("a: 1\n", "f:1", "it is a text"), ("a: x\na: y\n", "f:2", "not YAML"),
    ("{? [a] : b}", "f:1", "unknown key"),
])
def test_an_error_names_its_place(text: str, where: str, what: str) -> None:
    with pytest.raises(InputError) as caught:
        config = Config.parse(text, "PAI022", "f")
        config.only(("a",))
        config.text("a")
    assert caught.value.where == where and what in caught.value.what


@given(st.text(max_size=200) | st.from_regex(r"(?:[a-z]+: ?[\[{\"'&*!|>-]?[a-z0-9:, \n]*\n)*", fullmatch=True))
def test_any_text_gives_a_value_or_an_input_error(text: str) -> None:
    for parse, code in ((category.parse, "PAI022"), (manifest.parse, "PAI020")):
        with pytest.raises(InputError) as caught:
            parse(text, "f")
        assert caught.value.code == code and caught.value.where.startswith("f")
