"""Reads the labels that stand beside the fields in ``protos/*.proto``, once, at registration.

>>> from protos import inference_pb2
>>> contract = Contract(inference_pb2.PlaceRequest.DESCRIPTOR)
>>> contract.labels["location"].category
'user.location'
>>> contract.fields(inference_pb2.PlaceRequest())
('model', 'location', 'gesture', 'shown')
"""

from __future__ import annotations

from typing import Any

from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message

from lineage.model import Label
from protos import annotations_pb2

ROWS = "sightline.Rows"


def _option(described: Any, extension: Any) -> Any:
    """The generated stubs type every extension as a plain field, so this is the one untyped place."""
    return described.GetOptions().Extensions[extension]


def label_of(field: FieldDescriptor) -> Label:
    option = _option(field, annotations_pb2.label)
    return Label(option.category, tuple(option.annotations), option.operational)


def labels_of(message: Any) -> dict[str, Label]:
    """Field name → label of a message's DESCRIPTOR, without the fields that carry another schema."""
    return {field.name: label_of(field) for field in message.fields
            if not _option(field, annotations_pb2.label).carries}


class Contract:
    """One message type: its static fields, and which of its fields carry another schema."""

    def __init__(self, message: Any) -> None:
        self.labels = labels_of(message)
        self._own = tuple(self.labels)
        self._carriers = tuple(field.name for field in message.fields
                               if field.message_type is not None and field.message_type.full_name == ROWS)
        # What every message of this type has; None where that is for each message to say.
        self.fixed: tuple[str, ...] | None = None if self._carriers else self._own

    def fields(self, message: Message) -> tuple[str, ...]:
        """The field paths of this message; a carrier's are ``schema.column``, as the message says."""
        if not self._carriers:
            return self._own
        carried = [f"{rows.schema}.{column}" for rows in self._rows(message) for column in rows.columns]
        return self._own + tuple(carried)

    def row_keys(self, message: Message) -> tuple[str, ...]:
        """The correlation key of each carried row that has one."""
        if not self._carriers:
            return ()
        return tuple(row.key for rows in self._rows(message) for row in rows.rows if row.key)

    def row_count(self, message: Message) -> int:
        return sum(len(rows.rows) for rows in self._rows(message)) if self._carriers else 1

    def _rows(self, message: Message) -> list[Any]:
        return [getattr(message, name) for name in self._carriers]


class Method:
    """One RPC: its asset name, its family, and the contracts of both messages."""

    def __init__(self, method: MethodDescriptor) -> None:
        service = method.containing_service
        self.path = f"/{service.full_name}/{method.name}"
        self.owner = service.name.lower()
        self.asset = f"rpc:{self.owner}.{method.name}"
        self.family: str = _option(method, annotations_pb2.family)
        self.request = Contract(method.input_type)
        self.response = Contract(method.output_type)
        self.streaming = method.client_streaming or method.server_streaming


def method_of(path: str) -> Method | None:
    """The method of "/sightline.Inference/Generate", or None where no loaded contract has it."""
    from google.protobuf import descriptor_pool

    service, _, name = path.strip("/").rpartition("/")
    try:
        found = descriptor_pool.Default().FindServiceByName(service).FindMethodByName(name)
    except KeyError:
        return None
    return Method(found)
