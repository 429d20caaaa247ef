"""One worker of a service, as a process of its own: composed like a node, does one task, and ends.

Started by ``sim/stack/pool.py``, which gives the task on standard input and reads one JSON line.  It imports
little (not ``sim.stack.node``), because four of them start at once.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lineage.enforce.guard import Guard
from lineage.enforce.requirement import parse
from lineage.enforce.rules import Rules
from lineage.enforce.tokens import Verifier
from lineage.errors import SightlineError
from lineage.privacylib import Capture, CollectorSink, PrivacyLib
from services.seams import Store
from services.warehouse import part
from sim.stack.config import NodeConfig, from_environment
from sim.stack.store import LocalStore
from sim.truth.journal import Journal

# Of the warehouse, the one service that has workers.
FAMILY = "B"
TASKS: dict[str, Callable[[PrivacyLib, Store, Mapping[str, Any]], dict[str, Any]]] = {part.DO: part.write}


def main() -> None:
    task = json.loads(sys.stdin.buffer.read())
    if task["dies"]:  # a scenario's fault: gone as a crash would take it, before it has done anything
        os.kill(os.getpid(), signal.SIGKILL)
    answer = work(os.environ["SIGHTLINE_WORKER"], from_environment(), bytes.fromhex(os.environ["SIGHTLINE_POLICY_KEY"]),
                  task)
    sys.stdout.write(json.dumps(answer) + "\n")


def work(name: str, config: NodeConfig, key: bytes, task: Mapping[str, Any]) -> dict[str, Any]:
    """The task's answer with ``recorded``, or what was raised as ``error`` and ``kind``; all signals are delivered."""
    sink = CollectorSink(name, config.addresses["collector"], spool=config.data / "spool")
    tap = Journal(config.data / "journal" / f"{name}.db", name)
    guard = Guard(Rules(parse(text, Path("requirement")) for text in task["requirements"]), Verifier(key))
    store = LocalStore(config.data, tap)
    try:
        answer = TASKS[task["do"]](PrivacyLib(name, [Capture(sink), guard], family=FAMILY), store, task)
    except SightlineError as error:
        answer = {"error": error.to_dict(), "kind": type(error).__name__}
    finally:
        store.close()
        tap.close()
        sink.flush(5.0)
        sink.close()
    return {**answer, "recorded": sink.account["recorded"]}


if __name__ == "__main__":
    main()
