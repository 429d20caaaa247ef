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
        # Fields that hold several items, each with the name of its item's correlation key.
        self._batches = tuple((field.name, key) for field in message.fields
                              if field.message_type is not None and (key := _key_of(field.message_type)))
        # What every message of this type has; None where that, or whose it is, is for each message to say.
        self.fixed: tuple[str, ...] | None = None if self._carriers or self._batches else self._own

    def fields(self, message: Message) -> tuple[str, ...]:
        """The field paths of this message; a carrier's are ``schema.column``, as the message says."""
        if not self._carriers:
            return self._own
        carried = [f"{rows.schema}.{column}" for rows in self._rows(message) for column in rows.columns]
        return self._own + tuple(carried)

    def row_keys(self, message: Message) -> tuple[str, ...]:
        """The correlation key of each carried row, and each item of a batch, that has one."""
        if self.fixed is not None:
            return ()
        return (*(row.key for rows in self._rows(message) for row in rows.rows if row.key),
                *(key for name, field in self._batches for item in getattr(message, name)
                  if (key := getattr(item, field))))

    def row_count(self, message: Message) -> int:
        if self.fixed is not None:
            return 1
        return (sum(len(rows.rows) for rows in self._rows(message))
                + sum(len(getattr(message, name)) for name, _ in self._batches))

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


def _key_of(message: Any) -> str:
    """The field of a batch's item that holds its correlation key; empty for a message that is no such item."""
    return next((field.name for field in message.fields if field.type == FieldDescriptor.TYPE_STRING
                 and label_of(field).operational == "correlation_key"), "")


def method_of(path: str) -> Method | None:
    """The method of "/sightline.Inference/Generate", or None where no loaded contract has it."""
    from google.protobuf import descriptor_pool

    service, _, name = path.strip("/").rpartition("/")
    try:
        found = descriptor_pool.Default().FindServiceByName(service).FindMethodByName(name)
    except KeyError:
        return None
    return Method(found)
