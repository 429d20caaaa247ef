"""Which rows of a table an activity may see: those whose wearer consents, and those of an origin that may be used so.

Decided by the policy service for what is really used of each table, and carried in its token; the warehouse narrows
its statements by it.  A table without a column that says whose a row is, or where it comes from, has no rows to choose
from: it may be used for all of them, or not at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from lineage.enforce import regions
from lineage.enforce.gate import Crossing, Input
from lineage.enforce.rules import Rules, enforced
from lineage.names import asset_of


class Keys(NamedTuple):
    """Of one table, the columns by which its rows are chosen; ``owned``: it may have a subject that is not told here.
    ``columns``: all of them, where the table is written."""

    subject: Input | None = None
    origin: Input | None = None
    owned: bool = False
    columns: tuple[Input, ...] = ()


class Narrowed(NamedTuple):
    """``used``: with the columns by which rows are chosen, since to look at them is a use too.  The others are as in a
    token (``Grant``), ``seen`` is what ``origins`` says."""

    used: list[Input]
    consenting: tuple[str, ...]
    origins: tuple[str, ...]
    unasked: tuple[str, ...]
    seen: Mapping[str, tuple[str, ...]]

    def placed(self, item: Input) -> Input:
        """With the origins of which rows will be seen; without them the rows may be from anywhere."""
        return item._replace(origins=self.seen.get(asset_of(item.asset), ()))

    def crossing(self, one: Crossing) -> Crossing:
        return Crossing(self.placed(one.source), one.sink)

    def made(self, flows: Iterable[Crossing]) -> tuple[str, ...]:
        """``origins``, with those of what the activity makes by these flows, which it may read again."""
        sources: dict[str, list[Input]] = {}
        for one in flows:
            sources.setdefault(asset_of(one.sink.asset), []).append(self.placed(one.source))
        return (*self.origins, *(
            f"{sink}={regions.written({origin for source in known for origin in source.origins})}"
            for sink, known in sorted(sources.items())
            if any(source.origins for source in known) and all(source.origins or not source.annotations
                                                               for source in known)))


def narrowed(rules: Rules, keys: Mapping[str, Keys], used: Iterable[Input], purpose: str, region: str) -> Narrowed:
    """``keys``: asset of a table → its columns."""
    asked = {item.asset: item for item in used}
    consenting, origins, unasked, seen = [], [], [], {}
    for asset in sorted(keys):
        key, table = keys[asset], asset.partition(":")[2]
        read = [item for item in asked.values() if asset_of(item.asset) == asset]
        for items in (read, key.columns):  # what is written may work on rows that are there
            for column in _chosen_by(rules, key, items, purpose, region):
                if items is read:
                    asked.setdefault(column.asset, column)
                    items.append(asked[column.asset])
        needed = [_annotations(items) for items in (read, key.columns)]
        if (key.subject or key.owned) and any(rules.consent_needed(one, purpose) for one in needed):
            consenting.append(table)
            free = frozenset.intersection(*(rules.unasked(one, purpose) for one in needed))
            if key.origin is not None and free:
                unasked.append(f"{asset}={regions.written(free)}")
        allowed = [one for one in (rules.rows(annotations, purpose, region) for annotations in needed)
                   if one is not None]
        if key.origin is not None and allowed:
            chosen = frozenset.intersection(*allowed)
            origins.append(f"{asset}={regions.written(chosen)}")
            seen[asset] = tuple(sorted(chosen or _refused(rules, needed[0], purpose, region)))
    return Narrowed([asked[name]._replace(origins=seen.get(asset_of(name), ())) for name in sorted(asked)],
                    tuple(consenting), tuple(origins), tuple(unasked), seen)


def _chosen_by(rules: Rules, key: Keys, items: Iterable[Input], purpose: str, region: str) -> list[Input]:
    """The columns that have to be looked at to choose rows; their labels may ask for more than the others'."""
    found: list[Input] = []
    for column in (key.subject, key.origin, key.subject):
        annotations = _annotations([*items, *found])
        consents = rules.consent_needed(annotations, purpose)
        wanted = consents if column is key.subject else (rules.rows(annotations, purpose, region) is not None
                                                         or (consents and bool(rules.unasked(annotations, purpose))))
        if column is not None and wanted and column not in found:
            found.append(column)
    return found


def _refused(rules: Rules, annotations: set[str], purpose: str, region: str) -> frozenset[str]:
    """Of no origin may the data be used so: nothing, where one requirement says that, and it will be named; where it
    takes several, every origin, each of which one of them refuses."""
    refusal = enforced(rules.use(annotations, purpose, region))
    return regions.COUNTRIES if refusal is not None and refusal.code == "PAI310" else frozenset()


def _annotations(items: Iterable[Input]) -> set[str]:
    return {annotation for item in items for annotation in item.annotations}


def origins_of(entries: Iterable[str], asset: str) -> frozenset[str] | None:
    """What a token's ``origins`` or ``unasked`` say of a table, or of what is made of it; None where nothing."""
    found = next((text for name, _, text in (entry.partition("=") for entry in entries) if name == asset), None)
    return None if found is None else regions.read(found)
