"""The dataclasses, the registry that judges what they are given, and the lock file."""

from __future__ import annotations

import dataclasses
import string
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage.errors import InputError, RunError
from sim.scenario.compare import Comparable
from sim.scenario.loader import load
from sim.scenario.lock import lock_text, write_lock
from sim.scenario.reader import read
from sim.scenario.registry import Doc, Registries, Registry
from sim.scenario.schema import Expectation, FaultSpec, Scenario, Step, World, expect, fault, step
from sim.scenario.source import parse, resolve


def anything() -> Registries:
    """Registries whose one name takes any keys of any type: for values that must survive a round trip."""

    class Loose(Registry[Any]):
        def validate(self, name: str, given: Any, where: str = "", places: Any = None) -> Any: ...
        def lookup(self, name: str, where: str = "") -> Any: ...

    return Registries(Loose("step"), Loose("fault"), Loose("expectation"))


def registry() -> Registry[Any]:
    made: Registry[Any] = Registry("expectation")

    @made.register(
        "path",
        keys={"from": str, "to": str},
        optional={"state": Literal["declared", "observed"]},
        stage="discover",
        doc="a path exists",
    )
    def path() -> None: ...

    @made.register(
        "count",
        keys={"rows": Comparable},
        optional={"who": (Literal["all"], int, list[int]), "on": bool, "share": float, "times": int, "what": object},
    )
    def count() -> None:
        """Counts rows.

        And this line is not shown.
        """

    @made.register("new_job", one_of=("job", "sql"), optional={"job": str, "sql": str})
    def new_job() -> None: ...

    return made


@pytest.mark.parametrize(
    ("name", "keys", "code", "says"),
    [
        ("paht", {}, "PAI011", "unknown expectation 'paht'; did you mean 'path'?"),
        ("zzz", {}, "PAI011", "known are count, new_job, path"),
        ("path", {"from": "a", "too": "b"}, "PAI010", "path has no key 'too'; did you mean 'to'?"),
        ("path", {"from": "a"}, "PAI010", "path needs the key 'to': text"),
        ("path", {"from": "a", "to": 3}, "PAI010", "'to' must be text, not 3"),
        ("path", {"from": "a", "to": None}, "PAI010", "'to' must be text, not nothing"),
        ("path", {"from": "a", "to": "b", "state": "observd"}, "PAI010", "did you mean 'observed'?"),
        ("count", {"rows": True}, "PAI010", 'a number or a comparator such as ">= 3", not true'),
        ("count", {"rows": "three"}, "PAI010", "a number or a comparator"),
        ("count", {"rows": 1, "times": True}, "PAI010", "a whole number, not true"),
        ("count", {"rows": 1, "times": 1.0}, "PAI010", "a whole number, not 1.0"),
        ("count", {"rows": 1, "on": 1}, "PAI010", "true or false, not 1"),
        ("count", {"rows": 1, "who": [1, "a"]}, "PAI010", "'all' or a whole number or a list, each a whole number"),
        ("count", {"rows": 1, "what": None}, "PAI010", "a value, not nothing"),
        ("new_job", {}, "PAI010", "exactly one of job, sql; found none"),
        ("new_job", {"job": "a", "sql": "b"}, "PAI010", "found job, sql"),
    ],
)
def test_what_does_not_fit_is_refused(name: str, keys: dict[str, Any], code: str, says: str) -> None:
    with pytest.raises(InputError) as caught:
        registry().validate(name, keys, "x.yaml:3")
    assert caught.value.code == code
    assert says in caught.value.what
    assert caught.value.where == "x.yaml:3"


@pytest.mark.parametrize(
    "keys",
    [
        {"rows": 3},
        {"rows": 0.5},
        {"rows": "> 0"},
        {"rows": 1, "who": "all"},
        {"rows": 1, "who": 2},
        {"rows": 1, "who": [1, 2]},
        {"rows": 1, "on": False},
        {"rows": 1, "share": 1},
        {"rows": 1, "what": {"a": 1}},
    ],
)
def test_what_fits_is_taken(keys: dict[str, Any]) -> None:
    assert registry().validate("count", keys).name == "count"


def test_the_place_of_a_key_is_used_where_it_is_known() -> None:
    with pytest.raises(InputError) as caught:
        registry().validate("path", {"from": "a", "to": 3}, "x.yaml:3", {"to": "x.yaml:5"})
    assert caught.value.where == "x.yaml:5"


def test_docs_of_a_registry() -> None:
    assert registry().docs() == [
        Doc("count", "", ("rows", "who?", "on?", "share?", "times?", "what?"), "Counts rows."),
        Doc("new_job", "", ("job?", "sql?"), ""),
        Doc("path", "discover", ("from", "to", "state?"), "a path exists"),
    ]


def test_a_name_is_registered_once_except_by_the_same_function() -> None:
    made: Registry[Any] = Registry("fault")

    def one() -> None: ...
    def two() -> None: ...

    made.register("f")(one)
    made.register("f", doc="again")(one)
    with pytest.raises(ValueError, match="registered twice"):
        made.register("f")(two)
    assert len(made) == 1 and "f" in made


def test_a_key_type_outside_the_list_fails_at_registration() -> None:
    with pytest.raises(KeyError):
        Registry[Any]("fault").register("f", keys={"x": complex})(print)


def test_helpers_know_their_place_and_pythons_words() -> None:
    made = expect("enforce", "decision", job="training:x", is_="blocked")
    assert made == Expectation("enforce", "decision", {"job": "training:x", "is": "blocked"})
    assert made.where.startswith("tests/scenario/test_schema.py:")
    assert step("ask", wearers=(1, 2)) == Step("ask", {"wearers": [1, 2]})
    assert fault("sink_down").to_dict() == {"sink_down": {}}


