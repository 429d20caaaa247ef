"""Demonstrate: verifiers over the edges, and the evidence that a zone holds."""
