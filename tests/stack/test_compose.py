"""The compose file as the launcher reads it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage.errors import InputError, RunError
from sim.stack.compose import COMPOSE, processes

SEVEN = {"collector", "policy", "warehouse", "logger", "inference", "training", "web"}


def _write(folder: Path, text: str) -> Path:
    path = folder / "compose.yml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_projects_own_file_lists_seven_processes_in_an_order_that_can_start() -> None:
    specs = processes()
    assert {spec.name for spec in specs} == SEVEN
    started: set[str] = set()
    for spec in specs:
        assert set(spec.depends_on) <= started, spec.name
        assert spec.command == ("sightline", "node", spec.name)
        started.add(spec.name)


def test_every_address_names_a_process_that_listens_there_and_is_depended_on() -> None:
    specs = {spec.name: spec for spec in processes(COMPOSE)}
    calls: dict[str, set[str]] = {name: set() for name in specs}
    for spec in specs.values():
        assert spec.environment["SIGHTLINE_DATA"] == "/data"
        for key, value in spec.environment.items():
            name, _, port = value.rpartition(":")
            if name in specs:
                calls[spec.name].add(name)
                assert key == f"SIGHTLINE_{name.upper()}"
                assert name in spec.depends_on
                assert specs[name].environment["SIGHTLINE_LISTEN"].endswith(f":{port}")
    assert calls == {
        "collector": set(),
        "policy": {"collector"},
        "inference": {"collector", "policy"},
        "warehouse": {"collector", "policy"},
        "logger": {"collector", "policy", "warehouse"},
        "training": {"collector", "policy", "warehouse", "inference"},
        "web": {"collector", "policy", "warehouse", "inference", "logger"},
    }


def test_both_forms_of_each_key_mean_the_same(tmp_path: Path) -> None:
    path = _write(tmp_path, """
services:
  two:
    command: sightline node "two words"
    environment: ["SIGHTLINE_SEED=7", "EMPTY="]
    depends_on: [one]
  three:
    command: [sightline, node, "two words"]
    environment: {SIGHTLINE_SEED: 7, EMPTY: ""}
    depends_on: {one: {condition: service_started}}
  one: {command: "sightline node one"}
""")
    one, two, three = sorted(processes(path), key=lambda spec: ("one", "two", "three").index(spec.name))
    assert one.environment == {} and one.depends_on == ()
    assert two.command == three.command == ("sightline", "node", "two words")
    assert two.environment == three.environment == {"SIGHTLINE_SEED": "7", "EMPTY": ""}
    assert two.depends_on == three.depends_on == ("one",)


@pytest.mark.parametrize(("text", "line", "says"), [
    ("services:\n  web:\n    image: x\n", 2, "'web' has no command"),
    ("services:\n  web: nothing\n", 2, "'web' is not a mapping"),
    ("services:\n  a: {command: x}\n  web:\n    command: x\n    depends_on: [warehose]\n", 3, "'warehose'"),
    ("services:\n  web:\n    command: x\n    depends_on: a\n", 2, "depends_on of 'web'"),
    ("services:\n  web:\n    command: x\n    environment: {A: true}\n", 2, "A of 'web' is True"),
    ("services:\n  web:\n    command: x\n    environment: {A: '${SEED}'}\n", 2, "holds a variable"),
    ("services:\n  web:\n    command: x\n    environment: [A]\n", 2, "give KEY=value"),
    ("services:\n  web:\n    command: x\n    environment: 3\n", 2, "neither a mapping nor a list"),
    ("services:\n  web: [\n", 3, "not YAML"),
    ("services:\n  web: {command: x}\n  web: {command: y}\n", 3, "duplicate key"),
    ("services: {}\n", 0, "lists no services"),
    ("- a\n", 0, "lists no services"),
    ("", 0, "lists no services"),
])
def test_a_malformed_file_is_refused_with_its_place(tmp_path: Path, text: str, line: int, says: str) -> None:
    path = _write(tmp_path, text)
    with pytest.raises(InputError) as refused:
        processes(path)
    assert refused.value.code == "PAI022"
    assert says in refused.value.what
    assert refused.value.where == (f"{path}:{line}" if line else str(path))


def test_a_missing_file_and_one_that_is_not_text_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError) as missing:
        processes(tmp_path / "no.yml")
    assert missing.value.code == "PAI012"
    (tmp_path / "bytes.yml").write_bytes(b"services: \xff\xfe")
    with pytest.raises(InputError) as bytes_:
        processes(tmp_path / "bytes.yml")
    assert bytes_.value.code == "PAI022"


def test_a_circle_is_named(tmp_path: Path) -> None:
    path = _write(tmp_path, "services:\n"
                            "  a: {command: x, depends_on: [b]}\n"
                            "  b: {command: x, depends_on: [c]}\n"
                            "  c: {command: x, depends_on: [a]}\n")
    with pytest.raises(RunError) as refused:
        processes(path)
    assert refused.value.what.count("→") == 3
    assert set("abc") <= set(refused.value.what)


@settings(max_examples=50)
@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises((InputError, RunError)):
        processes(path)


@given(st.dictionaries(st.sampled_from("abcdef"), st.sets(st.sampled_from("abcdef")), min_size=1))
def test_order_respects_every_dependency_or_names_why_not(tmp_path_factory: pytest.TempPathFactory,
                                                          wants: dict[str, set[str]]) -> None:
    text = "services:\n" + "".join(f"  {name}: {{command: x, depends_on: [{', '.join(sorted(others))}]}}\n"
                                   for name, others in wants.items())
    path = tmp_path_factory.getbasetemp() / "order.yml"
    path.write_text(text, encoding="utf-8")
    try:
        specs = processes(path)
    except InputError:
        assert any(others - set(wants) for others in wants.values())
    except RunError:
        assert all(others <= set(wants) for others in wants.values())
    else:
        place = {spec.name: at for at, spec in enumerate(specs)}
        assert set(place) == set(wants)
        assert all(place[other] < place[name] for name, others in wants.items() for other in others)
