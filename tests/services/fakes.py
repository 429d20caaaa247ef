"""Doubles of what is injected into a service, and servers on free ports around real ones."""

from __future__ import annotations

import io
import sqlite3
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
from PIL import Image

from lineage import dsse
from lineage.enforce.tokens import Signer
from lineage.errors import PolicyDenied
from lineage.privacylib import Extension, Operation, PrivacyLib
from protos import policy_pb2, policy_pb2_grpc
from services.checkpoint import Checkpoint

KEY = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{KEY}-b7ad6b7169203331-01"
META = (("traceparent", TRACEPARENT),)
# Whose signature makes an executed manifest genuine.
TRAINING = Signer("1", "training")
KEYS = {"training": TRAINING.public_key}


class Recorder(Extension):
    """Keeps every operation and note."""

    def __init__(self) -> None:
        self.seen: list[Operation] = []

    def after(self, op: Operation) -> None:
        self.seen.append(op)

    def of(self, kind: str, prefix: str = "") -> list[Operation]:
        return [op for op in self.seen if op.kind == kind and op.asset.startswith(prefix)]


class FakeClock:
    def now(self) -> datetime:
        return datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


class FakeStore:
    """A Store on a folder, with databases in it; ``touched`` lists (op, path or SQL)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._connection = sqlite3.connect(":memory:", isolation_level=None)
        self.touched: list[tuple[str, str]] = []

    @property
    def connection(self) -> sqlite3.Connection:
        return self._connection

    def read(self, path: str, start: int = 0, size: int | None = None) -> bytes:
        self.touched.append(("read", path))
        data = (self._folder / path).read_bytes()[start:]
        return data if size is None else data[:size]

    def write(self, path: str, data: bytes) -> None:
        self.touched.append(("write", path))
        (self._folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self._folder / path).write_bytes(data)

    def append(self, path: str, *pieces: bytes) -> None:
        self.touched.extend(("append", path) for _ in pieces)
        (self._folder / path).parent.mkdir(parents=True, exist_ok=True)
        with (self._folder / path).open("ab") as file:
            file.write(b"".join(pieces))

    def exists(self, path: str) -> bool:
        return (self._folder / path).exists()

    def names(self, folder: str) -> list[str]:
        where = self._folder / folder
        return sorted(path.name for path in where.iterdir() if path.is_file()) if where.is_dir() else []

    def folders(self, folder: str) -> list[str]:
        where = self._folder / folder
        return sorted(path.name for path in where.iterdir() if path.is_dir()) if where.is_dir() else []

    def remove(self, path: str) -> None:
        (self._folder / path).unlink(missing_ok=True)

    def attach(self, database: str) -> None:
        self._connection.execute("ATTACH ? AS " + database, (str(self._folder / f"{database}.db"),))

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        self.touched.append(("execute", sql))
        with self._transaction():
            cursor = self._connection.execute(sql, parameters)
            return cursor.fetchall() if cursor.description else [(cursor.rowcount,)]

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> int:
        self.touched.append(("execute", sql))
        with self._transaction():
            return self._connection.executemany(sql, rows).rowcount

    def transaction(self) -> Any:
        return self._transaction()

    def _transaction(self) -> Any:
        from contextlib import contextmanager

        @contextmanager
        def run() -> Iterator[None]:
            if self._connection.in_transaction:
                yield
                return
            self._connection.execute("BEGIN")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

        return run()


class FakePolicy(policy_pb2_grpc.PolicyServicer):
    """Allows everything but the purposes in ``forbidden``; keeps what it was asked."""

    def __init__(self, *forbidden: str) -> None:
        self.forbidden = forbidden
        self.admitted: list[policy_pb2.AdmitRequest] = []
        self.judged: list[policy_pb2.JudgeRequest] = []
        self.rechecked: list[policy_pb2.RecheckRequest] = []
        self.withdrawn: list[str] = []
        # Who else has withdrawn when it is asked for the second time.
        self.then: list[str] = []
        # Purpose → what it says of that one.
        self.verdicts: dict[str, policy_pb2.Verdict] = {}

    def register(self, server: Any) -> None:
        policy_pb2_grpc.add_PolicyServicer_to_server(self, server)

    def _verdict(self, purpose: str) -> policy_pb2.Verdict:
        if purpose in self.verdicts:
            return self.verdicts[purpose]
        if purpose in self.forbidden:
            return policy_pb2.Verdict(allowed=False, code="PAI301", reason=f"{purpose} is not permitted")
        return policy_pb2.Verdict(allowed=True, token=b"token")

    async def Admit(self, request: policy_pb2.AdmitRequest, context: Any) -> policy_pb2.Verdict:
        self.admitted.append(request)
        return self._verdict(request.purpose)

    async def Judge(self, request: policy_pb2.JudgeRequest, context: Any) -> policy_pb2.Verdict:
        self.judged.append(request)
        return self._verdict(request.purpose)

    async def Recheck(self, request: policy_pb2.RecheckRequest, context: Any) -> policy_pb2.RecheckResponse:
        self.rechecked.append(request)
        answer = policy_pb2.RecheckResponse(allowed=True, withdrawn=self.withdrawn)
        self.withdrawn = [*self.withdrawn, *self.then]
        return answer


class Permits:
    """A model permission that refuses nothing but withdrawn consent; ``asked`` is what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[object, ...]] = []

    def consented(self, activity: str, purpose: str, asset: str, at: str, gone: int, unclear: bool) -> None:
        self.asked.append((activity, purpose, asset, at, gone, unclear))
        if gone or unclear:
            raise PolicyDenied("PAI334", f"{gone} have withdrawn", where=activity)

    def unfit(self, asset: str, code: str, why: str) -> None:
        self.asked.append((asset, code))

    def use(self, asset: str, annotations: Sequence[str], origins: Sequence[str] = (), admitted: str = "",
            unasked: Sequence[Any] = ()) -> None:
        self.asked.append((asset, tuple(annotations), tuple(origins)))


