"""Physical locators to asset names, by rules of the truth's own: nothing here is asked of the PAI.

The contracts are read from the descriptors in ``protos/``; the grammar of names is ``lineage/names.py``'s.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any, Literal, NamedTuple

from google.protobuf import descriptor_pool

from protos import annotations_pb2, inference_pb2, logger_pb2, policy_pb2, rulebook_pb2, training_pb2, warehouse_pb2
from sim.truth.record import Record

# Loading a module of contracts registers its descriptors.
CONTRACTS = (inference_pb2, logger_pb2, policy_pb2, rulebook_pb2, training_pb2, warehouse_pb2)
FAMILIES = ("A", "B", "C", "D")
_STORAGE = {"app": "A", "web": "A", "logger": "B", "warehouse": "B", "inference": "C", "training": "D"}
_QUEUE = re.compile(r"queue/([A-Za-z0-9_.-]+)/\d+\.log")
_HELD = re.compile(r"app/([A-Za-z0-9_-]+)")
# One output of several workers: "exports/daily_answers/part-00002.jsonl".
_PART = re.compile(r"(.+)/part-\d{5}\.[a-z]+")
_CHECKPOINT = re.compile(r"checkpoints/([^/@]+@[^/@]+)/[^/]+")
# What a training run makes besides, each with what tells of the run: "reports/assistant_check@1/report.json".
_MADE = re.compile(r"(reports|features)/([^/@]+@[^/@]+)/[^/]+")


class Named(NamedTuple):
    """An operation as the PAI ought to have signalled it; family "" where no contract gives one."""

    process: str
    op: Literal["read", "write", "call"]
    asset: str
    family: str


def name(record: Record) -> Named | None:
    """None for what is part of a call: a response that a client received, a request of a stream that it sent."""
    kind, _, place = record.locator.partition(":")
    if kind in ("grpc", "http"):
        return _message(record, kind, *place.rsplit(":", 1))
    op: Literal["read", "write"] = "read" if record.op == "read" else "write"
    asset = {"sql": f"warehouse:{place}", "device": f"device:{place}",
             "entry": place.replace("/", ":", 1)}.get(kind) or _file(place)
    return Named(record.process, op, asset, family(record.process, asset))


def family(process: str, asset: str) -> str:
    """The capture family that an operation of ``process`` on ``asset`` belongs to."""
    kind, _, rest = asset.partition(":")
    if kind == "rpc":
        service, _, method = rest.partition(".")
        return _families().get((service, method.partition(".")[0]), "")
    return "A" if kind in ("device", "app", "web", "response") else _STORAGE.get(process.partition("-")[0], "")


def _message(record: Record, kind: str, path: str, part: str) -> Named | None:
    client = (record.op == "sent") == (part != "response")
    if client and (part == "response" or (part == "request" and kind == "grpc" and _streams(path))):
        return None
    if kind == "grpc":
        service, _, method = path.lstrip("/").partition("/")
        asset = f"rpc:{service.rpartition('.')[2].lower()}.{method}"
        if not client:
            asset += f".{part}"
    else:
        route = path.removeprefix("/v1/").strip("/")
        asset = f"response:{route}" if part == "response" else f"web:{route}"
    op: Literal["read", "write", "call"] = "call" if client else "read" if part == "request" else "write"
    return Named(record.process, op, asset, family(record.process, asset))


@cache
def _streams(path: str) -> bool:
    """Are the requests of "/sightline.Inference/Converse" a stream?  Its calls are counted where they begin."""
    service, _, method = path.lstrip("/").partition("/")
    try:
        found = descriptor_pool.Default().FindServiceByName(service).FindMethodByName(method)
    except KeyError:
        return False
    return bool(found.client_streaming)


def asset_of_file(path: str) -> str:
    """``path``: relative to the data folder."""
    return _file(path)


def _file(path: str) -> str:
    if match := _QUEUE.fullmatch(path):
        return f"logger:{match[1]}"
    if match := _HELD.fullmatch(path):  # what the companion app holds
        return f"app:{match[1]}"
    if match := _CHECKPOINT.fullmatch(path):
        return f"checkpoint:{match[1]}"
    if match := _MADE.fullmatch(path):
        return f"feature:{match[2]}" if match[1] == "features" else f"file:{match[1]}/{match[2]}"
    if match := _PART.fullmatch(path):
        return f"file:{match[1]}"
    return f"file:{path}"


@cache
def _families() -> dict[tuple[str, str], str]:
    """(service in lower case, method) → the family that its contract gives."""
    found: dict[tuple[str, str], str] = {}
    option: Any = annotations_pb2.family
    for contract in CONTRACTS:
        file = descriptor_pool.Default().FindFileByName(contract.DESCRIPTOR.name)
        for service in file.services_by_name.values():
            for method in service.methods:
                found[(service.name.lower(), method.name)] = method.GetOptions().Extensions[option]
    return found
