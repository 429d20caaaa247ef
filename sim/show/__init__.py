"""What a person sees: terminal, report, pictures.  All of it is made of the dicts of a run's files.

    lineage.json ─ layout (hops, facts, columns) ─► Drawing ─► picture (engine, svg, style) · mermaid · export
    lineage.json, verdict.json ─ words ─► terminal · report

Nothing here judges, imports the truth, or imports a service.
"""
