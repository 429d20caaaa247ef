"""A certificate of non-use holds as it was issued, and in no other way; what is named is the link that broke."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage import dsse
from lineage.demonstrate import certificate as made
from lineage.demonstrate.certified import Verified, read_keys, verify
from lineage.enforce.tokens import Grant
from lineage.errors import InputError, NotProved
from services import checkpoint as checkpoints
from tests.demonstrate.made_certificate import (
    ANSWER,
    INPUT,
    TRACE,
    WEARER,
    Signers,
    decision,
    link,
    sealed,
    sha,
    statement,
)

GENUINE = Signers()
# A checkpoint that was tuned from another.
LINKS = [link(GENUINE, "assistant@3", "assistant@1"), link(GENUINE, "assistant@1")]
STATEMENT = statement(GENUINE, LINKS)
ISSUED = sealed(GENUINE, STATEMENT)
Path = tuple[Any, ...]


def check(data: bytes, **about: Any) -> Verified:
    return verify(data, GENUINE.keys, **{"answer": ANSWER, **about})


def broken(data: bytes, keys: dict[str, bytes] | None = GENUINE.keys, **about: Any) -> str:
    """The link that is named."""
    with pytest.raises(NotProved) as caught:
        verify(data, keys, **{"answer": ANSWER, **about})
    assert caught.value.code == "PAI413" and caught.value.exit_code == 1
    return caught.value.what.partition(":")[0]


def paths(node: Any, at: Path = ()) -> Iterator[Path]:
    """Of every value below ``node``."""
    for key, value in (node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()):
        yield (*at, key)
        yield from paths(value, (*at, key))


def at(node: Any, path: Path) -> Any:
    for key in path:
        node = node[key]
    return node


def other(value: Any) -> Any:
    """Of the same type, and not the same."""
    if isinstance(value, bool) or value is None:
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, str):
        return value[:-1] + ("0" if value[-1:] != "0" else "1")
    return [*value, *value, 1] if isinstance(value, list) else {**value, "more": 1}


def changed(path: Path, how: str) -> dict[str, Any]:
    """The statement with one value changed, put away, or put away for something of another kind."""
    content = copy.deepcopy(STATEMENT)
    parent = at(content, path[:-1])
    if how == "gone":
        del parent[path[-1]]
    else:
        parent[path[-1]] = other(parent[path[-1]]) if how == "other" else [None]
    return content


def link_of(path: Path) -> str:
    """Where the chain breaks when the value at ``path`` is changed and the issuer signs it again."""
    if path[:2] == ("predicate", "keys") or path == ("predicate",):
        return "keys"
    if path[:2] in (("predicate", "wearer"), ("predicate", "answer")):
        return path[1]
    if path[:2] != ("predicate", "checkpoints") or len(path) < 4:
        return "signature" if path == ("_type",) else "statement"
    number, part = path[2:4]
    name = LINKS[number]["checkpoint"]
    if part in ("checkpoint", "weights"):
        return "statement" if number == 0 else "manifest" if part == "checkpoint" else f"manifest of {name}"
    return f"{'weights' if part in ('retrained', 'control') else part} of {name}"


def test_what_was_issued_holds_and_says_what_it_shows() -> None:
    found = check(ISSUED, wearer=WEARER)
    assert found.checkpoint == "checkpoint:assistant@3" and not found.own_keys and found.limits == made.LIMITS
    assert [one.name for one in found.links] == [
        "keys", "signature", "envelope", "statement", "wearer", "answer",
        *(f"{part} of {name}" for name in ("assistant@3", "assistant@1")
          for part in ("manifest", "snapshots", "decision", "token", "weights")), "chain"]
    assert found.links[-1].said == "assistant@3 ← assistant@1"
    assert verify(ISSUED).own_keys and "they cannot say" in verify(ISSUED).links[0].said
    assert made.RUN == checkpoints.TYPE


def test_neither_her_id_nor_the_answer_is_in_it() -> None:
    payload = base64.b64decode(json.loads(ISSUED)["payload"])
    assert WEARER.encode() not in payload and ANSWER.encode() not in payload
    assert broken(ISSUED, wearer="w-0003") == "wearer"
    assert broken(ISSUED, answer="That is another tower.") == "answer"
    without = {**STATEMENT, "predicate": {**STATEMENT["predicate"], "answer": None}}
    assert broken(sealed(GENUINE, without)) == "answer"
    assert [one.name for one in verify(sealed(GENUINE, without)).links][4:6] == ["wearer", "manifest of assistant@3"]


@given(st.integers(0, len(ISSUED) - 1), st.integers(1, 255))
@settings(max_examples=200)
def test_any_changed_byte_fails(place: int, by: int) -> None:
    data = ISSUED[:place] + bytes([ISSUED[place] ^ by]) + ISSUED[place + 1:]
    with pytest.raises((NotProved, InputError)) as caught:
        verify(data)
    assert caught.value.code in ("PAI412", "PAI413")


@given(st.sampled_from(sorted(paths(STATEMENT), key=repr)), st.sampled_from(["other", "gone", "else"]))
@settings(max_examples=300)
def test_any_changed_field_breaks_the_signature(path: Path, how: str) -> None:
    """Whoever has not the issuer's key: also where the keys that the certificate brings are changed with it."""
    envelope = json.loads(ISSUED)
    envelope["payload"] = base64.b64encode(
        json.dumps(changed(path, how), sort_keys=True, separators=(",", ":")).encode()).decode()
    data = (json.dumps(envelope, sort_keys=True, indent=1) + "\n").encode()
    if path == ("predicateType",):
        with pytest.raises(InputError, match="no certificate"):
            verify(data)
        return
    assert broken(data, None) in ("signature", "keys")


