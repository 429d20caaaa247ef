"""SIGHTLINE_EVERY=1 in the environment: tests that by default try some of many cases try all of them."""

from __future__ import annotations

import os

EVERY = os.environ.get("SIGHTLINE_EVERY") == "1"
