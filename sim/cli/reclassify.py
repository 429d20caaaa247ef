"""reclassify: the entry of a reviewed reclassification, with the digests of what is there now."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lineage.errors import InputError
from sim.cli.options import Json, RunDir, print_json, run_folder

if TYPE_CHECKING:
    from lineage.enforce.reviewed.transformation import Column
    from lineage.model import Label


def add(app: typer.Typer) -> None:
    app.command()(reclassify)


def reclassify(
    source: Annotated[str, typer.Option("--from", help="The asset or field that is lowered.")],
    to: Annotated[str, typer.Option("--to", help="The asset or field that it may then flow to.")],
    job: Annotated[str, typer.Option(help="The transformation: a job's name, or its .sql file.")] = "",
    code: Annotated[str, typer.Option(help='The transformation: a function, as "services.web.log:event".')] = "",
    k: Annotated[int, typer.Option("--k", min=0, help="Claim: each row stands for at least so many.")] = 0,
    of: Annotated[str, typer.Option(help="… of a column of the inputs, as wearer.")] = "",
    run: RunDir = None,
    as_json: Json = False,
) -> None:
    """Print a reclassification, ready to be reviewed and pasted into a requirement's file.

    It fills in what can be told: the digest of the transformation and that of its inputs' schema and labels, as they
    are now. Who reviewed it, why and until when, a person says. A job's inputs are those of the deployment of --run,
    else the bundled ones; a function's are the contracts of a run.

    Example: [bold]sightline reclassify --from warehouse:core.sessions#scene --to warehouse:core.landmark_popularity \
--job landmark_popularity[/]
    """
    from lineage.names import asset_of, parse

    if bool(job) == bool(code):
        raise InputError("PAI010", "the transformation is one of --job and --code", where="reclassify",
                         next="sightline reclassify --help")
    if bool(k) != bool(of):
        raise InputError("PAI010", "a claim needs both --k and --of", where="reclassify",
                         next="sightline reclassify --help")
    for name in (source, to):
        parse(name)
    transformation, digest, inputs, read = _of_job(job, run) if job else _of_code(code, asset_of(source), run)
    entry: dict[str, Any] = {"from": source, "to": to, "drops": _drops(source, read), "transformation": transformation,
                             "digest": digest, "inputs": inputs}
    if k:
        entry["claims"] = {"k_anonymity": k, "of": of}
    if as_json:
        print_json(entry)
    else:
        typer.echo(_yaml(entry))


def _drops(source: str, read: dict[str, list[Column]]) -> list[str]:
    """The annotations of the asset or field.  Raises InputError (PAI001) where there is none, or no such input."""
    from lineage.names import asset_of, field_of

    asset, field = asset_of(source), field_of(source)
    if asset not in read:
        raise InputError("PAI001", f"the transformation does not read {asset}; it reads "
                         f"{', '.join(sorted(read)) or 'nothing'}", where="--from")
    named = [one for one in read[asset] if field in ("", one.name)]
    if not named:
        raise InputError("PAI001", f"{asset} has no column {field!r}; it has "
                         f"{', '.join(one.name for one in read[asset])}", where="--from")
    found = sorted({annotation for one in named for annotation in one.annotations})
    if not found:
        raise InputError("PAI001", f"{source} carries no annotation, so nothing can be dropped", where="--from")
    return found


def _of_job(given: str, run: Path | None) -> tuple[dict[str, str], str, str, dict[str, list[Column]]]:
    from lineage.enforce.reviewed.job import reviewed
    from services.warehouse import catalog
    from services.warehouse import job as jobs
    from sim.stack.deployment import at, bundled

    deployment = at(run / "data" / "deploy") if run is not None else bundled()
    path = Path(given) if given.endswith(".sql") else deployment.jobs / f"{given}.sql"
    try:
        job = jobs.parse(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("PAI012", f"the job cannot be read: {error}", where=str(path),
                         next="ls services/warehouse/jobs scenarios/jobs") from None
    tables = catalog.load(deployment.tables)
    for other in [*sorted(deployment.jobs.glob("*.sql")), path]:
        made = jobs.parse(other.read_text(encoding="utf-8"), str(other))
        for line, sql in made.statements:
            if sql[:6].upper() == "CREATE":
                table = catalog.parse(sql, str(other), line, made.label)
                tables[table.name] = table
    columns = {table.name: [(one.name, one.label.annotations, one.label.annotated, one.type)
                            for one in table.columns.values()] for table in tables.values()}
    digest, inputs, read = reviewed([sql for _, sql in job.statements if sql[:6].upper() != "CREATE"], columns)
    return {"sql": job.activity.partition(":")[2]}, digest, inputs, read


def _of_code(code: str, asset: str, run: Path | None) -> tuple[dict[str, str], str, str, dict[str, list[Column]]]:
    from lineage.enforce.reviewed import transformation
    from lineage.enforce.reviewed.transformation import Column

    try:
        transformation.loaded(code)
        digest = transformation.of_code(code)
    except LookupError as error:
        raise InputError("PAI012", str(error.args[0]), where="--code",
                         next="name a function as services.web.log:event") from None
    held = _contract(run_folder(run), asset)
    if held is None:
        raise InputError("PAI001", f"no contract of {asset} was registered in this run", where="--from",
                         next="sightline graph --format names")
    read = {asset: sorted(Column(field, label.annotations, label.annotated) for field, label in held.items())}
    return {"code": code}, digest, transformation.of_inputs(read), read


def _contract(run: Path, asset: str) -> dict[str, Label] | None:
    """The asset's fields as its service registered them: what a detector found in one is no field of the contract."""
    from lineage.discover.contracts import Contracts
    from lineage.discover.store import recorded

    return Contracts().take(one for one in recorded(run / "lineage.db") if one.op == "asset").get(asset)


def _yaml(entry: dict[str, Any]) -> str:
    (kind, name), = entry["transformation"].items()
    claims = entry.get("claims")
    lines = [f'from: "{entry["from"]}"', f'to: "{entry["to"]}"', f"drops: [{', '.join(entry['drops'])}]",
             f'transformation: {{{kind}: "{name}"}}', f'digest: "{entry["digest"]}"', f'inputs: "{entry["inputs"]}"',
             *([f"claims: {{k_anonymity: {claims['k_anonymity']}, of: {claims['of']}}}"] if claims else []),
             "reviewer:   # who answers for it", "reason:     # why nothing of the annotation is left",
             "until:      # its last day, as 2026-12-31"]
    return "\n".join(["reclassify:", *(f"  {'-' if not at else ' '} {line}" for at, line in enumerate(lines))])