@given(st.sampled_from(sorted(paths(STATEMENT), key=repr)), st.sampled_from(["other", "gone", "else"]))
@settings(max_examples=300)
def test_the_link_that_broke_is_named_though_the_issuer_signs(path: Path, how: str) -> None:
    data = sealed(GENUINE, changed(path, how))
    part = path[3] if path[:2] == ("predicate", "checkpoints") and len(path) > 3 else ""
    if path == ("predicateType",):
        with pytest.raises(InputError, match="no certificate"):
            check(data)
    elif how == "other" and (path[-1] == "hers" or path[-2:-1] == ("control",)):
        assert check(data), "the issuer's word alone: nothing in the file says it twice"
    elif how == "gone" and ((part and len(path) == 4) or (len(path) == 2 and path[1] != "keys")):
        assert broken(data) in {"statement", *_also(path)}
    else:
        wearer = WEARER if path[:2] == ("predicate", "wearer") else None  # slow to check
        found = broken(data, wearer=wearer)
        if part == "checkpoint":
            found = found.partition(" of ")[0]  # of what it is called now
        assert found in {link_of(path), *_also(path)}


def _also(path: Path) -> set[str]:
    """A checkpoint that is not there, or is there twice, shows where it is missed; the first one is the answer's."""
    if path[:2] != ("predicate", "checkpoints"):
        return {"statement"} if path == ("predicate",) else set()
    return {"statement", "chain"} if len(path) < 4 else {"answer"} if path[3] in ("checkpoint", "weights") else set()


@pytest.mark.parametrize(("but", "where"), [
    (lambda run: run["inputs"][0].update(sha256=sha("other rows")), "snapshots"),
    (lambda run: run["inputs"][0].update(rows=7), "snapshots"),
    (lambda run: run["inputs"].insert(0, {"asset": "file:corpus/x.tsv", "rows": 1, "sha256": sha("x")}), "snapshots"),
    (lambda run: run.update(decisions=["000000000000"]), "decision"),
    (lambda run: run.update(run="training:y"), "decision"),
    (lambda run: run.update(requirements=["glasses-interaction-purpose@4"]), "decision"),
    (lambda run: run.update(epoch=2), "token"),
    (lambda run: run.update(token=base64.b64encode(b"{}").decode()), "token"),
    (lambda run: run["inputs"][0]["columns"].append("region"), "token"),
    (lambda run: run.update(code={"sha256": sha("other code")}), "weights"),
    (lambda run: run.pop("token"), "manifest"),
])
def test_a_manifest_that_says_something_else_breaks_what_hangs_on_it(
        but: Callable[[dict[str, Any]], None], where: str) -> None:
    """Even where training itself signs it."""
    data = sealed(GENUINE, statement(GENUINE, [link(GENUINE, "assistant@3", but=but)]))
    assert broken(data) == f"{where} of assistant@3"