class StillHolds:
    """A stub of the policy service to which every admission still holds."""

    async def Recheck(self, request: policy_pb2.RecheckRequest, **how: Any) -> policy_pb2.RecheckResponse:
        return policy_pb2.RecheckResponse(allowed=True)


# What inference is given to judge checkpoints with.
GATED: dict[str, Any] = {"keys": KEYS, "policy": StillHolds(), "permission": Permits()}
# What a checkpoint's manifest says of an admission with one governed input and no consent to ask for.
OF_RUN = {"inputs": [], "epoch": 0, "admission": {"request": {}, "origins": [], "consenting": [], "unasked": []}}


def signed(made: Checkpoint, signer: Signer = TRAINING, **of_run: Any) -> bytes:
    """A checkpoint's executed manifest."""
    return dsse.sealed(made.statement(**OF_RUN | of_run), signer.attest, "training")


@asynccontextmanager
async def serving(*registers: Any) -> AsyncIterator[str]:
    """A real server on a free port; ``registers``: functions that take it.  Yields its address."""
    server = grpc.aio.server(options=(("grpc.max_receive_message_length", 32 << 20),))
    for register in registers:
        register(server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


@asynccontextmanager
async def stub(kind: Any, address: str, lib: PrivacyLib | None = None) -> AsyncIterator[Any]:
    """A stub at ``address``: instrumented by ``lib``, plain without."""
    async with grpc.aio.insecure_channel(address) as channel:
        yield kind(lib.channel(channel) if lib else channel)


def picture(colour: tuple[int, int, int] = (90, 140, 230), *, gps: tuple[float, float] | None = None,
            size: tuple[int, int] = (64, 48), kind: str = "JPEG") -> bytes:
    """A picture of one colour; ``gps``: (latitude, longitude) in its EXIF."""
    exif = Image.Exif()
    if gps is not None:
        latitude, longitude = gps
        exif[0x0112] = 1  # orientation: without a tag of its own the block counts as empty
        directory = exif.get_ifd(0x8825)
        directory[1], directory[2] = "N" if latitude >= 0 else "S", _dms(latitude)
        directory[3], directory[4] = "E" if longitude >= 0 else "W", _dms(longitude)
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, kind, exif=exif)
    return out.getvalue()


def _dms(degrees: float) -> tuple[float, float, float]:
    whole = abs(degrees)
    minutes = (whole % 1) * 60
    return float(int(whole)), float(int(minutes)), round((minutes % 1) * 60, 4)
