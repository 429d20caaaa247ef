"""The PAI: privacylib, then the four stages understand → discover → enforce → demonstrate.

A stage imports earlier stages only; see README.md for the types and the one path of the data.
"""
