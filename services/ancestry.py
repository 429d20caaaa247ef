"""[D] What a checkpoint was made of, step by step: an executed manifest names the checkpoints that its run went on
from, asked or learnt from, with the digest of each one's weights and of its own executed manifest.  So what was used
is told from what came later under its name, and no checkpoint can go back to itself.

Manifests alone are read.  What the weights of an earlier one are by now went into nothing, so nobody reads them for it:
they may be gone, their manifest may not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from graphlib import TopologicalSorter
from typing import NamedTuple

from lineage.dsse import CODE
from lineage.errors import InputError
from lineage.privacylib import PrivacyLib
from services import checkpoint as checkpoints
from services.checkpoint import Checkpoint
from services.seams import Store


class Link(NamedTuple):
    """``since``: the purposes of what was made of it, for which it was used too."""

    checkpoint: Checkpoint
    since: tuple[str, ...] = ()


def manifest(lib: PrivacyLib, store: Store, keys: Mapping[str, bytes], checkpoint: str) -> Checkpoint:
    """What "assistant@2" says of itself in the store.  ``keys``: key id → public key of who may sign it.

    Raises InputError: PAI004 where there is none, PAI330 for one that is not genuine, PAI331 for another's.
    """
    asset, path = f"checkpoint:{checkpoint}", checkpoints.manifest_path(checkpoint)
    if not store.exists(path):
        raise InputError("PAI004", f"the store has no checkpoint {checkpoint}", where=asset)
    with lib.read(asset, fields=("manifest",)):
        found = checkpoints.opened(store.read(path), keys, asset)
    if found.id != checkpoint:
        raise InputError("PAI331", f"the manifest is that of {found.id}", where=asset)
    lib.register(asset, found.labels, found.owner)
    return found


def same(lib: PrivacyLib, store: Store, keys: Mapping[str, bytes], loaded: Checkpoint) -> None:
    """Who asks for a version, as a student does of its teacher, has judged by the manifest in the store.

    Raises InputError: PAI331 for another one than it was loaded with, else as ``manifest``.
    """
    if manifest(lib, store, keys, loaded.id).manifest_digest != loaded.manifest_digest:
        raise InputError("PAI331", f"{loaded.id} was loaded with another executed manifest than it has in the store "
                                   "now: it does not answer for that one", where=loaded.asset, next="load it again")


def back(lib: PrivacyLib, store: Store, keys: Mapping[str, bytes], *last: Checkpoint) -> list[Link]:
    """``last``, and all that they were made of, each once and before what it was made of.

    Raises InputError: PAI337 where the way back cannot be followed, PAI330 for a manifest on it that is not genuine,
    PAI331 for a checkpoint on it that is not the one that was used, by its weights or by what its manifest says.
    """
    found, after = {one.id: one for one in last}, dict[str, list[str]]()
    left = list(last)
    while left:
        one = left.pop()
        after[one.id] = []
        for name, weights, stated in _used(one):
            if not stated:
                raise _lost(one, f"its executed manifest says which weights of {name} it was made of, and not what was "
                                 "said of them")
            if name not in found:
                left.append(_before(lib, store, keys, one, name))
                found[name] = left[-1]
            for what, then, now in (("weights", weights, found[name].digest),
                                    ("executed manifest", stated, found[name].manifest_digest)):
                if now != then:
                    raise InputError("PAI331", f"{one.id} was made of {name} as it was when its {what} had the digest "
                                               f"{then[:12]}…, and it is {now[:12]}… now", where=one.asset,
                                     next=f"train {one.id} again")
            after[one.id].append(name)
    # There is no circle: a manifest would have to tell its own digest.
    order = list(TopologicalSorter(after).static_order())[::-1]
    since: dict[str, dict[str, None]] = {name: {} for name in order}
    for name in order:
        for before in after[name]:
            since[before] |= dict.fromkeys((found[name].purpose, *since[name]))
    return [Link(found[name], tuple(since[name])) for name in order]


def _used(one: Checkpoint) -> Iterator[tuple[str, str, str]]:
    """Id of each checkpoint that it was made of, digests of its weights and of its manifest's payload, where that is
    said.  Raises InputError (PAI330).
    """
    try:
        for item in one.executed.get("inputs", ()):
            kind, _, name = str(item["asset"]).partition(":")
            if kind == "checkpoint":
                checkpoints.parse_id(name)
                yield name, str(item["sha256"]), str(item.get("manifest", ""))
    except (KeyError, TypeError, InputError) as error:
        raise InputError(CODE, f"the executed manifest does not say what the run has used: {error}",
                         where=one.asset) from None


def _before(lib: PrivacyLib, store: Store, keys: Mapping[str, bytes], made: Checkpoint, name: str) -> Checkpoint:
    try:
        return manifest(lib, store, keys, name)
    except InputError as error:
        if error.code != "PAI004":
            raise
        raise _lost(made, f"it was made of {name}, whose manifest is not in the store: whether that may still be used "
                          "cannot be asked") from None


def _lost(made: Checkpoint, why: str) -> InputError:
    return InputError("PAI337", f"{made.id}: {why}", where=made.asset, next="train it again from one that is there")
