"""Enforce: the Policy Zone Manager (S2), which plans and simulates from a finished run; it decides nothing."""
