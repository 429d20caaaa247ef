"""Configs are read strictly, and every error names its line."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.errors import InputError
from lineage.yaml_file import Config, Entries, Items, located, tree
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


def test_a_text_is_parsed_once_and_nobody_changes_what_all_read() -> None:
    text = "a: {b: [1, 2]}\n"
    first = tree(text, "PAI022", "f")
    assert tree(text, "PAI020", "g") is first
    for change in (lambda: first.update(a=1), lambda: first.pop("a"), lambda: first["a"].clear(),
                   lambda: first["a"]["b"].append(3), lambda: first["a"]["b"].sort()):
        with pytest.raises(TypeError, match="shared"):
            change()
    assert first == {"a": {"b": [1, 2]}}


def test_what_is_no_yaml_is_told_each_time_with_the_place_of_who_asks() -> None:
    for code, where in (("PAI022", "f"), ("PAI020", "g")):
        with pytest.raises(InputError) as caught:
            tree("a: 1\nb: [", code, where)
        assert (caught.value.code, caught.value.where) == (code, f"{where}:2")


def test_aliases_and_merges_are_what_they_stand_for() -> None:
    found = tree("base: &b {x: 1}\nsame: *b\nmore:\n  <<: *b\n  y: 2\n", "PAI022", "f")
    assert found["more"] == {"x": 1, "y": 2} and found["same"] is found["base"]
    assert located("f", found["more"], "y") == "f:5" and located("f", found["more"], "x") == "f:4"
    assert located("f", found, "more") == "f:3" and located("f", 3, "x") == "f:1"
    deep = "a0: &a0 [1, 1]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 60))
    assert len(tree(deep, "PAI022", "f")) == 60


@given(st.recursive(st.integers() | st.booleans() | st.text("abc", min_size=1), lambda inner: st.lists(
    inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1), inner, max_size=3), max_leaves=12))
def test_it_reads_what_json_says(value: object) -> None:
    """JSON is YAML; each mapping and list, however deep, is one that cannot be changed."""
    def kinds(one: object) -> bool:
        inner = one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
        return isinstance(one, Entries | Items | int | str) and all(map(kinds, inner))

    found = tree(json.dumps(value), "PAI022", "f")
    assert found == value and kinds(found)


@given(st.text(max_size=200) | st.from_regex(r"(?:[a-z]+: ?[\[{\"'&*!|>-]?[a-z0-9:, \n]*\n)*", fullmatch=True))
def test_any_text_gives_a_value_or_an_input_error(text: str) -> None:
    for parse, code in ((category.parse, "PAI022"), (manifest.parse, "PAI020")):
        with pytest.raises(InputError) as caught:
            parse(text, "f")
        assert caught.value.code == code and caught.value.where.startswith("f")
