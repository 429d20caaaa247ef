"""Postures: what was judged once is not judged again, and whatever could change the judgement is."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from lineage.errors import PolicyDenied
from lineage.model import Label
from lineage.privacylib import Capture, CollectorSink, Extension, MemorySink, Operation, PrivacyLib, posture, site

KEY = "0af7651916cd43dd8448eb211c80319c"
G = ("GLASSES_INTERACTION",)


class Judge(Extension):
    """Counts its judgements; refuses a governed read for ads."""

    guards = by_case = True

    def __init__(self) -> None:
        self.judged: list[tuple[str, str, tuple[str, ...]]] = []

    def before(self, op: Operation) -> None:
        self.judged.append((op.kind, op.context.purpose, tuple(sorted(op.context.annotations))))
        if op.context.purpose == "ads" and any(op.lib.label(op.asset, field).annotations for field in op.fields):
            raise PolicyDenied("PAI301", "no", where=op.asset)


class Each(Extension):
    """Wants to see every operation, and changes some."""

    def __init__(self) -> None:
        self.payloads: list[object] = []

    def before(self, op: Operation) -> None:
        if op.payload == "more":
            op.fields = (*op.fields, "said")

    def after(self, op: Operation) -> None:
        self.payloads.append(op.payload)


def library(*more: Extension) -> tuple[PrivacyLib, Judge, MemorySink]:
    judge, sink = Judge(), MemorySink()
    lib = PrivacyLib("web", [Capture(sink), *more, judge], family="A")
    lib.register("web:ask", {"said": Label("user.utterance", G), "ds": Label(operational="date")})
    sink.records.clear()
    return lib, judge, sink


def read(lib: PrivacyLib, *fields: str) -> None:
    with lib.read("web:ask", fields=fields):
        pass


def write(lib: PrivacyLib) -> None:
    with lib.write("logger:x", fields=("a",)):
        pass


def test_a_case_is_judged_once_and_signalled_each_time() -> None:
    lib, judge, sink = library()
    for _ in range(5):
        with lib.scope(key=KEY, purpose="assistance") as context:
            read(lib, "said")
            read(lib, "said")
            assert context.annotations == {"GLASSES_INTERACTION": "web:ask#said"}
    assert judge.judged == [("read", "assistance", ()), ("read", "assistance", G)]
    assert len(sink.records) == 10


def test_another_purpose_site_or_label_is_another_case() -> None:
    lib, judge, _ = library()
    with lib.scope(key=KEY, purpose="assistance"):
        read(lib, "ds")
        with lib.activity("job:x", purpose="safety"):
            read(lib, "ds")
        write(lib)
        read(lib, "said")
        write(lib)
    assert judge.judged == [("read", "assistance", ()), ("read", "safety", ()), ("write", "assistance", ()),
                            ("read", "assistance", ()), ("write", "assistance", G)]


def test_a_refusal_is_judged_each_time_and_raises_no_label() -> None:
    lib, judge, sink = library()
    for _ in range(2):
        with lib.scope(key=KEY, purpose="ads") as context:
            with pytest.raises(PolicyDenied), lib.read("web:ask", fields=("said",)):
                pytest.fail("the read happened")
            assert not context.annotations
    assert len(judge.judged) == 2
    assert sink.records == []


def test_a_label_that_is_registered_anew_is_judged_anew_also_inside_a_scope() -> None:
    lib, _, _ = library()
    reads = lib.reader("web:ask", ("ds",))
    with lib.scope(key=KEY, purpose="ads"):
        with reads:
            pass
        lib.register("web:ask", {"ds": Label("user.location", G)})
        with pytest.raises(PolicyDenied), reads:
            pytest.fail("the read happened")


def test_a_judgement_by_labels_that_change_meanwhile_is_not_kept() -> None:
    class Registering(Judge):
        def before(self, op: Operation) -> None:
            super().before(op)
            if len(self.judged) == 1:
                op.lib.register("web:other", {"x": Label("user.utterance", G)})

    judge = Registering()
    lib = PrivacyLib("web", [judge])
    with lib.scope(key=KEY):
        read(lib, "ds")
        read(lib, "ds")
        read(lib, "ds")
    assert len(judge.judged) == 2


def test_a_label_that_comes_from_elsewhere_is_seen() -> None:
    lib, judge, _ = library()
    with lib.scope(key=KEY) as context:
        write(lib)
        context.annotations.setdefault("OTHER", "app:ask#x")  # as a hop from another process does
        write(lib)
        with pytest.raises(TypeError):
            del context.annotations["OTHER"]
    assert [label for _, _, label in judge.judged] == [(), ("OTHER",)]


def test_sources_that_change_in_place_are_other_links() -> None:
    lib, _, sink = library()
    sources = {"a": ["web:ask#said"]}
    with lib.scope(key=KEY):
        for _ in range(2):
            with lib.write("logger:x", sources=sources):
                pass
        sources["a"].append("web:ask#ds")
        with lib.write("logger:x", sources=sources):
            pass
        sources["b"] = []
        with lib.write("logger:x", fields=["a", "b"], sources=sources):
            pass
    assert [record.site.links for record in sink.records] == [
        (("a", ("web:ask#said",)),)] * 2 + [(("a", ("web:ask#said", "web:ask#ds")),)] * 2
    assert [record.site.fields for record in sink.records] == [("a",)] * 3 + [("a", "b")]


def test_a_hook_for_each_operation_is_called_each_time_and_what_it_changed_is_judged() -> None:
    each = Each()
    lib, _, sink = library(each)
    each.payloads.clear()
    with lib.scope(key=KEY, purpose="ads"):
        for _ in range(3):
            with lib.read("web:ask", fields=("ds",), payload="x"):
                pass
        with pytest.raises(PolicyDenied), lib.read("web:ask", fields=("ds",), payload="more"):
            pytest.fail("the read happened")
    assert each.payloads == ["x"] * 3
    assert [record.site.fields for record in sink.records] == [("ds",)] * 3


def test_what_is_said_of_one_operation_is_only_its_own() -> None:
    lib, _, sink = library()
    with lib.scope(key=KEY):
        with lib.read("web:ask", fields=("ds",)) as first:
            first.rows = 7
            first.detail["found"] = True
        with lib.read("web:ask", fields=("ds",), keys=["k1"]) as second:
            assert second.detail == {}
        with lib.read("web:ask", fields=("ds",), via="web:x") as third:
            third.silent = True
        read(lib, "ds")
    assert [(record.rows, json.loads(record.detail or "{}"), record.site.via) for record in sink.records] == [
        (7, {"found": True}, ""), (1, {"keys": ["k1"]}, ""), (1, {}, "")]


def test_beyond_the_bounds_everything_is_let_go_and_judged_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site, "MAX_SITES", 3)
    monkeypatch.setattr(posture, "MAX_CASES", 4)
    monkeypatch.setattr(posture, "MAX_POSTURES", 2)
    lib, judge, sink = library()
    for purpose in "abc":
        with lib.scope(key=KEY, purpose=purpose):
            for _ in range(2):
                for number in range(6):
                    read(lib, f"f{number}")
    assert len(sink.records) == 36
    assert [record.site.fields[0] for record in sink.records] == [f"f{number}" for number in range(6)] * 6
    assert len(judge.judged) > 18


def test_threads_that_move_one_scope_lose_no_label() -> None:
    lib = PrivacyLib("web")
    fields = [f"f{number}" for number in range(64)]
    lib.register("web:ask", {field: Label("x", (field,)) for field in fields})
    ready = threading.Barrier(4)
    with lib.scope(key=KEY) as context:

        def work(some: list[str]) -> None:
            ready.wait()
            for field in some:
                read(lib, field)

        threads = [threading.Thread(target=lib.bind(work), args=(fields[start::4],)) for start in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert set(context.annotations) == set(fields)


def test_a_service_that_is_started_again_makes_other_keys(tmp_path: Path) -> None:
    made = []
    for _ in range(2):
        sink = CollectorSink("web", "127.0.0.1:9", spool=tmp_path)
        lib = PrivacyLib("web", [Capture(sink)], incarnation=sink.incarnation)
        with lib.scope() as first, lib.scope(key=KEY) as inner:
            made += [first.key, first.span, inner.span]
        sink.close()
    assert len(set(made)) == 6
    with PrivacyLib("web").scope() as one, PrivacyLib("web").scope() as same:
        assert one.key == same.key  # nothing is known of its start
