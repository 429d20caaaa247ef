"""Whose rows went into which checkpoint, by the journal alone."""

from __future__ import annotations

from typing import Any

from protos import warehouse_pb2
from services.rows import make
from sim.truth.held import Held
from sim.truth.message import describe, person
from sim.truth.record import Record

APPEND, READ = "grpc:/sightline.Warehouse/Append:request", "grpc:/sightline.Warehouse/Read:response"
ANN, BOB = person("ann"), person("bob")


def arrived(*rows: tuple[str, str]) -> Record:
    return Record("warehouse", 1, "received", APPEND, {"of": [list(row) for row in rows]}, len(rows), 0)


def run(number: int, *records: tuple[str, str, dict[str, Any]]) -> list[Record]:
    """What training did within one call."""
    return [Record("training", number * 10 + at, op, locator, {**detail, "within": number}, 0, 0)  # type: ignore[arg-type]
            for at, (op, locator, detail) in enumerate(records)]


def taken(*rows: tuple[str, str]) -> tuple[str, str, dict[str, Any]]:
    return "received", READ, {"of": [list(row) for row in rows]}


def weights(checkpoint: str, op: str = "write") -> tuple[str, str, dict[str, Any]]:
    return op, f"file:checkpoints/{checkpoint}/weights.safetensors", {}


ROWS = arrived(("k1", ANN), ("k2", BOB), ("k3", ANN))


def test_rows_are_counted_by_their_keys() -> None:
    held = Held([ROWS, *run(1, taken(("k1", ""), ("k2", ""), ("k3", "")), weights("m@1")),
                 *run(2, taken(("k2", "")), weights("m@2"))])
    assert held.of("ann", "m@1") == (2, 0, True) and held.of("bob", "m@1") == (1, 0, True)
    assert held.of("ann", "m@2") == (0, 0, True) and held.of("bob", "m@2") == (1, 0, True)
    assert held.of("ann", "m@3") == (0, 0, False)


def test_a_row_may_say_itself_whose_it_is_and_may_be_nobodys() -> None:
    held = Held([ROWS, *run(1, taken(("", ANN), ("k9", BOB), ("", ""), ("k9", "")), weights("m@1"))])
    assert held.of("ann", "m@1") == (1, 2, True) and held.of("bob", "m@1") == (1, 2, True)
    # What stands for a name is none; the row's key says more.
    held = Held([ROWS, *run(1, taken(("k1", person("p-17")), ("", person("p-17"))), weights("m@1"))])
    assert held.of("ann", "m@1") == (1, 1, True) and held.of("p-17", "m@1") == (0, 1, True)


def test_a_base_is_in_what_is_made_of_it_and_its_own_file_is_no_base() -> None:
    held = Held([ROWS, *run(1, taken(("k1", "")), weights("m@1")), *run(2, weights("m@1", "read"), taken(("k2", "")),
                 weights("m@2")), *run(3, weights("m@3"), weights("m@3", "read"), weights("m@3"))])
    assert held.of("ann", "m@2") == (1, 0, True) and held.of("bob", "m@2") == (1, 0, True)
    assert held.of("ann", "m@3") == (0, 0, True)


def test_where_no_row_was_seen_nothing_is_shown() -> None:
    assert Held(run(1, weights("m@1"))).of("ann", "m@1") == (0, 0, False)
    assert Held([]).of("ann", "m@1") == (0, 0, False)


def test_a_message_is_told_by_keys_and_digests() -> None:
    rows = make("core.s", ("u", "wearer"), [("k1", ("secret", "ann")), ("k2", ("secret", None))])
    detail, count = describe(warehouse_pb2.ReadResponse(rows=rows))
    assert count == 2 and detail["of"] == [["k1", ANN], ["k2", ""]] and "secret" not in str(detail)
    bare = make("core.s", ("u",), [("", ("secret",))])
    assert describe(warehouse_pb2.ReadResponse(rows=bare))[0]["of"] == [["", ""]]
