"""certify and verify: a certificate of non-use is made from a finished run, and checked from its file alone."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from lineage.errors import InputError
from sim.cli.options import Json, RunDir, print_json

_TRACE = re.compile(r"[0-9A-Fa-f]{32}|[0-9A-Fa-f]{2}-.+")


def add(app: typer.Typer) -> None:
    for command in (certify, verify):
        app.command()(command)


def certify(
    wearer: Annotated[str, typer.Argument(help="Whose rows are left out: w-0003.")],
    of: Annotated[str, typer.Argument(help="A checkpoint (assistant@3), or the trace id of an answer.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The file.")],
    public_keys: Annotated[Path | None, typer.Option(help="Write the public keys here, for `verify --keys`.")] = None,
    run: RunDir = None,
    as_json: Json = False,
) -> None:
    """Certify that no row of a wearer had a part in a checkpoint, or in an answer: it is trained again without them.

    Exit code 0: given; 1: refused, her rows had a part (PAI410); 3: it cannot be told (PAI411).

    Example: [bold]sightline certify w-0001 assistant@3 -o hers.json --public-keys keys.json[/]
    """
    from sim.cli.options import lineage_of, run_folder
    from sim.stack import certifying

    folder, content = run_folder(run), lineage_of(run)
    answer = certifying.answered(folder, of) if _TRACE.fullmatch(of.strip()) else None
    data = certifying.issue(folder / "data", content["seed"], content["decisions"], wearer, of, answer)
    _write(output, data)
    if public_keys is not None:
        from lineage.demonstrate.certificate import key_file

        _write(public_keys, key_file(certifying.public_keys(content["seed"])))
    told = {"certificate": str(output), "bytes": len(data), "of": of}
    if as_json:
        print_json(told)
    else:
        keys = f" --keys {public_keys}" if public_keys is not None else ""
        typer.echo(f"{output}: given, {len(data):,} bytes\n"
                   f"check it with: sightline verify {output}{keys} --wearer {wearer}")


def verify(
    file: Annotated[Path, typer.Argument(help="A certificate of non-use.")],
    keys: Annotated[Path | None, typer.Option(help="Public keys from elsewhere; the certificate's own otherwise, which "
                                                   "show only that nothing was changed.")] = None,
    wearer: Annotated[str | None, typer.Option(help="Whom it should be about.")] = None,
    answer: Annotated[str | None, typer.Option(help="The text of the answer that it should be about.")] = None,
    timing: Annotated[int, typer.Option(min=0, max=100_000, help="Verify so many times more, and say how long one "
                                                                 "takes.")] = 0,
    as_json: Json = False,
) -> None:
    """Check a certificate of non-use offline, link by link, and name the first that fails.

    Exit code 0: it holds; 1: a link fails (PAI413); 2: this is no certificate (PAI412).

    Example: [bold]sightline verify hers.json --keys keys.json --wearer w-0001[/]
    """
    from lineage.demonstrate import certified
    from lineage.demonstrate.certificate import MAX_BYTES

    data = _read(file, MAX_BYTES)
    given = None if keys is None else certified.read_keys(_read(keys, MAX_BYTES), str(keys))
    found = certified.verify(data, given, wearer=wearer, answer=answer, where=str(file))
    told: dict[str, Any] = {**found.to_dict(), "file": str(file), "bytes": len(data)}
    if timing:
        told["milliseconds"] = _timed(lambda: certified.verify(data, given, wearer=wearer, answer=answer), timing)
    if as_json:
        print_json(told)
        return
    typer.echo(f"{found.checkpoint}: no row of hers had a part in it")
    for link in found.links:
        typer.echo(f"  ✓ {link.name}: {link.said}")
    typer.echo("what it does not prove:")
    for limit in found.limits:
        typer.echo(f"  - {limit}")
    if timing:
        took = told["milliseconds"]
        typer.echo(f"{len(data):,} bytes; verified {took['times']} times, in {took['median']} ms by the median, 95 % "
                   f"between {took['low']} and {took['high']} ms")


def _timed(work: Any, times: int) -> dict[str, float]:
    """Milliseconds: the median, and between what 95 % of the times lie."""
    import statistics
    from time import perf_counter_ns

    took = []
    for _ in range(times):
        begun = perf_counter_ns()
        work()
        took.append((perf_counter_ns() - begun) / 1e6)
    took.sort()
    edge = int(0.025 * times)
    return {"times": times, "median": round(statistics.median(took), 3), "low": round(took[edge], 3),
            "high": round(took[-1 - edge], 3)}


def _read(path: Path, most: int) -> bytes:
    """Raises InputError (PAI412); a huge file is not read to its end."""
    try:
        with path.open("rb") as file:
            return file.read(most + 1)
    except (OSError, ValueError) as error:
        raise InputError("PAI412", f"the file cannot be read: {getattr(error, 'strerror', None) or error}",
                         where=str(path)) from None


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise InputError("PAI033", f"cannot be written: {error.strerror}", where=str(path)) from error


