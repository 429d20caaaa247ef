"""The *site* of an operation: what one line of code does the same each time, interned.

An operation is its site, the scope it happens in, and the few things that are said of it alone
(rows, keys, detail).  A site knows the hooks that it calls, so nothing is looked up again.

>>> from lineage.privacylib import PrivacyLib
>>> lib = PrivacyLib("web")
>>> with lib.scope(key="0af7651916cd43dd8448eb211c80319c"):
...     with lib.read("web:ask", fields=("utterance",)) as first:
...         pass
...     with lib.read("web:ask", fields=("utterance",)) as second:
...         pass
>>> first.site is second.site, first.site
(True, Site(read web:ask utterance))
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lineage.model import Links
from lineage.names import join, sides
from lineage.privacylib.extension import Chains, Extension, Hook, Pen

if TYPE_CHECKING:
    from lineage.privacylib.library import PrivacyLib

Sources = Mapping[str, Sequence[str]]
# Names of fields come from outside too, so what is kept has a bound; when it is reached, all of it is let go.
MAX_SITES = 20_000
_MAX_LINKS = 10_000


def links_of(sources: Sources | None) -> Links:
    """The canonical form of ``sources=``: sorted, hashable."""
    if not sources:
        return ()
    return tuple((field, tuple(names)) for field, names in sorted(sources.items()) if names)


class Site:
    """The part of a signal that is the same each time.  Compared by identity, which is what interning is for."""

    __slots__ = ("asset", "family", "fields", "linked", "links", "op", "via")

    def __init__(self, op: str, asset: str, fields: tuple[str, ...] = (), links: Links = (), linked: bool = False,
                 family: str = "", via: str = "") -> None:
        self.op = op
        self.asset = asset
        self.fields = fields
        self.links = links
        self.linked = linked
        self.family = family
        self.via = via

    def __repr__(self) -> str:
        return f"Site({' '.join(filter(None, (self.op, self.asset, ','.join(self.fields), self.via)))})"


class Known(Site):
    """A site in one library, with its hooks.

    ``befores`` and ``afters`` are called each time; ``judges`` once per posture of a scope (see
    ``posture``).  ``pen`` stands for all of ``afters`` where nothing but the rows was said of an
    operation; None where one of them wants to see each.
    """

    __slots__ = ("__weakref__", "afters", "befores", "judges", "lib", "pen")

    def __init__(self, lib: PrivacyLib, *parts: Any) -> None:
        super().__init__(*parts)
        self.lib = lib
        self.befores: tuple[Hook, ...] = ()
        self.judges: tuple[Hook, ...] = ()
        self.afters: tuple[Hook, ...] = ()
        self.pen: Pen | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        """Another process has no library of this one's, and no hooks."""
        return Site, (self.op, self.asset, self.fields, self.links, self.linked, self.family, self.via)

    @property
    def quick(self) -> bool:
        """No hook wants to see each operation: once it is judged, it only has to be recorded."""
        return not self.befores and self.pen is not None

    def brings(self, begun: bool) -> dict[str, tuple[str, ...]]:
        """What it adds to the label of its scope, annotation → names: a read from its beginning, whether or not
        the I/O gives anything; a call's response at its end."""
        if self.op == ("read" if begun else "call"):
            asset, fields = self.asset, self.fields
            if self.op == "call":
                asset = sides(asset)[1]
                fields = tuple(field.removeprefix("response.") for field in fields if field.startswith("response."))
            label, found = self.lib.label, dict[str, set[str]]()
            if self.op == "read" and not fields:  # unnamed: whatever is there
                fields = tuple(self.lib.labels.get(asset, ()))
            for field in fields:
                for annotation in label(asset, field).annotations:
                    found.setdefault(annotation, set()).add(join(asset, field))
            return {annotation: tuple(sorted(names)) for annotation, names in found.items()}
        return {}


class Sites:
    """The sites of one library, and what each calls.  ``full``: called when all of them are let go."""

    def __init__(self, lib: PrivacyLib, extensions: Sequence[Extension], full: Callable[[], None]) -> None:
        self._lib = lib
        self._chains = Chains(extensions)
        self._full = full
        self._known: dict[tuple[Any, ...], Known] = {}
        self._links: dict[tuple[Any, ...], Links] = {}

    def find(self, op: str, asset: str, fields: Sequence[str] = (), sources: Sources | None = None,
             family: str = "", via: str = "") -> Known:
        """Without ``fields`` they are those that ``sources`` names."""
        if sources is None:
            return self.intern(op, asset, tuple(fields), (), False, family, via)
        links = self.links(sources)
        return self.intern(op, asset, tuple(fields) or tuple(field for field, _ in links), links, True, family, via)

    def intern(self, *parts: Any) -> Known:
        """``parts``: those of a :class:`Site`."""
        found = self._known.get(parts)
        if found is None:
            found = Known(self._lib, *parts)
            chains = self._chains
            found.befores, found.judges, found.afters = chains.befores, chains.judges, chains.afters
            found.pen = chains.pen(found)
            if len(self._known) >= MAX_SITES:
                self._known.clear()
                self._full()
            self._known[parts] = found
        return found

    def links(self, sources: Sources) -> Links:
        """``links_of``, found by what the mapping holds: the same one may change between calls."""
        key = tuple(sources), tuple(map(tuple, sources.values()))
        found = self._links.get(key)
        if found is None:
            if len(self._links) >= _MAX_LINKS:
                self._links.clear()
            found = self._links[key] = links_of(sources)
        return found

    def variant(self, site: Known, name: str, value: Any) -> Known:
        """The site with another value of one of its attributes."""
        parts = {"op": site.op, "asset": site.asset, "fields": site.fields, "links": site.links,
                 "linked": site.linked, "family": site.family, "via": site.via, name: value}
        return self.intern(*parts.values())

