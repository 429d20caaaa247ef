"""One record of the journal: something that physically moved, by its physical locator."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

Op = Literal["sent", "received", "read", "write"]


class Record(NamedTuple):
    """``n`` numbers the records of one process, from 1.  ``locator``:

    ``grpc:/sightline.Inference/Generate:request`` (``:call``: a stream of requests began),
    ``http:/v1/ask:response`` (op sent or received);
    ``sql:core.sessions``, ``file:queue/glasses_session/00000001.log``, ``device:glasses`` (op read or write).

    ``detail`` never holds a payload: names of fields that were set, columns, a schema, an activity,
    ``carries`` (what was found in a message: ``neural_band#gesture``), ``call`` (the number of a message's call
    in this process), ``within`` (the call that was being served), ``of`` (the key of each carried row, and a digest of
    whose it says it is); in runs that the monitor examines ``holds`` (in which
    fields of a message what the app had sent was found: ``{"prompt": ["web:ask#utterance"]}``), ``digests`` (of its
    fields, to be compared with a twin's) and ``at`` (its number among the messages and files of all processes).
    """

    process: str
    n: int
    op: Op
    locator: str
    detail: dict[str, Any]
    rows: int
    bytes: int
