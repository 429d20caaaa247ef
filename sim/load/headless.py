"""Locust, headless and in a process of its own, against the five services as processes.

It says what many clients at once get: requests a second, and how long they wait.  Locust's own CPU
time weighs on a small machine, so what PrivacyLib costs is measured by ``sim.load.driver`` instead.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import os
import sys
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lineage.errors import InputError, RunError
from sim.load.running import running
from sim.load.traffic import DISTINCT, Traffic
from sim.scenario.schema import Scenario
from sim.world.glasses import Capture
from sim.world.photo import media_type

LOCUSTFILE = Path(__file__).with_name("locustfile.py")
USERS = 4
SECONDS = 20.0
# Seconds beyond the run time for Locust to start and to end.
_GRACE = 60.0
_TAIL = 2_000
Progress = Callable[[str], None]


def measure(scenario: Scenario, seed: int, *, seconds: float = SECONDS, users: int = USERS,
            progress: Progress = lambda text: None) -> dict[str, Any]:
    """Raises InputError (PAI013) where Locust is not installed, RunError (PAI031) when it fails."""
    if find_spec("locust") is None:
        raise InputError("PAI013", "locust is not installed", next="pip install 'sightline[load]'")
    traffic = Traffic(scenario, seed)
    with tempfile.TemporaryDirectory(prefix="sightline-load-") as folder:
        requests = Path(folder) / "requests.jsonl"
        requests.write_text("".join(map(_line, itertools.islice(traffic, DISTINCT))), encoding="utf-8")
        told = asyncio.run(_run(Path(folder), scenario, seed, requests, seconds, users, progress))
    return {"scenario": scenario.name, "users": users, "seconds": seconds, **summary(told)}


def summary(entries: list[dict[str, Any]]) -> dict[str, Any]:
    """Of Locust's ``--json`` output: requests, failures, requests a second, and milliseconds waited."""
    asked = [entry for entry in entries if entry["name"] == "/v1/ask"]
    if not asked:
        raise RunError("PAI031", "Locust made no request", where="locust")
    one = asked[0]
    count, failed = int(one["num_requests"]), int(one["num_failures"])
    seconds = max(float(one["last_request_timestamp"]) - float(one["start_time"]), 1e-9)
    times = sorted((float(at), int(number)) for at, number in one["response_times"].items())
    return {"requests": count, "failed": failed, "requests_per_second": round(count / seconds, 2),
            "milliseconds": {f"p{part}": _percentile(times, count, part) for part in (50, 95, 99)}}


def _percentile(times: list[tuple[float, int]], count: int, part: int) -> float:
    """Of (milliseconds, how often), rising."""
    seen = 0
    for at, number in times:
        seen += number
        if seen * 100 >= count * part:
            return at
    return times[-1][0] if times else 0.0


def _line(capture: Capture) -> str:
    names = ("utterance", "location", "wearer", "region", "device", "asked_at")
    return json.dumps({"form": {name: getattr(capture, name) for name in names}, "type": media_type(capture.photo),
                       "photo": base64.b64encode(capture.photo).decode()}) + "\n"


async def _run(folder: Path, scenario: Scenario, seed: int, requests: Path, seconds: float, users: int,
               progress: Progress) -> list[dict[str, Any]]:
    progress("starting the services")
    async with running(folder, scenario, seed) as (stack, _):
        progress(f"Locust: {users} users for {seconds:g} s")
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--headless", "--json", "--users", str(users),
            "--spawn-rate", str(users), "--run-time", f"{max(1, round(seconds))}s", "--exit-code-on-error", "0",
            "--host", f"http://{stack.addresses['web']['http']}",
            env={**os.environ, "SIGHTLINE_REQUESTS": str(requests)}, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
        try:
            output, errors = await asyncio.wait_for(process.communicate(), seconds + _GRACE)
        except TimeoutError:
            process.kill()
            raise RunError("PAI031", f"Locust did not end within {seconds + _GRACE:g} s", where="locust") from None
        await stack.check()
    if process.returncode:
        raise RunError("PAI031", f"Locust ended with exit code {process.returncode}: "
                                 f"{errors.decode(errors='replace')[-_TAIL:].strip()}", where="locust")
    entries: list[dict[str, Any]] = json.loads(output)
    return entries
