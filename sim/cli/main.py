"""The commands.  Results to stdout, progress to stderr, ``--json`` everywhere.

Each command is a function in a module of its own, imported when it is called, so that
``sightline list`` does not wait for gRPC.
"""

from __future__ import annotations

import json
import signal
import sys

import typer

from lineage.errors import SightlineError
from sim.cli import ask, bench, calls, certificate, exposure, impact, load, reclassify, run, sql, stack, zones

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False,
                  rich_markup_mode="rich",
                  help="A reference simulator of a Privacy Aware Infrastructure (PAI) on the data flow of AI "
                       "glasses.\n\nStart with:  [bold]sightline demo[/]"
                  )

run.add(app)
ask.add(app)
calls.add(app)
impact.add(app)
load.add(app)
bench.add(app)
sql.add(app)
reclassify.add(app)
exposure.add(app)
stack.add(app)
zones.add(app)
certificate.add(app)


def main(arguments: list[str] | None = None) -> None:
    """Exit codes: 0 pass, 1 fail, 2 usage, 3 unknown."""
    given = sys.argv[1:] if arguments is None else arguments
    # A terminated command cleans up as an interrupted one does; a node has handlers of its own.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        app(args=given, prog_name="sightline")
    except SightlineError as error:
        if "--json" in given:
            sys.stdout.write(json.dumps({"error": error.to_dict()}, sort_keys=True) + "\n")
        else:
            from sim.show.terminal import print_error

            print_error(error)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # The reader of a pipe has seen enough.
        sys.stderr.close()
        sys.exit(0)




if __name__ == "__main__":
    main()
