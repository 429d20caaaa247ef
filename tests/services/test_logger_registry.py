"""Categories are strict and versioned: what is refused, where, and what of an old version can still be read."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from lineage.errors import InputError
from lineage.model import Label
from services.logger import category, registry
from services.logger.service import CATEGORIES

TEXT = (CATEGORIES / "glasses_session.yaml").read_text()
SMALL = """\
category: small
version: 1
owner: me
table: core.small
id: key
fields:
  key:  {type: text, operational: identifier}
  said: {type: text, category: user.utterance, annotations: [GLASSES_INTERACTION], optional: true}
  size: {type: integer, operational: count, default: 0}
"""


def put(folder: Path, *texts: str) -> Path:
    for number, text in enumerate(texts, 1):
        (folder / f"v{number}.yaml").write_text(text)
    return folder


def second(*changes: tuple[str, str]) -> str:
    text = SMALL.replace("version: 1", "version: 2")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    return text


def test_the_bundled_category_labels_every_field() -> None:
    schemas = registry.load(CATEGORIES)
    assert set(schemas) == {"glasses_session", "wearer_profile"}
    assert all(label.annotated for one in schemas.values() for label in one.latest.labels.values())
    found = schemas["glasses_session"].latest
    assert found.table == "core.sessions" and found.asset == "logger:glasses_session" and found.id == "session"
    assert all(label.annotated for label in found.labels.values()) and not found.gaps
    assert found.labels["utterance"] == Label("user.utterance", ("GLASSES_INTERACTION",))


@pytest.mark.parametrize(("old", "new", "line", "what"), [
    ("version: 1", "version: one", 8, "whole number"), ("owner:", "onwer:", 9, "did you mean 'owner'"),
    ("category: glasses_session", "category: ../up", 7, "letters, digits and _"),
    ("id: session", "id: sesion", 11, "id is 'sesion'"), ("id: session", "id: location", 11, "a required field"),
    ("{type: text, operational: region", "{type: txt, operational: region", 16, "did you mean 'text'"),
    ("column: region", "column: wearer", 16, "two fields go to the column 'wearer': wearer and region"),
    ("column: region", "column: WEARER", 16, "two fields go to the column"),
    ("operational: region", "operational: region, categroy: x", 16, "did you mean 'category'"),
    ("operational: region", "operational: region, category: user.location", 16, "both a category"),
    ("operational: region", "operational: region, sample: 1.5, optional: true", 16, "between 0"),
    ("operational: region", "operational: region, sample: .nan, optional: true", 16, "between 0"),
    ("operational: region", "operational: region, sample: 0.5", 16, "make it optional"),
    ("operational: region", "operational: region, default: 7", 16, "default is 7; the field holds text"),
    ("operational: region", "operational: region, max: 0", 16, "max is 0"),
    ("  region: ", "  wearer: ", 16, "duplicate key"),
    ("fields:", "sample: -1\nfields:", 12, "between 0"),
    ("fields:", "fields: {}\nother:", 15, "did you mean"),
    ("fields:", "fields: [", 24, "not YAML"),
])
def test_a_malformed_category_is_refused_with_its_line(old: str, new: str, line: int, what: str) -> None:
    assert old in TEXT
    with pytest.raises(InputError) as caught:
        category.parse(TEXT.replace(old, new, 1), "c.yaml")
    assert caught.value.code == "PAI022" and what in caught.value.what
    if "not YAML" not in what and "did you mean" not in what:
        assert caught.value.where == f"c.yaml:{line}"


def test_a_field_without_a_label_is_a_gap_and_no_error() -> None:
    found = category.parse(SMALL.replace("operational: count, ", ""), "c.yaml")
    assert list(found.gaps) == ["size"] and found.gaps["size"].place == "c.yaml:9"


def test_all_versions_are_kept(tmp_path: Path) -> None:
    added = second(("  size: {type: integer, operational: count, default: 0}",
                    "  size: {type: integer, operational: count, default: 0}\n"
                    "  mood: {type: text, category: user.gaze, optional: true}"),
                   ("  said: {type: text, category: user.utterance, annotations: [GLASSES_INTERACTION], "
                    "optional: true}\n", ""))
    schema = registry.load(put(tmp_path, SMALL, added))["small"]
    assert list(schema.versions) == [1, 2] and schema.latest.version == 2
    assert schema.version(0) is schema.version(1) is schema.oldest and schema.version(3) is None


@pytest.mark.parametrize(("change", "line", "what"), [
    (("size: {type: integer", "size: {type: text"), 0, "default"),
    (("type: integer, operational: count, default: 0", "type: number, operational: count, default: 0"), 9,
     "type of 'size' was integer and is number"),
    (("size: {type: integer", "size: {column: other, type: integer"), 9, "column of 'size' was size and is other"),
    (("  size:", "  amount:"), 0, ""),
    (("  key:  {", "  name: {column: key, "), 0, "id is 'key'"),
    (("  said: {type: text", "  words: {column: said, type: text"), 8, "'said' was renamed to 'words'"),
    (("annotations: [GLASSES_INTERACTION], optional", "optional"), 8, "lost GLASSES_INTERACTION"),
    (("category: user.utterance, annotations: [GLASSES_INTERACTION], ", ""), 8, "lost GLASSES_INTERACTION"),
    (("optional: true", "optional: false"), 8, "became required"),
    (("default: 0}", "default: 0}\n  more: {type: text, operational: note}"), 10, "'more' is required"),
    (("table: core.small", "table: core.large"), 0, "table was 'core.small'"),
    (("id: key\n", ""), 0, "id was 'key'"),
])
def test_changes_that_old_events_do_not_survive_are_refused(tmp_path: Path, change: tuple[str, str], line: int,
                                                            what: str) -> None:
    folder = put(tmp_path, SMALL, second(change))
    if not what:
        assert registry.load(folder)  # an optional field goes, another comes
        return
    with pytest.raises(InputError) as caught:
        registry.load(folder)
    assert caught.value.code in ("PAI022", "PAI026") and what in caught.value.what
    assert Path(caught.value.where.partition(":")[0]).name == "v2.yaml"
    if line:
        assert caught.value.code == "PAI026" and caught.value.where.endswith(f"v2.yaml:{line}")


def test_a_required_field_cannot_go(tmp_path: Path) -> None:
    with_more = SMALL + "  more: {type: text, operational: note}\n"
    with pytest.raises(InputError, match="required field 'more' was removed"):
        registry.load(put(tmp_path, with_more, second()))


@pytest.mark.parametrize(("texts", "what"), [
    ((SMALL, SMALL), "defined twice, also in v1.yaml"), ((SMALL, second(("version: 2", "version: 3"))), "missing"),
])
def test_versions_follow_each_other(tmp_path: Path, texts: tuple[str, str], what: str) -> None:
    with pytest.raises(InputError, match=what):
        registry.load(put(tmp_path, *texts))


def test_a_file_that_is_not_utf8(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_bytes(b"category: \xff")
    with pytest.raises(InputError, match="UTF-8") as caught:
        registry.load(tmp_path)
    assert caught.value.where.endswith("x.yaml")


_KEYS = st.sampled_from(["category", "version", "owner", "table", "id", "sample", "fields", "type", "column", "max",
                         "annotations", "operational", "optional", "default", "text", "size", ""])
_TREES = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | _KEYS,
                      lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4),
                      max_leaves=12)


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=200) | st.dictionaries(_KEYS, _TREES, max_size=7))
def test_whatever_a_config_holds_it_is_read_or_refused_with_its_place(content: object) -> None:
    if isinstance(content, str):
        text = content
    else:
        from io import StringIO

        out = StringIO()
        YAML(typ="safe").dump(content, out)
        text = out.getvalue()
    try:
        found = category.parse(text, "c.yaml")
    except InputError as error:
        assert error.code == "PAI022" and error.where.startswith("c.yaml")
    else:
        assert found.fields and found.version >= 1


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_one_changed_field_is_refused_or_read(data: st.DataObject) -> None:
    """A valid config with one key of one field set to anything."""
    config = YAML(typ="safe").load(SMALL)
    field = data.draw(st.sampled_from(sorted(config["fields"])))
    config["fields"][field][data.draw(_KEYS)] = data.draw(_TREES)
    from io import StringIO

    out = StringIO()
    YAML(typ="safe").dump(config, out)
    try:
        found = category.parse(out.getvalue(), "c.yaml")
    except InputError as error:
        assert error.code == "PAI022" and error.where.startswith("c.yaml:")
    else:
        assert 0 <= found.fields[field].sample <= 1 and found.fields[field].max >= 1
