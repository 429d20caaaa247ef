"""Rows of another schema are judged before they leave: field by field, and as one entry."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.enforce.guard import Guard
from lineage.enforce.requirement import Requirement
from lineage.enforce.rules import Rules
from lineage.errors import PolicyDenied
from lineage.model import Label
from lineage.privacylib import PrivacyLib

G = ("GLASSES_INTERACTION",)
KEY = "0af7651916cd43dd8448eb211c80319c"
SCHEMAS = {
    "said": {"utterance": Label("user.utterance", G), "region": Label(operational="region")},
    "ranks": {"rank": Label(operational="score"), "session": Label(operational="identifier")},
    "kept": {"rank": Label(operational="score", annotations=G)},
    "core.said": {"utterance": Label("user.utterance", G)},
    "bare": {"note": Label()},
}


def library(mode: str = "enforcement", **options: Any) -> PrivacyLib:
    rule = Requirement("glasses", 1, "owner", "zone", mode, frozenset(G), frozenset({"assistance"}))  # type: ignore[arg-type]
    lib = PrivacyLib("web", [Guard(Rules([rule]), **{"schemas": SCHEMAS, **options})])
    lib.register("web:ask", {"utterance": Label("user.utterance", G), "asked_at": Label(operational="timestamp")})
    lib.register("rpc:logger.Append.request", {"version": Label(operational="version")})
    return lib


def send(lib: PrivacyLib, *fields: str, read: tuple[str, ...] = ("utterance",),
         sources: dict[str, list[str]] | None = None) -> None:
    with lib.scope(key=KEY):
        with lib.read("web:ask", fields=read):
            pass
        with lib.call("rpc:logger.Append", fields=["request.version", *(f"request.{one}" for one in fields)],
                      sources=sources or {}):
            pass


@pytest.mark.parametrize("fields", [["said.utterance"], ["said.utterance", "said.region"], ["kept.rank"],
                                    ["core.said.utterance"]])
def test_an_entry_that_carries_the_annotation_goes(fields: list[str]) -> None:
    send(library(), *fields)


@pytest.mark.parametrize("fields", [["ranks.rank"], ["ranks.rank", "ranks.session"], ["said.region"]])
def test_an_entry_without_it_is_refused_whatever_its_fields_are_for(fields: list[str]) -> None:
    """`sources=` says that nothing was copied; the scope has read what was said."""
    with pytest.raises(PolicyDenied) as refused:
        send(library(), *fields)
    assert refused.value.code == "PAI302" and "rpc:logger.Append.request" in refused.value.what


def test_before_anything_governed_was_read_every_entry_goes() -> None:
    send(library(), "ranks.rank", read=("asked_at",))


def test_a_field_is_judged_by_what_it_is_said_to_be_made_of() -> None:
    """The entry carries the annotation; the field does not."""
    with pytest.raises(PolicyDenied, match=r"said\.region"):
        send(library(), "said.utterance", "said.region", sources={"said.region": ["web:ask#utterance"]})


@pytest.mark.parametrize("fields", [["bare.note"], ["nobody.knows"], []])
def test_what_is_not_labelled_here_the_receiver_judges(fields: list[str]) -> None:
    send(library(), *fields)


def test_without_schemas_and_in_logging_mode_nothing_is_refused() -> None:
    send(library(schemas=None), "ranks.rank")
    send(library("logging"), "ranks.rank")


@given(st.lists(st.sampled_from([f"{schema}.{field}" for schema, fields in SCHEMAS.items() for field in fields]),
                unique=True))
def test_an_entry_goes_if_and_only_if_some_field_carries_what_was_read(fields: list[str]) -> None:
    labels = {f"{schema}.{field}": label for schema, known in SCHEMAS.items() for field, label in known.items()}
    judged = [labels[one] for one in fields if labels[one].annotated]
    permitted = not judged or any(G[0] in label.annotations for label in judged)
    try:
        send(library(), *fields)
    except PolicyDenied:
        assert not permitted
    else:
        assert permitted
