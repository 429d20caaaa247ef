"""Discover: one module per capture, the collector, the store, the join, the graph.

[A] probes and [C] RPC edges are joined from signals (``join``); [B] ``logger_config``, ``sql``,
``jobs``; [D] ``manifests``.  ``declare`` gathers what configs say, ``lineage`` the whole picture.
"""
