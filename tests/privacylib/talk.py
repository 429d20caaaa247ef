"""A service with all four kinds of RPC, made at run time: no contract of the product streams for a test's sake."""

from __future__ import annotations

import json
from typing import Any

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from lineage.errors import PolicyDenied
from lineage.privacylib import Extension, MemorySink, Operation, PrivacyLib
from protos import annotations_pb2, rows_pb2

KEY = "0af7651916cd43dd8448eb211c80319c"
SERVICE = "sightline.tests.Talk"
STYLES = {"Ask": "unary_unary", "Watch": "unary_stream", "Upload": "stream_unary", "Converse": "stream_stream"}
# Requests of one more carry rows of another schema.
METHODS = {**STYLES, "Ship": "stream_unary"}
LINKS = (("text", ("web:talk#text",)),)
SOURCES = {"text": ["web:talk#text"]}


def _file() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(name="tests/talk.proto", package="sightline.tests", syntax="proto3",
                                              dependency=["protos/annotations.proto", "protos/rows.proto"])
    label: Any = annotations_pb2.label
    family: Any = annotations_pb2.family
    for name in ("Said", "Heard"):
        message = file.message_type.add(name=name)
        text = message.field.add(name="text", number=1, type="TYPE_STRING", label="LABEL_OPTIONAL")
        text.options.Extensions[label].category = "user.utterance"
        text.options.Extensions[label].annotations.append("GLASSES_INTERACTION")
    rows = file.message_type.add(name="Batch").field.add(
        name="rows", number=1, type="TYPE_MESSAGE", type_name=".sightline.Rows", label="LABEL_OPTIONAL")
    rows.options.Extensions[label].carries = "schema"
    service = file.service.add(name="Talk")
    for name, style in METHODS.items():
        into, out = style.split("_")
        given = "Batch" if name == "Ship" else "Said"
        method = service.method.add(
            name=name, input_type=f".sightline.tests.{given}", output_type=".sightline.tests.Heard",
            client_streaming=into == "stream", server_streaming=out == "stream")
        method.options.Extensions[family] = "C"
    return file


descriptor_pool.Default().AddSerializedFile(_file().SerializeToString())


def _message(name: str) -> Any:
    return message_factory.GetMessageClass(descriptor_pool.Default().FindMessageTypeByName(f"sightline.tests.{name}"))


Said, Heard, Batch = _message("Said"), _message("Heard"), _message("Batch")


class TalkStub:
    """As generated code makes it."""

    def __init__(self, channel: Any) -> None:
        for name, style in METHODS.items():
            setattr(self, name, getattr(channel, style)(
                f"/{SERVICE}/{name}", request_serializer=(Batch if name == "Ship" else Said).SerializeToString,
                response_deserializer=Heard.FromString))

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)


def add_to_server(servicer: Any, server: Any) -> None:
    """As generated code does; a servicer may leave methods out."""
    handlers = {name: getattr(grpc, f"{style}_rpc_method_handler")(
        getattr(servicer, name), request_deserializer=(Batch if name == "Ship" else Said).FromString,
        response_serializer=Heard.SerializeToString) for name, style in METHODS.items() if hasattr(servicer, name)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    server.add_registered_method_handlers(SERVICE, handlers)


class Servicer:
    """What a test's servicer has in both colours; it reads a file of its own between two messages."""

    def __init__(self, lib: PrivacyLib) -> None:
        self.lib = lib
        self.left: float | None = None
        self.caught: list[PolicyDenied] = []

    def note(self) -> None:
        with self.lib.read("file:own"):
            pass


def said(count: int) -> list[Any]:
    return [Said(text=str(number)) for number in range(count)]


def carrying(*keys: str) -> Any:
    return Batch(rows=rows_pb2.Rows(schema="session", columns=["utterance"],
                                    rows=[rows_pb2.Row(values=[rows_pb2.Value(text="x")], key=key) for key in keys]))


def operations(sink: MemorySink) -> list[tuple[str, str]]:
    """(operation, asset without "rpc:talk."), gaps too."""
    return [(record.site.op, record.site.asset.removeprefix("rpc:talk.")) for record in sink.records
            if record.site.op in ("read", "write", "call", "gap")]


def call_of(sink: MemorySink) -> tuple[Any, dict[str, Any]]:
    """The only call, and its detail."""
    (record,) = [record for record in sink.records if record.site.op == "call"]
    return record, json.loads(record.detail or "{}")


class Refuse(Extension):
    """Refuses operations of a kind whose payload is a message with this text."""

    guards = True

    def __init__(self, kind: str, text: str) -> None:
        self._kind = kind
        self._text = text

    def before(self, op: Operation) -> None:
        if op.kind == self._kind and getattr(op.payload, "text", None) == self._text:
            raise PolicyDenied("PAI302", "not this one", where=op.asset)


class Floating(Extension):
    """A guard's floating label: what each outgoing message's scope had read before it, by text."""

    guards = True

    def __init__(self) -> None:
        self.before_text: dict[str, set[str]] = {}

    def before(self, op: Operation) -> None:
        if op.payload is not None and op.kind in ("call", "write"):
            self.before_text[op.payload.text] = set(op.context.annotations)

    def after(self, op: Operation) -> None:
        for field in op.fields if op.kind in ("call", "read") else ():
            if op.kind == "read" or field.startswith("response."):
                op.context.annotations[field] = op.asset
