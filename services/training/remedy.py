"""[D] Remedies: how a run goes on that would be refused, as its manifest allows.

The policy service says what is to be done (``gate.admit``); here it is done to what will be read, and told for the
executed manifest.  Rows without consent are withheld by the warehouse, and counted when they were.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from lineage.errors import PolicyDenied
from lineage.names import field_of
from services.training import gate
from services.training.gate import Admission, Inputs
from services.training.manifest import Manifest


async def standing(warehouse: Any, manifest: Manifest) -> dict[str, Inputs]:
    """Table → what would be read in its place.  Raises InputError (PAI020) for what is not there."""
    if "replace_table" not in (manifest.allow or ()):
        return {}
    return {item.table: await gate.described(warehouse, replace(item, table=manifest.replace[item.table]))
            for item in manifest.tables if item.table in manifest.replace}


def applied(manifest: Manifest, admission: Admission) -> Manifest:
    """The manifest as it is run.  Raises PolicyDenied (PAI336) where nothing is left to learn from."""
    dropped, replaced = set(admission.dropped), set(admission.replaced)
    tables = [replace(item, table=manifest.replace[item.table] if item.table in replaced else item.table,
                      columns=tuple(name for name in item.columns if f"warehouse:{item.table}#{name}" not in dropped))
              for item in manifest.tables]
    # Not the column that says whose a row is, where it is read for nothing else: another table's may be an input.
    gone = {field_of(name) for name in dropped & _asked(manifest)}
    learn_from = tuple(name for name in manifest.learn_from if name not in gone)
    if manifest.learn_from and not learn_from:
        raise PolicyDenied("PAI336", f"nothing is left to learn from: {admission.reason}", where=manifest.activity)
    # What is learnt from is learnt from every table alike.
    tables = [item if item.prompts else replace(item, columns=tuple(name for name in item.columns if name not in gone))
              for item in tables]
    return replace(manifest, tables=tuple(tables), learn_from=learn_from)


def left(inputs: Inputs, admission: Admission, others: Mapping[str, Inputs]) -> Inputs:
    """The labels of what is really used."""
    found = inputs.without(admission.dropped, admission.replaced)
    for table in admission.replaced:
        found = found.beside(others[table])
    return found


def no_more_rows(manifest: Manifest, own: Admission, given: Admission) -> None:
    """The warehouse withholds rows by one token: that of the caller's purpose.  Raises PolicyDenied (PAI336) where the
    one of the manifest's ``own`` purpose withholds rows that this one would not."""
    if given is own:
        return
    before, after = own.claims, given.claims
    if own.rows_dropped or before.consenting or set(before.origins) - set(after.origins):
        raise PolicyDenied("PAI336", f"rows are withheld for {own.request.purpose}, the manifest's own purpose, that "
                                     f"would be read for {given.request.purpose}", where=manifest.activity,
                           next="train for the manifest's own purpose, or say the other one in the manifest")


def _asked(manifest: Manifest) -> set[str]:
    return {f"warehouse:{item.table}#{name}" for item in manifest.tables for name in item.columns}


def told(manifest: Manifest, admission: Admission) -> list[dict[str, Any]]:
    """For the executed manifest; ``of``: a field or a table, ``by``: what stands in its place, if anything."""
    asked = _asked(manifest)
    found = [{"remedy": "drop_column", "of": name, "by": ""} for name in admission.dropped if name in asked]
    found += [{"remedy": "replace_table", "of": f"warehouse:{name}", "by": f"warehouse:{manifest.replace[name]}"}
              for name in admission.replaced]
    if admission.rows_dropped:
        found += [{"remedy": "drop_rows", "of": f"warehouse:{name}", "by": ""} for name in admission.claims.consenting]
    return [{**one, "because": admission.reason} for one in found]
