"""[D] What training makes lies in folders of the store, ``<folder>/<name>@<version>/``: a file of data, and
``manifest.json``, which is written last and makes it a version.  Checkpoints, reports and features alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from services.seams import UNFINISHED, Store

ID = re.compile(r"(?P<name>[a-z][a-z0-9_]*)@(?P<version>[1-9][0-9]{0,8})")


def manifest_path(folder: str, made: str) -> str:
    """``made``: "assistant@2"."""
    return f"{folder}/{made}/manifest.json"


def every(store: Store, folder: str, name: str) -> list[int]:
    """Of all that have a folder, the highest first, whether they are whole or not."""
    found = map(ID.fullmatch, store.folders(folder))
    return sorted((int(match["version"]) for match in found if match and match["name"] == name), reverse=True)


def newest(store: Store, folder: str, name: str) -> int:
    """The highest version in the store; 0 for none.  What a run left behind which could not finish is no version; one
    whose manifest is gone does not hide those above it."""
    return max((version for version in every(store, folder, name)
                if store.exists(manifest_path(folder, f"{name}@{version}"))), default=0)


def free(store: Store, folder: str, name: str) -> int:
    """The version that the next run makes: above all of which anything is there, so that nothing is written over."""
    return 1 + max((version for version in every(store, folder, name)
                    if store.names(f"{folder}/{name}@{version}")), default=0)


def swept(store: Store, folder: str) -> None:
    """Removes what is left there of runs that were killed while they wrote: a part of a file, and what such a run had
    written before it.

    A file of data alone stays: either a run was killed between its two files, or somebody has taken a manifest away,
    which cannot be told apart.
    """
    for made in store.folders(folder):
        names = store.names(f"{folder}/{made}")
        parts = [name for name in names if name.startswith(UNFINISHED)]
        # A manifest is written once, so a version that has none and a part of a file never had one.
        # The part goes last: who is killed over this does it again.
        for name in sorted(parts if store.exists(manifest_path(folder, made)) or not parts else names, reverse=True):
            store.remove(f"{folder}/{made}/{name}")


@contextmanager
def whole(store: Store, folder: str, made: str) -> Iterator[None]:
    """Of a write of ``made`` ("assistant@2") that fails nothing is left, even if it fails when all is in place; nothing
    else is touched."""
    try:
        yield
    except BaseException:
        # First what makes it a version.
        store.remove(manifest_path(folder, made))
        for name in store.names(f"{folder}/{made}"):
            store.remove(f"{folder}/{made}/{name}")
        raise
