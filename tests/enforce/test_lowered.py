"""Reclassification of code at the guard: within the reviewed function, as it runs, for all that the scope has read."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from functools import wraps
from pathlib import Path
from types import FunctionType, ModuleType

import pytest

from lineage.enforce.guard import Guard
from lineage.enforce.requirement import Requirement
from lineage.enforce.reviewed import transformation
from lineage.enforce.reviewed.reclassification import Lowering, Reclassification
from lineage.enforce.rules import Rules
from lineage.enforce.tokens import Grant, Signer, Verifier
from lineage.errors import PolicyDenied
from lineage.model import Label
from lineage.privacylib import Capture, MemorySink, PrivacyLib
from lineage.privacylib.posture import MAX_NAMES

KEY = "0af7651916cd43dd8448eb211c80319c"
CODE = '''"""A module."""
LIMIT = 3


def send(lib, fields=("note",)):
    """Only a word of it leaves."""
    with lib.write("file:out", fields=fields, sources={"note": ["web:a#said"]}):
        return word("a b c")


async def awaited(lib):
    return send(lib)


def word(text):
    return text.split()[LIMIT - 1]  # the last
'''


@pytest.fixture
def module(tmp_path: Path) -> Iterator[Callable[[str], ModuleType]]:
    def load(text: str = CODE) -> ModuleType:
        path = tmp_path / "reviewed_code.py"
        path.write_text(text, encoding="utf-8")
        spec = importlib.util.spec_from_file_location("reviewed_code", path)
        assert spec is not None and spec.loader is not None
        made = sys.modules["reviewed_code"] = importlib.util.module_from_spec(spec)
        sys.dont_write_bytecode, before = True, sys.dont_write_bytecode
        importlib.invalidate_caches()
        spec.loader.exec_module(made)
        sys.dont_write_bytecode = before
        return made

    yield load
    sys.modules.pop("reviewed_code", None)


LABELS = {"said": Label("user.utterance", ("G",)), "place": Label("user.location", ("G",)),
          "ds": Label(operational="x")}


def library(entries: list[Reclassification], today: date = date(2026, 1, 5),
            verifier: Verifier | None = None) -> tuple[PrivacyLib, MemorySink]:
    rules = Rules([Requirement("r", 1, "ann", "z", "enforcement", frozenset("G"), frozenset({"p"}),
                               reclassify=tuple(entries))])
    sink = MemorySink()
    lib = PrivacyLib("web", [Capture(sink), Guard(rules, verifier, today=lambda: today)])
    lib.register("web:a", LABELS)
    lib.register("web:b", {"said": LABELS["said"]})
    lib.register("file:out", {"note": Label("user.word"), "more": Label("user.word"), "n": Label(operational="count")})
    sink.records.clear()
    return lib, sink


def entry(source: str = "web:a", sink: str = "file:out", code: str = "reviewed_code:send") -> Reclassification:
    inputs = transformation.of_inputs({"web:a": sorted(
        transformation.Column(name, label.annotations, label.annotated) for name, label in LABELS.items())})
    return Reclassification(source, sink, frozenset("G"), transformation.of_code(code), inputs, "bo", "a word",
                            date(2026, 1, 31), code=code)


def read(lib: PrivacyLib, asset: str = "web:a", *fields: str) -> None:
    with lib.read(asset, fields=fields or ("said",)):
        pass


def code_of(refused: pytest.ExceptionInfo[PolicyDenied]) -> tuple[str, str]:
    return refused.value.code, refused.value.what


def test_reviewed_code_is_let_through_each_time_and_told_once(module: Callable[..., ModuleType]) -> None:
    made = module()
    lib, sink = library([entry()])
    with lib.scope(key=KEY):
        read(lib)
        for _ in range(3):
            assert made.send(lib) == "c"
    told = [record for record in sink.records if record.site.op == "decision"]
    assert len(told) == 1 and '"remediated"' in told[0].detail
    assert sum(record.site.op == "write" for record in sink.records) == 3


async def test_also_where_it_was_awaited(module: Callable[..., ModuleType]) -> None:
    made = module()
    lib, _ = library([entry(code="reviewed_code:awaited")])
    with lib.scope(key=KEY):
        read(lib)
        assert await made.awaited(lib) == "c"


def test_other_code_between_the_same_assets_is_not(module: Callable[..., ModuleType]) -> None:
    module()
    lib, _ = library([entry()])
    with lib.scope(key=KEY):
        read(lib)
        with pytest.raises(PolicyDenied) as refused, lib.write("file:out", fields=("note",)):
            pytest.fail("it was written")
    assert refused.value.code == "PAI302"


def test_everything_that_brought_the_annotation_has_to_be_covered(module: Callable[..., ModuleType]) -> None:
    made = module()
    for reads in (["web:a", "web:b"], ["web:b", "web:a"]):
        lib, _ = library([entry()])
        with lib.scope(key=KEY):
            for asset in reads:
                read(lib, asset)
            with pytest.raises(PolicyDenied, match="web:b#said") as refused:
                made.send(lib)
        assert refused.value.code == "PAI302"
    lib, _ = library([entry("web:a#said")])
    with lib.scope(key=KEY):
        read(lib, "web:a", "said")
        assert made.send(lib)
        read(lib, "web:a", "place")
        with pytest.raises(PolicyDenied, match="web:a#place"):
            made.send(lib)


def test_what_too_many_brought_nobody_covers(module: Callable[..., ModuleType]) -> None:
    made = module()
    lib, _ = library([entry()])
    lib.register("web:a", {**LABELS, **{f"f{number}": LABELS["said"] for number in range(MAX_NAMES)}})
    with lib.scope(key=KEY):
        read(lib, "web:a", *lib.labels["web:a"])
        with pytest.raises(PolicyDenied) as refused:
            made.send(lib)
    assert refused.value.code == "PAI302"


def test_a_field_of_the_sink_is_enough_where_only_that_is_written(module: Callable[..., ModuleType]) -> None:
    made = module()
    lib, _ = library([entry(sink="file:out#note")])
    with lib.scope(key=KEY):
        read(lib)
        assert made.send(lib, ("note", "n"))
        with pytest.raises(PolicyDenied):
            made.send(lib, ("note", "more"))


@pytest.mark.parametrize("text", [
    CODE.replace("  # the last", ""), CODE.replace("Only a word", "No more than a word"),
    CODE.replace("text.split()", "text . split( )"), CODE.replace('"""A module."""', "# A comment\n")])
def test_comments_and_layout_may_change(text: str, module: Callable[..., ModuleType]) -> None:
    module()
    reviewed = transformation.of_code("reviewed_code:send")
    module(text)
    assert transformation.of_code("reviewed_code:send") == reviewed


@pytest.mark.parametrize("text", [
    CODE.replace('word("a b c")', 'word("a b d")'), CODE.replace("LIMIT = 3", "LIMIT = 2"),
    CODE.replace("text.split()[LIMIT - 1]", "text")])
def test_what_it_does_may_not_nor_what_it_calls_in_its_module(text: str, module: Callable[..., ModuleType]) -> None:
    module()
    reviewed = entry()
    made = module(text)
    lib, _ = library([reviewed])
    with lib.scope(key=KEY):
        read(lib)
        with pytest.raises(PolicyDenied) as refused:
            made.send(lib)
    assert code_of(refused)[0] == "PAI315" and "the transformation has changed" in code_of(refused)[1]


def test_a_function_that_was_replaced_is_void(module: Callable[..., ModuleType]) -> None:
    made = module()
    reviewed = entry()

    def other(lib: PrivacyLib) -> None:
        with lib.write("file:out", fields=("note",)):
            pass

    other.__qualname__, other.__code__ = "send", other.__code__.replace(co_qualname="send")
    namespace = dict(made.__dict__)
    made.send = type(other)(other.__code__, namespace)
    lib, _ = library([reviewed])
    with lib.scope(key=KEY):
        read(lib)
        with pytest.raises(PolicyDenied) as refused:
            made.send(lib)
    assert code_of(refused)[0] == "PAI315" and "is not what its file says" in code_of(refused)[1]


@pytest.mark.parametrize("replaced", ["another", "the same under other globals", "a wrapper that names it"])
def test_a_helper_that_was_replaced_is_void_and_put_back_is_not(replaced: str,
                                                                module: Callable[..., ModuleType]) -> None:
    made = module()
    lib, _ = library([entry()])
    kept = made.word
    others = {"another": lambda text: text,
              "the same under other globals": FunctionType(kept.__code__, {"LIMIT": 1}, "word"),
              "a wrapper that names it": wraps(kept)(lambda text: text)}
    with lib.scope(key=KEY):
        read(lib)
        assert made.send(lib) == "c"
        made.word = others[replaced]
        with pytest.raises(PolicyDenied, match="reviewed_code:word is not what its file says") as refused:
            made.send(lib)
        made.word = kept
        assert made.send(lib) == "c"
    assert refused.value.code == "PAI315"


def test_what_only_bears_the_name_is_void(module: Callable[..., ModuleType]) -> None:
    """A frame of the same module and name, of other code, or of the same code under other globals."""
    made = module()
    lib, _ = library([entry()])
    namespace = {"__name__": "reviewed_code"}
    exec("def send(lib):\n    with lib.write('file:out', fields=('note',)):\n        pass\n", namespace)
    for alike in (namespace["send"], FunctionType(made.send.__code__, {**vars(made)}, "send", (("note",),))):
        with lib.scope(key=KEY):
            read(lib)
            with pytest.raises(PolicyDenied, match="reviewed_code:send is not what its file says") as refused:
                alike(lib)  # type: ignore[operator]
            assert refused.value.code == "PAI315"
            assert made.send(lib) == "c"


CLASSES = CODE + '''

short = lambda text: text[:1]


class Words:
    @property
    def first(self):
        return self.__cut("a b")

    @staticmethod
    def __cut(text):
        return short(text)

    @cache
    def send(self, lib):
        with lib.write("file:out", fields=("note",)):
            return self.first
'''


def test_methods_properties_and_lambdas_are_what_runs(module: Callable[..., ModuleType]) -> None:
    made = module("from functools import cache\n" + CLASSES)
    lib, _ = library([entry(code="reviewed_code:Words.send")])
    for where, name in ((made, "short"), (made.Words, "first"), (made.Words, "_Words__cut")):
        kept = vars(where)[name]
        with lib.scope(key=KEY):
            read(lib)
            assert made.Words().send(lib) == "a"
            setattr(where, name, lambda *given: "a b")
            with pytest.raises(PolicyDenied, match="is not what its file says"):
                made.Words().send(lib)
        setattr(where, name, kept)


def test_the_last_day_is_kept_by_the_clock_of_whoever_judges(module: Callable[..., ModuleType]) -> None:
    made = module()
    today = [date(2026, 1, 31)]
    rules = Rules([Requirement("r", 1, "ann", "z", "enforcement", frozenset("G"), frozenset({"p"}),
                               reclassify=(entry(),))])
    lib = PrivacyLib("web", [Guard(rules, None, today=lambda: today[0])])
    for asset, labels in (("web:a", LABELS), ("file:out", {"note": Label("user.word")})):
        lib.register(asset, labels)
    with lib.scope(key=KEY):
        read(lib)
        assert made.send(lib)
        today[0] = date(2026, 2, 1)  # nothing is registered or read meanwhile
        with pytest.raises(PolicyDenied, match="it ended on 2026-01-31"):
            made.send(lib)


def test_the_contract_of_its_input_is_what_was_reviewed(module: Callable[..., ModuleType]) -> None:
    made = module()
    lib, _ = library([entry()])
    lib.register("web:a", {**LABELS, "ds": Label("user.location", ("G",))})
    with lib.scope(key=KEY):
        read(lib)
        with pytest.raises(PolicyDenied, match="the labels of its inputs changed") as refused:
            made.send(lib)
    assert refused.value.code == "PAI315"


@pytest.mark.parametrize("name", ["reviewed_code:nothing", "no_such_module:f", "reviewed_code:LIMIT"])
def test_what_is_no_function_has_no_digest(name: str, module: Callable[..., ModuleType]) -> None:
    module()
    with pytest.raises(LookupError):
        transformation.of_code(name)


# --- by a token ---------------------------------------------------------------------------------

SIGNER = Signer("7")
LOWERED = Lowering("r", "web:a#said", "file:out#note", ("G",))


def token(by: Lowering = LOWERED, **more: object) -> bytes:
    grant = Grant("warehouse", "p", "job:j", (), ("r@1",), lowered=(by.text,))
    return SIGNER.sign(replace(grant, **more))  # type: ignore[arg-type]


@pytest.mark.parametrize(("shown", "good"), [
    (token(), True), (token(activity="job:k"), False), (token(requirements=("r@2",)), False),
    (token(LOWERED._replace(requirement="q")), False), (token(LOWERED._replace(source="web:a#place")), False),
    (token(LOWERED._replace(sink="file:other")), False), (token(lowered=("malformed",)), False),
    (Signer("8").sign(Grant("w", "p", "job:j", (), ("r@1",), lowered=(LOWERED.text,))), False)])
def test_a_token_lowers_what_it_says_for_its_activity(shown: bytes, good: bool) -> None:
    lib, _ = library([], verifier=Verifier(SIGNER.public_key))
    with lib.scope(key=KEY), lib.activity("job:j", purpose="p", claims=shown):
        read(lib)
        if good:
            with lib.write("file:out", fields=("note",)):
                return
        with pytest.raises(PolicyDenied), lib.write("file:out", fields=("note",)):
            pytest.fail("it was written")
