"""For every test: hypothesis measures no time.  A busy machine is no failure, and no test asserts a time."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("sightline", deadline=None)
settings.load_profile("sightline")
