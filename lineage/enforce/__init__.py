"""Enforce: requirements and their rules, the guard, tokens, the policy service, zone placement.

``rules``, ``guard``, ``gate`` and ``tokens`` decide at run time from annotations and requirements
alone; only ``placement`` looks at the graph.
"""
