"""[C] Vectors of several texts in one call; each item keeps the correlation key of the request that it came from."""

from __future__ import annotations

from lineage.errors import InputError
from protos.inference_pb2 import Embedding, EmbedRequest
from services.embedding import Embedder
from services.inference.limits import within

# The model's name.
EMBEDDER = "embedder"
REQUEST = "rpc:inference.Embed.request"
RESPONSE = "rpc:inference.Embed.response"
# The checkpoint's weights are added per request.
FLOWS = {"vectors": ("items",)}
MAX_ITEMS = 1000


def vectors(request: EmbedRequest, embedder: Embedder) -> list[Embedding]:
    """One for each item, in their order.

    Raises InputError: PAI004 for no item and for an empty text, PAI037 for too many items or too long a text.
    """
    if not request.items:
        raise InputError("PAI004", "there is no text", where=f"{REQUEST}#items")
    if len(request.items) > MAX_ITEMS:
        raise InputError("PAI037", f"there are {len(request.items)} texts; at most {MAX_ITEMS} are taken at once",
                         where=f"{REQUEST}#items", next="send them in several calls")
    for number, item in enumerate(request.items, 1):
        if not item.text.strip():
            raise InputError("PAI004", f"text {number} is empty", where=f"{REQUEST}#items")
        within(item.text, f"text {number}", f"{REQUEST}#items")
    return [Embedding(values=embedder.vector(item.text).tolist(), key=item.key) for item in request.items]