def test_defaults_and_order() -> None:
    scenario = Scenario(
        "x", "enforce", expect=(expect("demonstrate", "a"), expect("understand", "b"), expect("demonstrate", "c"))
    )
    assert (scenario.seed, scenario.world) == (1, World(3, ("US",), ("glasses-interaction-purpose",)))
    assert [one.kind for one in scenario.expect] == ["b", "a", "c"]
    with pytest.raises(dataclasses.FrozenInstanceError):
        scenario.seed = 2  # type: ignore[misc]
    assert dataclasses.replace(scenario, seed=9).seed == 9


def test_what_is_given_is_copied() -> None:
    mine: dict[str, Any] = {"wearers": [1]}
    made = Step("ask", mine)
    mine["wearers"].append(2)
    assert made.given == {"wearers": [1]}


@pytest.mark.parametrize(
    "build",
    [
        lambda: Step("ask", {"x": object()}),
        lambda: Step("ask", {1: 2}),  # type: ignore[dict-item]
        lambda: Step("ask", {"x": float("nan")}),
        lambda: Step("ask", {"x": 2**63}),
        lambda: Step("ask", {"x": "\ud800"}),
        lambda: Step("ask", 5),
        lambda: Step(5),
        lambda: Expectation("discovr", "path"),  # type: ignore[arg-type]
        lambda: Scenario("x", "enforce", steps=5),
        lambda: Scenario("x", "enforce", steps=("ask",)),  # type: ignore[arg-type]
        lambda: Scenario("x", "enforce", steps=(fault("f"),)),  # type: ignore[arg-type]
        lambda: Scenario("x", "enforce", world={}),
        lambda: World(regions="US"),  # type: ignore[arg-type]
    ],
)
def test_wrong_parts_are_refused_by_the_dataclasses(build: Any) -> None:
    with pytest.raises(InputError) as caught:
        build()
    assert caught.value.code == "PAI010"


def test_endless_nesting_is_refused() -> None:
    deep: list[Any] = []
    deep.append(deep)
    with pytest.raises(InputError, match="levels deep"):
        Step("ask", {"x": deep})


TEXT = st.text(max_size=30) | st.sampled_from(
    [
        "NO",
        "yes",
        "1",
        "010",
        "1e3",
        "~",
        "",
        "null",
        "True",
        "<<",
        "=",
        "- a",
        "a: b",
        "#",
        "2024-01-01",
        "0x1F",
        "1_000",
        ".inf",
        "'",
        '"',
        "\n",
        " a ",
        "> 3",
        ">= 3",
        "*x",
        "&x",
        "!x",
        "%x",
        "@x",
        "a\n\nb\n",
        "\x85",
        "\u2028",
    ]
)
SCALAR = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
VALUE = st.recursive(
    SCALAR | TEXT, lambda below: st.lists(below, max_size=3) | st.dictionaries(TEXT, below, max_size=3), max_leaves=6
)
KIND = st.text(string.ascii_lowercase + "_", min_size=1, max_size=8)
GIVEN = st.dictionaries(TEXT, VALUE, max_size=3)
SCENARIO = st.builds(
    Scenario,
    st.from_regex(r"[a-z0-9][a-z0-9-]{0,20}", fullmatch=True),
    st.sampled_from(["understand", "discover", "enforce", "demonstrate"]),
    st.integers(0, 2**63 - 1),
    TEXT.map(lambda text: " ".join(text.split())),
    st.builds(
        World,
        st.integers(1, 10_000),
        st.lists(st.from_regex(r"[A-Z]{2}", fullmatch=True), min_size=1, max_size=3),
        st.lists(st.just("glasses-interaction-purpose"), max_size=2),
    ),
    st.lists(st.builds(Step, KIND, GIVEN), max_size=2),
    st.lists(st.builds(FaultSpec, KIND, GIVEN), max_size=2),
    st.lists(st.builds(Expectation, st.sampled_from(["discover", "enforce"]), KIND, GIVEN), min_size=1, max_size=3),
)


@settings(max_examples=120, deadline=None)
@given(SCENARIO)
def test_a_lock_loads_back_to_an_equal_scenario(scenario: Scenario) -> None:
    text = lock_text(scenario)
    assert read(parse(text, Path("x.yaml")), anything()) == scenario
    assert lock_text(scenario) == text


def test_write_lock_is_whole_or_not_at_all(tmp_path: Path) -> None:
    scenario = Scenario("x", "discover", steps=(step("ask", question="> 3"),), expect=(expect("discover", "path"),))
    target = tmp_path / "scenario.lock.yaml"
    write_lock(scenario, target)
    assert load(target, anything()) == [scenario]
    assert [path.name for path in tmp_path.iterdir()] == ["scenario.lock.yaml"]
    with pytest.raises(RunError) as caught:
        write_lock(scenario, tmp_path / "none" / "scenario.lock.yaml")
    assert caught.value.code == "PAI033"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("NO", "NO"),
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("true", True),
        ("False", False),
        ("010", 10),
        ("0o10", 8),
        ("0x1f", 31),
        ("-5", -5),
        ("+5", 5),
        ("1_000", "1_000"),
        ("1:30", "1:30"),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("1.", 1.0),
        ("", None),
        ("~", None),
        ("null", None),
        ("2024-01-01", "2024-01-01"),
        ("0b1", "0b1"),
        ("e3", "e3"),
        (".", "."),
    ],
)
def test_scalars_are_those_of_yaml_1_2(text: str, value: object) -> None:
    assert resolve(text) == value and type(resolve(text)) is type(value)


@pytest.mark.parametrize("text", [".inf", "-.INF", ".nan", "1e999", "9" * 19, "9" * 5000, "0x" + "f" * 17])
def test_numbers_without_bound_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="number must"):
        resolve(text)
