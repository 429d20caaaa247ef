"""``sightline node``: one process of docker-compose.yml, how it starts, refuses, and ends."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.cli.conftest import Sightline, Told
from tests.privacylib.test_delivery import policy


@contextmanager
def taken() -> Iterator[str]:
    """An address on which somebody listens."""
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        yield f"127.0.0.1:{busy.getsockname()[1]}"


def refused(told: Told, code: str, place: str) -> None:
    assert told.code in (2, 3) and told.out == ""
    assert "Traceback" not in told.err
    [line] = [line for line in told.err.splitlines() if line.startswith(f"{code} ")]
    assert place in line or f"  where: {place}" in told.err
    # A command that can be copied, with what it needs from the environment.
    [following] = [line for line in told.err.splitlines() if line.startswith("  next:  ")]
    assert "sightline " in following


def test_a_port_that_is_taken(sightline: Sightline, tmp_path: Path) -> None:
    with taken() as address:
        told = sightline.apart("node", "collector", "--listen", address, environment={"SIGHTLINE_DATA": str(tmp_path)})
        assert told.code != 0 and address in told.err
        refused(told, "PAI030", "collector")


def test_an_http_port_that_is_taken(sightline: Sightline, tmp_path: Path) -> None:
    nobody = dict.fromkeys(("SIGHTLINE_COLLECTOR", "SIGHTLINE_INFERENCE", "SIGHTLINE_LOGGER"), "127.0.0.1:1")
    with taken() as address, policy(tmp_path, "127.0.0.1:1") as vouching:
        told = sightline.apart("node", "web", environment={"SIGHTLINE_DATA": str(tmp_path), "SIGHTLINE_HTTP": address,
                                                           "SIGHTLINE_POLICY": vouching, **nobody})
        assert told.code != 0 and address in told.err
        refused(told, "PAI030", "web")


@pytest.mark.parametrize(("arguments", "environment", "code", "place"), [
    (["nosuch"], {}, "PAI012", "nosuch"),
    (["collector", "--listen", "7001"], {}, "PAI030", "7001"),
    (["collector", "--listen", "127.0.0.1:x"], {}, "PAI030", "127.0.0.1:x"),
    (["collector", "--listen", "127.0.0.1:70000"], {}, "PAI030", "70000"),
    (["collector"], {"SIGHTLINE_SEED": "one"}, "PAI030", "SIGHTLINE_SEED"),
    (["web"], {}, "PAI030", "collector"),
    (["logger"], {"SIGHTLINE_COLLECTOR": "127.0.0.1:1"}, "PAI030", "warehouse"),
    (["collector"], {"SIGHTLINE_DATA": "{file}"}, "PAI033", "{file}"),
], ids=lambda value: " ".join(value) if isinstance(value, list) else None)
def test_what_it_is_told_wrong(sightline: Sightline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                               arguments: list[str], environment: dict[str, str], code: str, place: str) -> None:
    file = tmp_path / "a file"
    file.write_text("no folder")
    monkeypatch.chdir(tmp_path)
    for key, value in environment.items():
        monkeypatch.setenv(key, value.format(file=file))
    refused(sightline("node", *arguments), code, place.format(file=file))
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("ending", ["SIGTERM", "its standard input"])
def test_it_serves_until_it_is_told_to_stop(sightline: Sightline, tmp_path: Path, ending: str) -> None:
    process = sightline.process("node", "collector", environment={
        "SIGHTLINE_DATA": str(tmp_path / "data"), "SIGHTLINE_PARENT_PIPE": "1"})
    assert process.stdin is not None and process.stdout is not None and process.stderr is not None
    try:
        said = json.loads(process.stdout.readline())
        assert said["service"] == "collector" and said["http"] is None and said["grpc"].startswith("127.0.0.1:")
        with grpc.insecure_channel(said["grpc"]) as channel:
            health = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=5)
        assert health.status == health_pb2.HealthCheckResponse.SERVING
        if ending == "SIGTERM":
            process.send_signal(signal.SIGTERM)
        else:
            process.stdin.close()
        assert process.wait(timeout=10) == 0
        assert process.stdout.read() == "" and "Traceback" not in process.stderr.read()
    finally:
        kill(process)
    assert (tmp_path / "data/lineage.db").is_file() and not list((tmp_path / "data").glob("*-wal"))


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        assert pipe is not None
        pipe.close()
