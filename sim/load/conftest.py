"""Not collected for doctests: Locust patches the process that imports its file, and telemetry needs an extra."""

collect_ignore = ["locustfile.py", "telemetry.py"]