def test_a_manifest_of_other_weights_or_of_nobody_s_signature_is_none() -> None:
    assert broken(sealed(GENUINE, statement(GENUINE, [link(GENUINE, "assistant@3", of="assistant@2")]))) == \
        "manifest of assistant@3"
    theirs = Signers("2")
    assert broken(sealed(GENUINE, statement(GENUINE, [link(theirs, "assistant@3")]))) == "manifest of assistant@3"
    forged = Signers()
    forged.policy = theirs.policy
    assert broken(sealed(GENUINE, statement(GENUINE, [link(forged, "assistant@3")]))) == "token of assistant@3"


def test_a_token_of_another_run_or_consent_epoch_is_not_its_token() -> None:
    for grant in (Grant("training", "assistance", "training:y", (f"{INPUT}#answer",), (), epoch=1),
                  Grant("training", "ads_ranking", "training:x", (f"{INPUT}#answer",), (), epoch=1)):
        token = base64.b64encode(GENUINE.policy.sign(grant)).decode()
        but = lambda run, token=token: run.update(token=token)  # noqa: E731
        assert broken(sealed(GENUINE, statement(GENUINE, [link(GENUINE, "assistant@3", but=but)]))) == \
            "token of assistant@3"


def test_a_run_that_was_refused_is_not_certified() -> None:
    refused = decision("blocked")
    one = link(GENUINE, "assistant@3", but=lambda run: run.update(decisions=[refused["id"]]))
    one["decision"] = refused
    assert broken(sealed(GENUINE, statement(GENUINE, [one]))) == "decision of assistant@3"


@pytest.mark.parametrize("name", ["again", "without", "altered"])
def test_other_weights_are_no_proof(name: str) -> None:
    one = link(GENUINE, "assistant@3")
    one["retrained"][name] = sha("others")
    assert broken(sealed(GENUINE, statement(GENUINE, [one]))) == "weights of assistant@3"
    one = link(GENUINE, "assistant@3") | {"control": {"rows": 2, "weights": sha("assistant@3")}}
    assert broken(sealed(GENUINE, statement(GENUINE, [one]))) == "weights of assistant@3"


@pytest.mark.parametrize(("altered", "used", "hers", "control", "where"), [
    ("altered", 2, 2, {"rows": 2, "weights": sha("others")}, ""),  # that there were some of hers, and they did nothing
    ("altered", 2, 2, {"rows": 4, "weights": sha("others")}, ""),
    ("rows of assistant@3", 2, 2, {"rows": 2, "weights": sha("others")}, "snapshots"),
    ("without", 2, 2, {"rows": 2, "weights": sha("others")}, "snapshots"),
    ("altered", 50, 50, {"rows": 2, "weights": sha("others")}, "snapshots"),
    ("altered", 2, 2, {"rows": 5, "weights": sha("others")}, "weights"),
    ("altered", 2, 2, {"rows": 10**9, "weights": sha("others")}, "weights"),
    ("altered", 2, 2, None, "weights"),
    ("rows of assistant@3", 2, 2, None, "snapshots"),
])
def test_that_the_weights_are_the_same_says_something(altered: str, used: int, hers: int,
                                                      control: dict[str, Any] | None, where: str) -> None:
    """Her rows were read: they were taken out and altered indeed, and the weights would have shown it."""
    one = link(GENUINE, "assistant@3") | {"control": control}
    one["snapshots"][0].update(without=sha("without"), altered=sha(altered), used=used, hers=hers)
    data = sealed(GENUINE, statement(GENUINE, [one]))
    if where:
        assert broken(data) == f"{where} of assistant@3"
    else:
        assert check(data)


def test_a_control_is_needed_where_rows_of_people_were_read_and_nowhere_else() -> None:
    data = sealed(GENUINE, statement(GENUINE, [link(GENUINE, "assistant@3") | {"control": None}]))
    assert broken(data) == "weights of assistant@3"
    plain = link(GENUINE, "assistant@3", but=lambda run: run["inputs"][0].update(labels={})) | {"control": None}
    assert check(sealed(GENUINE, statement(GENUINE, [plain])))


