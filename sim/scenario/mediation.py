"""What scenarios say of complete mediation: every I/O of a service was within an operation of PrivacyLib.

Discover.  ``mediated`` believes two accounts that come by different ways, and neither alone: what the audit
hook counted in each process, and the gaps that reached the collector as signals.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lineage.privacylib.mediation import CODE
from sim.scenario.compare import Comparable, describe, matches
from sim.scenario.expectations import EXPECTATIONS, Seen
from sim.scenario.history import History


@EXPECTATIONS.register("mediated", optional={"gaps": Comparable, "service": str}, stage="discover",
                       doc="Every file, database, socket and process that services touched was within an operation.")
def mediated(history: History, given: Mapping[str, Any]) -> Seen:
    """Unknown where a hook was not armed, failed, saw no I/O at all, or counted what the collector never heard of."""
    wanted = given.get("service")
    accounts = {name: one for name, one in history.audit.items() if wanted in (None, name)}
    if not accounts:
        return Seen("unknown", f"no audit hook watched {wanted or 'this run'}")
    blind = sorted(name for name, one in accounts.items() if not one.get("armed") or one.get("failures"))
    if blind:
        return Seen("unknown", f"the audit hook was not armed, or failed, in {', '.join(blind)}")
    counted = {name: sum(one["uncovered"].values()) for name, one in accounts.items()}
    if not any(sum(one[verdict].values()) for one in accounts.values() for verdict in ("covered", "uncovered")):
        return Seen("unknown", "the audit hook saw no I/O, so it cannot tell what was outside of operations")
    found = {name: history.findings(CODE, f"rpc:{name}") for name in accounts}
    heard = {name: sum(one["count"] for one in gaps) for name, gaps in found.items()}
    if heard != counted:
        return Seen("unknown", f"the audit hook counted {sum(counted.values())} outside of operations, and the "
                               f"collector heard of {sum(heard.values())}")
    gaps, expected = sum(counted.values()), given.get("gaps", 0)
    first = next((f": {one['what']}" for name in sorted(found) for one in found[name]), "")
    return Seen("pass" if matches(expected, gaps) else "fail",
                f"{gaps} outside every operation in {', '.join(accounts)}; expected {describe(expected)}{first}")
