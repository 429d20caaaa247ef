"""node: one process of docker-compose.yml."""

from __future__ import annotations

from typing import Annotated

import typer

from lineage.errors import InputError
from sim.stack.config import SERVICES


def add(app: typer.Typer) -> None:
    app.command()(node)


def node(
    service: Annotated[str, typer.Argument(help=", ".join(SERVICES))],
    listen: Annotated[str | None, typer.Option(help="host:port for gRPC; a free loopback port otherwise.")] = None,
) -> None:
    """Runs one service until it is told to stop; configured by the SIGHTLINE_ variables.

    Example: [bold]SIGHTLINE_DATA=/tmp/data sightline node collector --listen 127.0.0.1:7001[/]
    """
    from sim.cli.serving import serve_until_stopped

    if service not in SERVICES:
        raise InputError("PAI012", f"no service {service!r}; they are {', '.join(SERVICES)}")
    serve_until_stopped(service, listen)
