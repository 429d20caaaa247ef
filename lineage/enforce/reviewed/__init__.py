"""Enforce: reviewed reclassifications, what they are tied to, and the claims that they make, checked on the rows."""
