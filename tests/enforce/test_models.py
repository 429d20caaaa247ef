"""What a checkpoint may answer for: consent was asked for the purpose that its run was admitted for."""

from __future__ import annotations

import pytest

from lineage.enforce.models import ModelPermission
from lineage.enforce.requirement import Requirement
from lineage.enforce.rules import Rules
from lineage.errors import PolicyDenied
from lineage.privacylib import Capture, MemorySink, PrivacyLib

G = "GLASSES_INTERACTION"
WEIGHTS = "checkpoint:assistant#weights@2"
BOTH = frozenset({"assistance", "safety"})


def permission(mode: str = "enforcement", *consent: str) -> tuple[ModelPermission, PrivacyLib, MemorySink]:
    sink = MemorySink()
    lib = PrivacyLib("inference", [Capture(sink)])
    rule = Requirement("r", 1, "o", "z", mode, frozenset({G}), BOTH, consent=consent,  # type: ignore[arg-type]
                       consent_by_origin={} if consent else {"EU": ("assistance",)})
    return ModelPermission(lib, Rules([rule])), lib, sink


@pytest.mark.parametrize("admitted", ["safety", ""])
def test_training_for_a_purpose_without_consent_does_not_lend_it_to_another(admitted: str) -> None:
    may, lib, _ = permission("enforcement", "assistance")
    with lib.scope(purpose="assistance"):
        with pytest.raises(PolicyDenied, match="needs the consent") as caught:
            may.use(WEIGHTS, (G,), (), admitted)
        assert caught.value.code == "PAI335"


@pytest.mark.parametrize(("annotations", "origins", "asked", "admitted"), [
    ((G,), (), "assistance", "assistance"), ((G,), (), "safety", "safety"), ((G,), (), "safety", "assistance"),
    (("OTHER",), (), "assistance", "safety")])
def test_the_same_purpose_and_one_without_consent_go_on(annotations: tuple[str, ...], origins: tuple[str, ...],
                                                        asked: str, admitted: str) -> None:
    may, lib, sink = permission("enforcement", "assistance")
    with lib.scope(purpose=asked):
        may.use(WEIGHTS, annotations, origins, admitted)
    assert not [record for record in sink.records if record.site.op == "decision"]


def test_consent_is_asked_by_where_the_rows_come_from() -> None:
    may, lib, _ = permission()
    with lib.scope(purpose="assistance"):
        may.use(WEIGHTS, (G,), ("warehouse:core.sessions=US",), "safety")
        for origins in (("warehouse:core.sessions=DE,US",), ()):
            with pytest.raises(PolicyDenied):
                may.use(WEIGHTS, (G,), origins, "safety")


def test_logging_refuses_nothing() -> None:
    may, lib, _ = permission("logging", "assistance")
    with lib.scope(purpose="assistance"):
        may.use(WEIGHTS, (G,), (), "safety")


@pytest.mark.parametrize(("then", "seen", "refused"), [
    ("-EU", None, ""), ("-EU", "DE US", ""), ("-SE", "DE US", "DE"), ("-SE", "US", ""), ("DE FR", None, "DE FR"),
    ("-", None, "EU")])
def test_who_was_not_asked_then_and_is_now_has_not_consented(then: str, seen: str | None, refused: str) -> None:
    may, lib, sink = permission()  # the EU is asked now
    with lib.scope(purpose="assistance"):
        try:
            may.use(WEIGHTS, (G,), (), "assistance", [((G,), then, seen)])
            assert not refused
        except PolicyDenied as error:
            assert refused and error.code == "PAI335" and f"consent of wearers from {refused}, whom" in error.what
        may.use(WEIGHTS, (G,), (), "assistance", [(("OTHER",), then, seen)])
    with lib.scope(purpose="safety"):
        may.use(WEIGHTS, (G,), (), "safety", [((G,), then, seen)])
    assert len([record for record in sink.records if record.site.op == "decision"]) == bool(refused)
