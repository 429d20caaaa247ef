"""Locust's users: each asks one question after another over HTTP.

Run by ``sim.load.headless``, never imported beside ``grpc.aio``: Locust patches the sockets of its
process.  What is asked was drawn before, and lies in the file that SIGHTLINE_REQUESTS names: one
JSON object a line, {"form": {…}, "photo": base64, "type": [file name, media type]}.
"""

from __future__ import annotations

import base64
import itertools
import json
import os
from pathlib import Path

from locust import HttpUser, constant, task

_LINES = [json.loads(line) for line in Path(os.environ["SIGHTLINE_REQUESTS"]).read_text(encoding="utf-8").splitlines()]
_ASKED = itertools.cycle([(line["form"], (line["type"][0], base64.b64decode(line["photo"]), line["type"][1]))
                          for line in _LINES])


class Wearer(HttpUser):
    wait_time = constant(0)

    @task
    def ask(self) -> None:
        form, photo = next(_ASKED)
        traceparent = f"00-{os.urandom(16).hex()}-{os.urandom(8).hex()}-01"
        self.client.post("/v1/ask", data=form, files={"photo": photo},
                         headers={"traceparent": traceparent})
