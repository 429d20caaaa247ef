"""The account of a run's signals: what each emitter recorded, what arrived, and which numbers never did.

Recorded and merged are what the emitters told the collector, delivered what the store holds, spooled
what they say of themselves.  It depends on timing, so it is printed and is in no file that is compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lineage.discover.store import Store

_SUMS = ("recorded", "delivered", "lost", "spooled", "merged")


def account(store: Store, told: Mapping[str, Mapping[str, int]]) -> dict[str, Any]:
    """{"recorded", "delivered", "lost", "spooled", "merged", "emitters": [the same, "emitter", "missing"], "consent"}.

    ``told``: what each emitter says of itself.  ``missing``: {"start", "first", "last"}, numbers that never
    arrived; every start of an emitter's process numbers its signals from 0.  ``consent``: {"checked", "withheld",
    "seconds"}, rows, and the time of the statements that checked them.
    """
    emitters: dict[str, dict[str, Any]] = {}
    starts: dict[str, int] = {}
    for life in store.account():
        name = life["emitter"]
        start = starts[name] = starts.get(name, 0) + 1
        row = emitters.setdefault(name, {"emitter": name, **dict.fromkeys(_SUMS, 0), "missing": []})
        row["recorded"] += life["recorded"]
        row["delivered"] += life["delivered"]
        row["lost"] += sum(last - first + 1 for first, last in life["holes"])
        row["merged"] += life["aggregated"]
        row["missing"] += [{"start": start, "first": first, "last": last} for first, last in life["holes"]]
    for name, one in told.items():
        if name in emitters:
            emitters[name]["spooled"] = one.get("spooled", 0)
    rows = [emitters[name] for name in sorted(emitters)]
    return {**{key: sum(row[key] for row in rows) for key in _SUMS}, "emitters": rows, "consent": checks(store)}


def checks(store: Store, activity: str = "") -> dict[str, Any]:
    """{"checked", "withheld", "seconds"}: of every statement, or of one activity's."""
    found = [signal.detail["consent"] for signal in store.signals()
             if "consent" in signal.detail and activity in ("", signal.activity)]
    checked, withheld, took = (sum(one.get(key, 0) for one in found) for key in ("checked", "withheld", "ns"))
    return {"checked": checked, "withheld": withheld, "seconds": took / 1e9}
