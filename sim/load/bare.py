"""The arm ``off``: the same services with nothing of PrivacyLib around their I/O.

What a service asks of its library is there and does nothing; handlers, stubs and the ASGI app
are not wrapped.  A stub only drops the keywords that PrivacyLib's wrapper would have taken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any

from lineage.privacylib import Context, Extension, PrivacyLib, Sink

_KEY = "0af7651916cd43dd8448eb211c80319c"
# Seconds, as PrivacyLib's own: a call without a deadline could wait for ever.
_DEADLINE = 5.0


class _Nothing:
    """An operation that takes whatever is said about it."""

    rows = 1

    def __enter__(self) -> _Nothing:
        return self

    def __exit__(self, *error: object) -> None:
        pass


class BareLib(PrivacyLib):
    """A PrivacyLib in name only."""

    def __init__(self, service: str) -> None:
        super().__init__(service)
        self._nobody = Context(_KEY, service, _KEY[:16], purpose="assistance", principal=service)

    @property
    def context(self) -> Context:
        return self._nobody

    def _no_scope(self, *args: Any, **options: Any) -> Any:
        return nullcontext(self._nobody)

    scope = root = activity = handling = _no_scope

    def _nothing(self, *args: Any, **options: Any) -> Any:
        return _Nothing()

    read = write = call = _nothing

    def reader(self, *args: Any, **options: Any) -> Any:
        return _Nothing()

    def _say_nothing(self, *args: Any, **options: Any) -> None:
        """No signal, no note, no label."""

    respond = source = register = declare = gap = finding = decision = proposed = _say_nothing

    def headers(self) -> dict[str, str]:
        return {}

    def server(self, server: Any) -> Any:
        return server

    def channel(self, channel: Any) -> Any:
        return _Channel(channel)

    def asgi(self, app: Any, routes: Mapping[tuple[str, str], Any]) -> Any:
        return app


class _Channel:
    def __init__(self, channel: Any) -> None:
        self._channel = channel

    def unary_unary(self, method: str, *args: Any, **options: Any) -> Any:
        inner = self._channel.unary_unary(method, *args, **options)

        def call(request: Any, *, sources: Any = None, via: str = "", payload: Any = None, timeout: float = _DEADLINE,
                 **more: Any) -> Any:
            return inner(request, timeout=timeout, **more)

        return call

    def __getattr__(self, name: str) -> Any:
        return getattr(self._channel, name)


def library(name: str, sink: Sink, guard: Extension, faults: Sequence[Extension]) -> BareLib:
    """Stands in for ``sim.stack.node.library``."""
    return BareLib(name)
