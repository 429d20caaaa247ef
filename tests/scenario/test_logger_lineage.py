"""The logger's lineage from its config alone, and from a real run: the same, field by field."""

from __future__ import annotations

from lineage.discover.logger_config import OPTIONAL, declared_edges
from services.logger import registry
from services.warehouse import catalog
from sim.stack.deployment import bundled
from tests.scenario.real_runs import Runs, story

PATH = ("rpc:logger.Append.request#glasses_session.", "logger:glasses_session#",
        "rpc:warehouse.Append.request#core.sessions.", "warehouse:core.sessions#")
STORY = story("faults")


def of_the_logger(run: object, state: str) -> set[tuple[str, str]]:
    """Edges of the logger's path, the warehouse's own bookkeeping left out."""
    return {(one["from"], one["to"]) for one in run.lineage["edges"]  # type: ignore[attr-defined]
            if one["state"] == state and one["from"].startswith(PATH) and one["to"].startswith(PATH)
            and not one["to"].endswith(("#_key", "#_position"))}


def test_what_the_config_says_is_what_runs(runs: Runs) -> None:
    run = runs.once(STORY)
    # The other category's declared edges are there too; nobody set up her glasses, so none of them was observed.
    config = {(edge.source, edge.target): edge for edge in declared_edges(bundled().categories)
              if edge.source.startswith(PATH)}
    assert of_the_logger(run, "declared") == set(config) and len(config) == 30
    observed = of_the_logger(run, "observed")
    assert observed <= set(config)
    assert all(OPTIONAL in config[ends].evidence for ends in set(config) - observed)
    assert not [one for one in run.lineage["findings"] if one["code"] in ("PAI403", "PAI404")]


def test_the_id_of_each_bundled_category_is_the_key_of_its_table() -> None:
    """A repeated event is then taken once."""
    tables = catalog.load(bundled().tables)
    for schema in registry.load(bundled().categories).values():
        category = schema.latest
        column = category.fields[category.id].column
        (line,) = [line for line in tables[category.table].ddl.splitlines() if line.split()[:1] == [column]]
        assert "PRIMARY KEY" in line
