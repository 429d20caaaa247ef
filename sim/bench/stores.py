"""Enforce: checks at the server of every data store, and nowhere else (S10's "run checks everywhere").

A store sees what is written to it and read from it, with the claims of whoever asks; not what a caller does with it
afterwards, nor what goes from service to service without being stored.
"""

from __future__ import annotations

from lineage.enforce.guard import Guard
from lineage.names import kind_of
from lineage.privacylib.operation import Operation

# What a store holds, by kind; the rest is messages, and what lies in a device or in a process's memory.
STORED = frozenset({"warehouse", "logger", "feature", "checkpoint", "file"})
_HOLDERS = frozenset({"warehouse", "logger", "inference", "training", "policy"})


def holds_a_store(service: str) -> bool:
    """The app and the web service only call."""
    return service in _HOLDERS


class StoreGuard(Guard):
    """The same judgements as the zones' guard, of reads and writes of what the service stores."""

    def before(self, op: Operation) -> None:
        if op.site.op in ("read", "write") and kind_of(op.site.asset) in STORED:
            super().before(op)
