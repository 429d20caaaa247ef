"""Understand: what data there is, and what it really holds.

``taxonomy`` names the categories; ``detectors`` (over ``exif``, ``contacts``, ``person``) propose them; ``scan``
runs the detectors where data comes in; ``inventory`` counts what is labelled and what is not.
"""
