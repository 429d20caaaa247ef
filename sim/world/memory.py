"""What one wearer's devices hold, by place and field.  Reached through the ports of device.py."""

from __future__ import annotations


class Memory:
    """Place ("glasses", "neural_band") → field → bytes."""

    def __init__(self) -> None:
        self.places: dict[str, dict[str, bytes]] = {}

    def sense(self, place: str, **held: bytes) -> None:
        """The world puts something there: light, a voice, a muscle's voltage.  No operation."""
        self.places.setdefault(place, {}).update(held)
