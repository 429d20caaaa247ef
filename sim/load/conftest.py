"""Locust patches the process that imports it: the locustfile is for Locust alone."""

collect_ignore = ["locustfile.py"]
