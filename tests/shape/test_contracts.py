"""Every field of every contract says what it holds; every method says which boundary it crosses.

Read from the descriptors, not from the text.  A field has exactly one of ``category`` (personal
data), ``operational``, ``carries`` (its labels are those of another schema).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto

from lineage.understand.taxonomy import CATEGORIES
from protos import annotations_pb2

ROOT = Path(__file__).resolve().parents[2]
FAMILIES = {"A", "B", "C", "D"}
# Machinery of the PAI and of the simulator: not on the data path, so of no family.
OFF_THE_PATH = {"Collector", "Control", "Following", "Principals"}

Messages = dict[str, DescriptorProto]


def contracts() -> list[FileDescriptorProto]:
    """Every contract as a descriptor, except the one that defines the labels."""
    files = []
    for path in sorted((ROOT / "protos").rglob("*.proto")):
        module = import_module(".".join(path.relative_to(ROOT).with_suffix("").parts) + "_pb2")
        if module is not annotations_pb2:
            file = FileDescriptorProto()
            module.DESCRIPTOR.CopyToProto(file)
            files.append(file)
    return files


def messages(files: Iterable[FileDescriptorProto]) -> Messages:
    """Messages by full name, nested ones included; entries of maps are no messages of their own."""
    def walk(prefix: str, found: Iterable[DescriptorProto]) -> Iterator[tuple[str, DescriptorProto]]:
        for message in found:
            if not message.options.map_entry:
                yield f"{prefix}.{message.name}", message
                yield from walk(f"{prefix}.{message.name}", message.nested_type)

    return {name: message for file in files
            for name, message in walk(f".{file.package}" if file.package else "", file.message_type)}


def unlabelled(files: Iterable[FileDescriptorProto]) -> list[str]:
    """One line for each field whose label is missing, double, or points to nothing."""
    known = messages(files)
    wrong = []
    for name, message in known.items():
        for field in message.field:
            problem = _problem(message, field, known)
            if problem:
                wrong.append(f"{name[1:]}.{field.name}: {problem}")
    return wrong


def _problem(message: DescriptorProto, field: FieldDescriptorProto, known: Messages) -> str:
    label = field.options.Extensions[annotations_pb2.label]
    said = [part for part in ("category", "operational", "carries") if getattr(label, part)]
    if len(said) != 1:
        return f"has {' and '.join(said) or 'no label'}; give exactly one of category, operational, carries"
    if label.annotations and not label.category:
        return "has annotations without a category"
    if label.category and label.category not in CATEGORIES:
        return f"has the category {label.category!r}, which lineage/understand/taxonomy.py does not list"
    if label.carries:
        # The schema is named beside the field (Rows.rows), or inside what it holds (LogRequest.events).
        held = known.get(field.type_name)
        beside = [*message.field, *(held.field if held else ())]
        named = [other for other in beside if other.name == label.carries and other is not field]
        if not any(other.type == FieldDescriptorProto.TYPE_STRING and other.label != other.LABEL_REPEATED
                   and other.options.Extensions[annotations_pb2.label].operational for other in named):
            return f"carries {label.carries!r}, which is no operational string beside it or inside it"
    return ""


def without_family(files: Iterable[FileDescriptorProto]) -> list[str]:
    """One line for each method whose capture family is missing, unknown, or out of place."""
    wrong = []
    for file in files:
        for service in file.service:
            for method in service.method:
                family = method.options.Extensions[annotations_pb2.family]
                if service.name in OFF_THE_PATH and family:
                    wrong.append(f"{service.name}.{method.name}: is off the data path and has the family {family!r}")
                elif service.name not in OFF_THE_PATH and family not in FAMILIES:
                    wrong.append(f"{service.name}.{method.name}: has the family {family!r}; give A, B, C or D")
    return wrong


def test_every_field_is_labelled() -> None:
    files = contracts()
    assert {"sightline.AskRequest", "sightline.GenerateRequest", "sightline.Rows"} <= {
        name[1:] for name in messages(files)}
    assert unlabelled(files) == []


def test_every_method_has_its_family() -> None:
    files = contracts()
    assert sum(len(service.method) for file in files for service in file.service) > len(OFF_THE_PATH)
    assert {service.name for file in files for service in file.service} >= OFF_THE_PATH
    assert without_family(files) == []


def _planted(**label: object) -> FileDescriptorProto:
    """A contract: Outer{inner, key, keys} with the nested Inner{planted, name}, one label of it given."""
    file = FileDescriptorProto(name="planted.proto", package="planted", syntax="proto3")
    outer = file.message_type.add(name="Outer")
    inner = outer.nested_type.add(name="Inner")
    _field(outer, "inner", type_name=".planted.Outer.Inner", carries="name")
    _field(outer, "key", operational="identifier")
    _field(outer, "keys", repeated=True, operational="identifier")
    _field(inner, "planted", **label)
    _field(inner, "name", operational="identifier")
    entry = outer.nested_type.add(name="MapEntry")
    entry.options.map_entry = True
    _field(entry, "value")
    return file


def _field(message: DescriptorProto, name: str, *, type_name: str = "", repeated: bool = False,
           annotations: Iterable[str] = (), **label: object) -> None:
    kind = FieldDescriptorProto.TYPE_MESSAGE if type_name else FieldDescriptorProto.TYPE_STRING
    field = message.field.add(name=name, number=len(message.field) + 1, type=kind, type_name=type_name)
    field.label = FieldDescriptorProto.LABEL_REPEATED if repeated else FieldDescriptorProto.LABEL_OPTIONAL
    option = field.options.Extensions[annotations_pb2.label]
    option.annotations.extend(annotations)
    for part, value in label.items():
        setattr(option, part, value)


@pytest.mark.parametrize(("label", "says"), [
    ({}, "no label"),
    ({"category": "user.location", "operational": "identifier"}, "category and operational"),
    ({"operational": "identifier", "carries": "name"}, "operational and carries"),
    ({"annotations": ["GLASSES_INTERACTION"], "operational": "identifier"}, "annotations without"),
    ({"category": "user.shoe_size"}, "does not list"),
    ({"carries": "nothing"}, "carries 'nothing'"),
    ({"carries": "planted"}, "carries 'planted'"),
    ({"carries": "key"}, "carries 'key'"),
])
def test_a_wrong_label_is_found(label: dict[str, object], says: str) -> None:
    found = unlabelled([*contracts(), _planted(**label)])
    assert len(found) == 1 and found[0].startswith("planted.Outer.Inner.planted: ") and says in found[0]


@pytest.mark.parametrize("label", [
    {"operational": "count"},
    {"category": "user.location"},
    {"category": "user.location", "annotations": ["GLASSES_INTERACTION"]},
    {"carries": "name"},
])
def test_a_right_label_is_left_alone(label: dict[str, object]) -> None:
    assert unlabelled([_planted(**label)]) == []


def test_a_schema_that_is_named_by_many_or_by_a_message_is_found() -> None:
    file = _planted(operational="count")
    outer = file.message_type[0]
    _field(outer, "by_many", carries="keys")
    _field(outer, "by_message", carries="inner")
    assert [line.split(":")[0] for line in unlabelled([file])] == ["planted.Outer.by_many", "planted.Outer.by_message"]


@pytest.mark.parametrize(("service", "family", "count"), [
    ("Web", "A", 0), ("Web", "", 1), ("Web", "E", 1), ("Collector", "", 0), ("Control", "B", 1),
])
def test_a_wrong_family_is_found(service: str, family: str, count: int) -> None:
    file = FileDescriptorProto(name="planted.proto", package="planted", syntax="proto3")
    method = file.service.add(name=service).method.add(name="Do", input_type=".planted.Q", output_type=".planted.A")
    method.options.Extensions[annotations_pb2.family] = family
    assert len(without_family([file])) == count
