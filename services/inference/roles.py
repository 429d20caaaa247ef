"""[C] Which model does what.  Whoever asks the assistant is answered by a model made for such a question, if one is
served: one that knows what is remembered of the wearer, one that speaks of pictures, one that writes cards.

Whoever names another model, or a checkpoint of the assistant, gets that one.
"""

from __future__ import annotations

from services.inference.registry import Registry

# The name under which web asks.
ASSISTANT = "assistant"
PERSONAL, SCENE, OVERLAY = "personal", "scene", "overlay"


def of_question(registry: Registry, model: str, *, remembered: bool, pictured: bool) -> str:
    """The name of the model that answers a question; ``remembered``: with what is remembered of who asks it."""
    if model == ASSISTANT and remembered and registry.has(PERSONAL):
        return PERSONAL
    return SCENE if model == ASSISTANT and pictured and registry.has(SCENE) else model


def of_card(registry: Registry, model: str) -> str:
    return OVERLAY if model == ASSISTANT and registry.has(OVERLAY) else model
