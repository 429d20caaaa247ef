"""The file of principals: what it grants, and that a mistake in it is named with its line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.enforce.principal import Principal, Principals, load
from lineage.errors import InputError
from sim.stack.compose import processes
from sim.stack.deployment import bundled
from sim.stack.topology import COMPOSE


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "principals.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_process_and_whoever_is_outside_is_a_principal() -> None:
    known = bundled().load_principals().known
    assert {one.name for one in processes(COMPOSE)} - {"collector"} | {"app", "operator"} <= set(known)


@pytest.mark.parametrize(("name", "purpose", "activity", "why"), [
    ("web", "assistance", "", ""), ("web", "", "", ""), ("web", "assistance", "query:assistant_memory", ""),
    ("web", "ads_ranking", "", "may act for assistance, not for ads_ranking"),
    ("web", "assistance", "job:daily_sessions", "may not have job:daily_sessions run"),
    ("logger", "assistance", "", "may act for no purpose"),
    ("operator", "whatever", "job:x", ""), ("nobody", "assistance", "", "nobody is no principal"),
    ("", "", "", "nobody is no principal"), ("ann", "safety", "query:x", ""), ("ann", "safety", "job:x", "may not")])
def test_what_the_deployed_file_grants(name: str, purpose: str, activity: str, why: str) -> None:
    found = bundled().load_principals().refusal(name, purpose, activity)
    assert why in found if why else found == ""


@pytest.mark.parametrize(("stated", "region", "good"), [
    ([], "US", True), (["EU"], "", True), (["EU"], "EU", True), (["EU"], "SE", True), (["EU"], "US", False),
    (["EU"], "EEA", False), (["SE", "US"], "US", True), (["SE"], "EU", False), (["EU"], "moon", False),
    (["*"], "US", True)])
def test_where_regions_are_stated_nowhere_else_is_acted(stated: list[str], region: str, good: bool) -> None:
    known = Principals({"a": Principal("a", "o", frozenset({"*"}), frozenset({"*"}), frozenset(stated))})
    found = known.refusal("a", "assistance", "job:x", region)
    assert (found == "") is good
    assert good or f"not in {region}" in found


@pytest.mark.parametrize(("text", "line", "what"), [
    ("", 1, "one key"), ("[]", 1, "one key"), ("principals: []", 1, "one key"), ("principal: {}", 1, "one key"),
    ("principals:\n  web: {owner: a}\nmore: 1", 1, "one key"),
    ("principals:\n  web: {owner: a}\n  Web: {owner: a}", 3, "small letters"),
    ("principals:\n  1: {owner: a}", 2, "small letters"),
    ("principals:\n  web: {}", 2, "has an owner"), ("principals:\n  web: 3", 2, "has an owner"),
    ("principals:\n  web: {owner: 3}", 2, "has an owner"),
    ("principals:\n  web:\n    owner: a\n    purpose: [x]", 4, "did you mean 'purposes'?"),
    ("principals:\n  web:\n    owner: a\n    purposes: x", 4, "list of texts"),
    ("principals:\n  web:\n    owner: a\n    invokes: []", 4, "list of texts"),
    ("principals:\n  web:\n    owner: a\n    regions: [1]", 4, "list of texts"),
    ("principals:\n  web: {owner: a}\n  web: {owner: b}", 3, "not YAML"),
    ("principals:\n\tweb: {}", 2, "not YAML")])
def test_a_mistake_is_named_with_its_line(tmp_path: Path, text: str, line: int, what: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(InputError) as refused:
        load(path)
    assert (refused.value.code, refused.value.where) == ("PAI022", f"{path}:{line}")
    assert what in refused.value.what


def test_a_file_that_is_not_there_or_not_text(tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        load(tmp_path / "none.yaml")
    assert refused.value.code == "PAI012"
    (tmp_path / "bytes.yaml").write_bytes(b"principals: \xff\xfe")
    with pytest.raises(InputError) as refused:
        load(tmp_path / "bytes.yaml")
    assert refused.value.code == "PAI022"


@given(st.text(max_size=200))
def test_any_text_is_principals_or_a_mistake_with_a_place(text: str) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.yaml"
        path.write_text(text, encoding="utf-8", errors="replace")
        try:
            assert isinstance(load(path), Principals)
        except InputError as error:
            assert error.code == "PAI022" and error.where.startswith(str(path))


NAMES = st.sampled_from(["assistance", "safety", "ads"])


@given(st.frozensets(NAMES), st.frozensets(NAMES), NAMES, st.sampled_from(["job:a", "query:a"]))
def test_more_granted_is_never_more_refused(few: frozenset[str], more: frozenset[str], purpose: str,
                                            activity: str) -> None:
    one = Principals({"p": Principal("p", "o", few, frozenset({"job:*"}))})
    other = Principals({"p": Principal("p", "o", few | more, frozenset({"job:*", "query:*"}))})
    assert one.refusal("p", purpose, activity) or not other.refusal("p", purpose, activity)