def test_every_base_is_there_once_and_nothing_else() -> None:
    base = LINKS[1]
    for links in (LINKS[:1], [*LINKS, link(GENUINE, "stranger@1")], [*LINKS, base],
                  [LINKS[0], link(GENUINE, "assistant@2")],
                  # The same weights, of which something else was said when they were gone on from.
                  [LINKS[0], link(GENUINE, base["checkpoint"], but=lambda run: run.update(owner="another"))]):
        assert broken(sealed(GENUINE, statement(GENUINE, links))) == "chain"


def test_whoever_replaces_every_key_is_found_by_yours_alone() -> None:
    """With the keys of the certificate itself it shows no more than that it is whole, and says so."""
    theirs = Signers("2")
    forged = sealed(theirs, statement(theirs, [link(theirs, "assistant@3")]))
    assert verify(forged).own_keys
    assert broken(forged) == "keys"
    hidden = copy.deepcopy(STATEMENT)
    assert broken(sealed(theirs, hidden)) == "signature", "yours are shown, and others have signed"
    assert broken(sealed(theirs, hidden), None) == "signature"


def test_keys_come_from_a_file_of_their_own() -> None:
    assert read_keys(made.key_file(GENUINE.keys), "k") == GENUINE.keys
    short = {"format": 1, "keys": made.written(dict.fromkeys(made.KEYS, b"short"))}
    for data in (b"", b"[]", b"\xff", json.dumps(short).encode(), ISSUED,
                 made.key_file(GENUINE.keys).replace(b'"format": 1', b'"format": 2')):
        with pytest.raises(InputError) as caught:
            read_keys(data, "keys.json")
        assert caught.value.code == "PAI412" and caught.value.where == "keys.json"


@given(st.integers(0, len(ISSUED) - 2))
@settings(max_examples=50)
def test_a_file_that_is_cut_off_is_no_certificate(size: int) -> None:
    with pytest.raises(InputError, match="cut off") as caught:
        verify(ISSUED[:size], where="hers.json")
    assert caught.value.code == "PAI412" and caught.value.where == "hers.json" and caught.value.exit_code == 2


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=8),
                    lambda inner: st.lists(inner, max_size=3)
                    | st.dictionaries(st.sampled_from(["payload", "payloadType", "signatures", "x"]), inner)))
@settings(max_examples=100)
def test_other_json_is_no_certificate(content: Any) -> None:
    for data in (json.dumps(content).encode(), dsse.sealed({"_type": content}, GENUINE.issuer.attest, "operator")):
        with pytest.raises(InputError, match="no certificate"):
            verify(data)


def test_what_is_huge_or_deep_is_refused_unread() -> None:
    for data in (b" " * made.MAX_BYTES + b"{}", b"[" * 100_000, b"\xff\xfe"):
        with pytest.raises(InputError, match="no certificate"):
            verify(data)


@given(st.sampled_from(["wearer", "answer", "checkpoints", "limits", "issuer"]),
       st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.lists(st.integers(), max_size=2)
       | st.dictionaries(st.text(max_size=3), st.integers(), max_size=2))
@settings(max_examples=100)
def test_anything_in_the_place_of_a_part_is_refused_with_its_name(part: str, value: Any) -> None:
    content = {**STATEMENT, "predicate": {**STATEMENT["predicate"], part: value}}
    assert broken(sealed(GENUINE, content)) in (part, "statement")


def test_the_same_certificate_in_another_spelling_is_refused() -> None:
    envelope = json.loads(ISSUED)
    assert broken(json.dumps(envelope).encode()) == "envelope"
    assert broken(ISSUED + b"\n") == "envelope"
    assert broken(json.dumps({**envelope, "more": 1}, sort_keys=True, indent=1).encode()) == "signature"
    twice = {**envelope, "signatures": envelope["signatures"] * 2}
    assert broken((json.dumps(twice, sort_keys=True, indent=1) + "\n").encode()) == "envelope"
    assert TRACE in check(ISSUED).links[5].said
