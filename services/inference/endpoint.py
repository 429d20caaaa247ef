"""[C] Where a model is that somebody else runs, and what may be sent there.

    model: assistant                  # the name under which the services ask for it
    url: http://127.0.0.1:8080/v1
    serves: llama-3.2-1b              # its name at the endpoint
    owner: assistant-quality
    annotations: [GLASSES_INTERACTION]   # of what may be sent there, by contract with who runs it; it may be left out
    key: LLM_KEY                      # the environment variable with the key, if one is needed
    deadline: 20                      # seconds, for a whole answer

An endpoint without annotations is a sink without a label, where a requirement that is enforced lets nothing go.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from lineage.errors import InputError
from lineage.model import Label
from lineage.privacylib.asgi import Route
from lineage.yaml_file import Config

_KEYS = ("model", "url", "serves", "owner", "annotations", "key", "deadline")
_MODEL = re.compile(r"[a-z][a-z0-9_]*")
_SERVED = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
PATH = "/chat/completions"
ASSET, ANSWERED = "web:chat/completions", "response:chat/completions"


@dataclass(frozen=True)
class Endpoint:
    """``url`` ends without a slash; ``deadline`` in seconds."""

    model: str
    url: str
    serves: str
    owner: str
    annotations: tuple[str, ...] = ()
    key: str = ""
    deadline: int = 20
    # As of a checkpoint: it answers questions.
    kind: str = field(default="text", init=False)

    @property
    def id(self) -> str:
        return f"{self.model}@{self.serves}"

    @property
    def asset(self) -> str:
        return f"checkpoint:{self.id}"

    @property
    def digest(self) -> str:
        """Nobody here has seen the weights."""
        return f"{self.url} {self.serves}"

    @property
    def labels(self) -> dict[str, Label]:
        return {"weights": Label(operational="weights")}

    @property
    def route(self) -> tuple[tuple[str, str], Route]:
        """Of the HTTP call: what is sent, and what comes back, with the labels that the contract gives them."""
        sent = Label("user.utterance", self.annotations) if self.annotations else Label()
        said = Label("user.answer", self.annotations) if self.annotations else Label()
        # As the client spells it, which is what the call is known by.
        return ("POST", httpx.URL(self.url + PATH).path), Route(ASSET, ANSWERED, {"prompt": sent}, {"answer": said})


def load(path: Path) -> Endpoint:
    """Raises InputError: PAI012 for a missing file, PAI022 for a malformed one."""
    try:
        return parse(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("PAI012", f"the endpoint's file cannot be read: {error}", where=str(path)) from error


def parse(text: str, where: str) -> Endpoint:
    """Raises InputError (PAI022) with file:line for what is missing, unknown or no such value."""
    config = Config.parse(text, "PAI022", where)
    config.only(_KEYS)
    model, url, serves = config.text("model"), config.text("url").rstrip("/"), config.text("serves")
    if not _MODEL.fullmatch(model):
        raise config.error(f"model is {model!r}; it is of small letters, digits and '_'", "model")
    if not _callable(url):
        raise config.error(f"url is {url!r}; it is like http://127.0.0.1:8080/v1", "url")
    if not _SERVED.fullmatch(serves):
        raise config.error(f"serves is {serves!r}; it is of letters, digits, '.', '_' and '-'", "serves")
    deadline = config.number("deadline") if config.has("deadline") else 20
    return Endpoint(model, url, serves, config.text("owner"),
                    config.texts("annotations") if config.has("annotations") else (), config.text("key", ""), deadline)


def _callable(url: str) -> bool:
    """Whether the client can call it, at the place that ``Endpoint.route`` names."""
    try:
        made = httpx.URL(url + PATH)
        known = made.scheme in ("http", "https") and bool(made.host)
    except (httpx.InvalidURL, ValueError):  # the second for a host name that cannot be encoded
        return False
    port = made.port is None or 0 < made.port < 65_536
    # A query or a fragment would take in the path that is put behind it, and the call would be one of no route.
    return known and port and not made.query and not made.fragment
