"""[C] What a model's answer says of itself, by the names of OpenTelemetry's semantic conventions for generative AI.

Beside the signal of the response, in its detail: which model was asked for and which one answered, how many tokens
(words, of ours) went in and came out, and why it stopped.  Its inputs and its text are not there: inputs are named as
sources, and no signal holds a payload.  https://github.com/open-telemetry/semantic-conventions-genai
"""

from __future__ import annotations

from typing import Any

from services.checkpoint import Checkpoint
from services.inference.endpoint import Endpoint

# Of the names that conventions have for operations, the ones that are done here.
CHAT, GENERATE, EMBEDDINGS = "chat", "generate_content", "embeddings"
STOP, FILTERED = "stop", "content_filter"


def attributes(operation: str, requested: str, answered: Checkpoint | Endpoint, tokens: tuple[int, int], *,
               finish: str = "", **more: Any) -> dict[str, Any]:
    """``tokens``: in and out; ``finish``: why it stopped, empty while it goes on.

    ``more``: attributes of one operation, with ``_`` for ``.``.

    The digest is ours: the conventions have no name for that of a model's weights.
    """
    said = {"gen_ai.operation.name": operation,
            "gen_ai.provider.name": "openai" if isinstance(answered, Endpoint) else "sightline",
            "gen_ai.request.model": requested, "gen_ai.response.model": answered.id,
            "gen_ai.usage.input_tokens": tokens[0], "gen_ai.usage.output_tokens": tokens[1],
            "sightline.checkpoint.digest": answered.digest}
    if finish:
        said["gen_ai.response.finish_reasons"] = [finish]
    return said | {f"gen_ai.{name.replace('_', '.')}": value for name, value in more.items()}
