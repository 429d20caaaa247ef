"""Requirements change while a process runs: what was judged by the old ones is judged anew, everywhere that judges."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.enforce.flip import flipped
from lineage.enforce.guard import Guard
from lineage.enforce.requirement import Requirement, load, parse
from lineage.enforce.rulebook import Rulebook, held
from lineage.enforce.rules import Rules
from lineage.errors import InputError, PolicyDenied
from lineage.model import Label
from lineage.privacylib import Capture, MemorySink, PrivacyLib

KEY = "0af7651916cd43dd8448eb211c80319c"
ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "scenarios/requirements").glob("*.yaml"))


def requirement(version: int, mode: str = "enforcement", name: str = "r", governs: str = "G") -> Requirement:
    return Requirement(name, version, "o", "z", mode, frozenset({governs}), frozenset({"assistance"}))  # type: ignore[arg-type]


def library(book: Rulebook) -> tuple[PrivacyLib, Guard]:
    guard = Guard(book)
    lib = PrivacyLib("warehouse", [Capture(MemorySink()), guard])
    lib.register("warehouse:core.a", {"said": Label("user.utterance", ("G",))})
    lib.register("warehouse:core.bare", {"said": Label("user.utterance")})
    return lib, guard


def test_a_use_that_was_permitted_is_judged_anew_in_an_open_scope() -> None:
    book = Rulebook([requirement(1, "logging")])
    lib, guard = library(book)
    with lib.scope(key=KEY, activity="query:ads", purpose="ads_ranking"):
        for _ in range(2):  # the second time by what was found the first time
            with lib.read("warehouse:core.a", fields=("said",)):
                pass
        assert not guard.enforcing
        book.replace([requirement(2)])
        assert guard.enforcing
        with pytest.raises(PolicyDenied) as refused, lib.read("warehouse:core.a", fields=("said",)):
            pytest.fail("the read happened")
        assert "r@2" in refused.value.what
        book.replace([requirement(3, "logging")])
        with lib.read("warehouse:core.a", fields=("said",)):
            pass


def test_a_flow_that_was_permitted_is_judged_anew_though_nothing_is_read_again() -> None:
    book = Rulebook()
    lib, _ = library(book)
    with lib.scope(key=KEY):
        with lib.read("warehouse:core.a", fields=("said",)):
            pass
        with lib.write("warehouse:core.bare", fields=("said",), sources={"said": []}):
            pass
        book.replace([requirement(1)])
        with pytest.raises(PolicyDenied, match="PAI302"), lib.write("warehouse:core.bare", sources={"said": []}):
            pytest.fail("the write happened")


def test_a_guard_that_only_wrote_so_far_forgets_as_well() -> None:
    book = Rulebook()
    lib, _ = library(book)
    with lib.scope(key=KEY) as context:
        context.annotations["G"] = "warehouse:core.a#said"
        with lib.write("warehouse:core.bare", fields=("said",), sources={"said": []}):
            pass
        book.replace([requirement(1)])
        with pytest.raises(PolicyDenied), lib.write("warehouse:core.bare", fields=("said",), sources={"said": []}):
            pytest.fail("the write happened")


def test_what_changes_nothing_is_told_to_nobody() -> None:
    told: list[tuple[str, ...]] = []
    book = Rulebook([requirement(1), requirement(1, name="s")])
    book.listen(lambda rules: told.append(rules.versions))
    assert not book.replace([requirement(1, name="s"), requirement(1)])
    assert book.replace([requirement(1)]) and told == [("r@1",)]


def test_rules_that_nobody_changes_are_a_book() -> None:
    rules = Rules([requirement(1), requirement(1, "logging", "s")])
    assert held(rules).rules is rules and held(held(rules)).enforced == ("r@1",)


@given(st.lists(st.tuples(st.sampled_from("rst"), st.integers(1, 9), st.sampled_from(["logging", "enforcement"]),
                          st.sampled_from("GHI")), max_size=6), st.sets(st.sampled_from("GHI"), min_size=1))
def test_a_changed_book_judges_as_one_that_was_made_so(changes: list[tuple[str, int, str, str]],
                                                       label: set[str]) -> None:
    """A property on two paths: one requirement after another, and all of them at once."""
    book, now = Rulebook(), dict[str, Requirement]()
    for name, version, mode, governs in changes:
        now[name] = requirement(version, mode, name, governs)
        book.replace(now.values())
    fresh = Rules(now.values())
    assert book.rules.versions == fresh.versions and book.rules.enforcing == fresh.enforcing
    for purpose in ("assistance", "ads_ranking"):
        assert book.rules.use(label, purpose) == fresh.use(label, purpose)
        assert book.rules.forbidden(purpose) == fresh.forbidden(purpose)
    assert book.rules.flow(label, ()) == fresh.flow(label, ())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_flip_changes_the_mode_and_the_version_and_nothing_else(path: Path) -> None:
    text = path.read_text(encoding="utf-8").replace("mode: enforcement", "mode: logging")
    before, after = parse(text, path), parse(made := flipped(text, path), path)
    assert (after.mode, after.version) == ("enforcement", before.version + 1)
    assert after == load(path).__class__(**{**vars(before), "mode": "enforcement", "version": before.version + 1})
    changed = [(old, new) for old, new in zip(text.splitlines(), made.splitlines(), strict=True) if old != new]
    assert [new.partition(":")[0] for _, new in changed] == ["version", "mode"]
    with pytest.raises(InputError) as refused:
        flipped(made, path)
    assert refused.value.code == "PAI318"


def test_a_file_without_a_mode_is_in_logging_mode_and_can_be_flipped() -> None:
    text = "requirement: r\nversion: 1\nowner: o\nzone: z\ngoverns: [G]\npermit: {purposes: [a]}\n"
    assert parse(flipped(text, Path("r.yaml")), Path("r.yaml")).mode == "enforcement"
