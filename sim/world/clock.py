"""Time of the simulated world.  It moves only when it is told to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
# Between two questions of one wearer.
STEP = timedelta(minutes=1)


class SimClock:
    """Implements :class:`services.seams.Clock`.

    >>> clock = SimClock()
    >>> clock.advance(90)
    >>> rfc3339(clock.now()), rfc3339(clock.at(2))
    ('2026-01-05T09:01:30Z', '2026-01-05T09:02:00Z')
    """

    def __init__(self, start: datetime = START) -> None:
        self._start = start
        self._now = start

    def now(self) -> datetime:
        return self._now

    def advance(self, seconds: float) -> None:
        """Time does not run backwards: raises ValueError for a negative number."""
        if seconds < 0:
            raise ValueError(f"time cannot go back by {-seconds} seconds")
        self._now += timedelta(seconds=seconds)

    def at(self, ordinal: int) -> datetime:
        """When the ``ordinal``-th event happens, one a minute; whatever ``now`` is, so order does not matter."""
        return self._start + ordinal * STEP


def rfc3339(moment: datetime) -> str:
    """UTC, to the second: "2026-01-05T09:00:00Z"."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
