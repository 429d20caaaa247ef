"""A process that does what a node does at its edges, for test_processes.py.

It prints noise, then its address; notes its life in the data folder; ends with SIGTERM or with its
standard input.  The environment variable FAKE_<NAME> makes it misbehave.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any, NoReturn


def main() -> NoReturn:
    name = sys.argv[2]
    mode = os.environ.get(f"FAKE_{name.upper()}", "")
    data = Path(os.environ["SIGHTLINE_DATA"])

    def note(event: str) -> None:
        with (data / "events").open("a") as events:
            events.write(f"{event} {name}\n")

    def finish(*_: Any) -> None:
        if mode != "stubborn":
            time.sleep(0.05)
            note("stop")
            print("flushed the last signals", flush=True)
            os._exit(0)

    def end_with_the_parent() -> None:
        while os.read(0, 4096):
            pass
        note("eof")
        os._exit(0)

    signal.signal(signal.SIGTERM, finish)
    if os.environ.get("SIGHTLINE_PARENT_PIPE") == "1":
        threading.Thread(target=end_with_the_parent, daemon=True).start()
    note("start")
    (data / f"{name}.json").write_text(json.dumps({"pid": os.getpid(), "env": dict(os.environ)}))
    _noise()
    if mode == "together":  # does not listen before three have begun
        while sum(line.startswith("start") for line in (data / "events").read_text().splitlines()) < 3:
            time.sleep(0.01)
    _misbehave_before_listening(mode)
    port = 4000 + len(name)
    http = f"127.0.0.1:{port + 1}" if "SIGHTLINE_HTTP" in os.environ and mode != "nohttp" else None
    time.sleep(0.05)
    note("ready")
    # One write: a parent that is killed when it has the address leaves no pipe for a second.
    print(json.dumps({"service": name, "grpc": f"127.0.0.1:{port}", "http": http}) + "\nlistening", flush=True)
    if mode == "dies later":  # when it is told to, since how long the others take to begin nobody knows
        while not (data / "die").exists():
            time.sleep(0.01)
        print("out of memory", file=sys.stderr, flush=True)
        os.abort()
    while True:
        time.sleep(60)


def _noise() -> None:
    print("a warning on stderr", file=sys.stderr, flush=True)
    print("more on stderr " * 50, file=sys.stderr, flush=True)
    print("not json", "x" * 200_000, flush=True)
    print(json.dumps({"service": "someone else", "grpc": "127.0.0.1:1"}), flush=True)


def _misbehave_before_listening(mode: str) -> None:
    if mode == "dies":
        print("cannot bind", file=sys.stderr, flush=True)
        sys.exit(3)
    if mode == "slow":
        time.sleep(60)
    if mode == "mute":
        os.close(1)
        time.sleep(60)


if __name__ == "__main__":
    main()
