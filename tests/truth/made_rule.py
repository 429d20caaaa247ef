"""A requirement "r" on what carries A, as far as its permits: each test says what it permits."""

from __future__ import annotations

GOVERNS_A = """\
requirement: r
version: 1
owner: o
zone: z
mode: enforcement
governs: [A]
"""
