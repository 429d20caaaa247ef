"""What a step acts on: the wearers and their glasses, the app, and the operator's stubs.

The operator (who starts jobs and training runs) is not a service: its calls carry a context of
their own and are not instrumented.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from google.protobuf.json_format import MessageToDict

from lineage.errors import InputError, SightlineError
from lineage.privacylib.traceparent import POLICY
from services.seams import Metadata
from sim.scenario.schema import Scenario
from sim.world.canaries import Canaries
from sim.world.glasses import Capture, Glasses, View
from sim.world.random import key_id
from sim.world.wearers import Wearer


class App(Protocol):
    async def ask(self, capture: Capture) -> Any: ...


# (service, method, request, metadata) → response; raises SightlineError for a refusal or a failure.
Call = Callable[[str, str, Any, Metadata], Awaitable[Any]]


async def _no_process(service: str) -> None:
    raise InputError("PAI010", f"{service} is no process that could be started again")


@dataclass
class Stage:
    """``manifests``: those that training is given.  ``answers``: everything the glasses were told, in order.
    ``views``: where each wearer was when the card that the glasses show was asked for.  ``requirements``: name → file,
    of those in force."""

    scenario: Scenario
    seed: int
    wearers: list[Wearer]
    glasses: dict[str, Glasses]
    app: App
    call: Call
    manifests: Path
    answers: list[Any] = field(default_factory=list)
    captures: int = 0
    operations: int = 0
    views: dict[str, View] = field(default_factory=dict)
    requirements: dict[str, str] = field(default_factory=dict)
    planted: list[tuple[str, bytes]] = field(default_factory=list)
    # Name → group.
    canaries: dict[str, Canaries] = field(default_factory=dict)
    # What an owner sends is rewritten, where the run is to enforce nothing.
    rewrite: Callable[[str], str] = str
    # What the operator has sent, in order, and in which step: for the truth, which asks what was attempted.
    step: int = -1
    sent: list[dict[str, Any]] = field(default_factory=list)
    # Starts a service again.
    restart: Callable[[str], Awaitable[None]] = _no_process
    # The run's folder, for whoever goes around every service.
    data: Path = Path()
    # Called with the place of a request among them and its method, before it goes.
    before: Callable[[int, str], None] = lambda at, method: None

    async def operate(self, service: str, method: str, request: Any, claims: bytes | None = None) -> Any:
        """One call of the operator, under a correlation key of its own; with other ``claims`` than theirs, if given."""
        self.operations += 1
        key = key_id(self.seed, "operator", self.operations)
        span = key_id(self.seed, "operator-span", self.operations, size=8)
        self.sent.append({"step": self.step, "service": service, "method": method, "request": _said(request)})
        self.before(len(self.sent) - 1, method)
        shown = () if claims is None else ((POLICY, claims),)
        return await self.call(service, method, request, (("traceparent", f"00-{key}-{span}-01"), *shown))

    def select(self, wanted: Any, where: str) -> list[Wearer]:
        """``all``, the first N, or a list of wearer ids.  Raises InputError (PAI010)."""
        if wanted == "all":
            return self.wearers
        if isinstance(wanted, int):
            if not 1 <= wanted <= len(self.wearers):
                raise InputError("PAI010", f"wearers is {wanted}; the world has {len(self.wearers)}", where=where)
            return self.wearers[:wanted]
        by_id = {wearer.id: wearer for wearer in self.wearers}
        missing = [name for name in wanted if name not in by_id]
        if missing:
            raise InputError("PAI010", f"no wearer {missing[0]!r}; they are {self.wearers[0].id} to "
                             f"{self.wearers[-1].id}", where=where)
        return [by_id[name] for name in wanted]

    def file(self, given: str, where: str) -> Path:
        return find_file(self.scenario, given, where)


def _said(request: Any) -> dict[str, Any]:
    """What a request asks for; a token is no part of that."""
    said: dict[str, Any] = MessageToDict(request, preserving_proto_field_name=True)
    return {name: value for name, value in said.items() if name != "token"}


def find_file(scenario: Scenario, given: str, where: str) -> Path:
    """A path of a step: from the scenario's own folder, else from the working directory.

    Raises InputError (PAI012) when neither has it.
    """
    beside = scenario.path.parent / given if scenario.path else Path(given)
    for path in (beside, Path(given)):
        if path.is_file():
            return path
    raise InputError("PAI012", f"no file {given!r}", where=where)


def read_text(path: Path, code: str) -> str:
    """Raises InputError (``code``) for a file that cannot be read or is not UTF-8."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(code, f"the file cannot be read as UTF-8 text: {error}", where=str(path)) from error


@contextmanager
def placed(sent_as: str, path: Path) -> Iterator[None]:
    """A service knows a file that was sent to it as ``sql:5`` or ``manifest:7``; the user knows it by its name."""
    try:
        yield
    except InputError as error:
        if error.where.partition(":")[0] == sent_as:
            error.where = str(path) + error.where.removeprefix(sent_as)
        raise


@dataclass(frozen=True)
class Outcome:
    """``said``: small, deterministic facts for ``verdict.json``."""

    outcome: str  # done, blocked, failed
    said: dict[str, Any]


def refused(error: SightlineError) -> Outcome:
    return Outcome("blocked", {"code": error.code, "reason": error.what})
