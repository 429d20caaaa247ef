"""What a run leaves out, as the policy service says: of whatever purpose it was said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lineage.privacylib.claims import encode
from protos.policy_pb2 import AdmitRequest, Verdict
from services.training.gate import Admission
from services.training.manifest import parse
from services.training.remedy import applied
from tests.services.test_training import EVAL, TABLE, bench, executed

TWO = EVAL.replace("from: [utterance]", "from: [utterance, wearer]").replace(
    "columns: [utterance, answer]", "columns: [utterance, answer, wearer]") + "allow: [drop_column, drop_rows]\n"
WEARER = f"warehouse:{TABLE}#wearer"


def token(**claims: Any) -> bytes:
    return encode(principal="training", **claims)


async def test_a_callers_purpose_lifts_no_remedy_of_the_manifests_own(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        b.policy.verdicts = {"assistance": Verdict(allowed=True, token=b"own", dropped=[WEARER], reason="not for it")}
        await b.train(TWO, "safety")
        own, other = b.policy.admitted
        assert (own.purpose, other.purpose) == ("assistance", "safety")
        assert WEARER in {item.asset for item in own.inputs} and WEARER in own.remedies.droppable
        assert WEARER not in {item.asset for item in other.inputs}, "the second is asked for what the first has left"
        ((request, shown),) = b.warehouse.read
        assert list(request.columns) == ["utterance", "answer"] and shown == b"token"
        (remedy,) = executed(tmp_path, "assistant@1").executed["remedies"]
        assert (remedy["remedy"], remedy["of"], remedy["because"]) == ("drop_column", WEARER, "not for it")


@pytest.mark.parametrize("own", [
    Verdict(allowed=True, rows_dropped=True), Verdict(allowed=True, token=token(consenting=[TABLE])),
    Verdict(allowed=True, token=token(origins=[f"warehouse:{TABLE}=US"]))])
async def test_a_callers_purpose_reads_no_row_that_is_withheld_for_the_manifests_own(tmp_path: Path,
                                                                                     own: Verdict) -> None:
    async with bench(tmp_path) as b:
        b.policy.verdicts = {"assistance": own}
        assert (await b.refused(TWO, "safety")).code == "PAI336" and b.warehouse.read == []
        await b.train(TWO)


@pytest.mark.parametrize(("more", "held"), [
    ("", False),
    (f"  - {{table: {TABLE}, columns: [utterance, answer, wearer], where: \"wearer = 'w'\"}}\n", True),
    (f"  - {{answers_of: assistant, prompts: {{table: {TABLE}, column: wearer}}}}\n", True),
    (f"  - {{answers_of: assistant, prompts: {{table: {TABLE}, column: region, where: \"wearer = 'w'\"}}}}\n", True)])
async def test_what_an_input_is_chosen_by_or_asks_with_is_not_offered_to_be_left_out(tmp_path: Path, more: str,
                                                                                     held: bool) -> None:
    async with bench(tmp_path) as b:
        await b.train(EVAL)
        await b.train(TWO.replace("learn:", f"{more}learn:"))
        assert (WEARER in b.policy.admitted[1].remedies.droppable) is not held
        assert f"warehouse:{TABLE}#utterance" in b.policy.admitted[1].remedies.droppable


def test_the_column_that_says_whose_a_row_is_goes_from_its_own_table_alone() -> None:
    manifest = parse(TWO.replace("inputs:", "inputs:\n  - {table: core.other, columns: [utterance, answer, wearer]}"))
    unread = Admission(b"", "", "", (), ("warehouse:core.sessions#wearer",), (), False, AdmitRequest())
    assert applied(manifest, unread) == manifest
