"""What `prepare_data` does: the pipeline data_preparation on a stack, and what came of it, for people or as JSON."""

import json
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape

from commands.progress import console
from commands.tracked import write_out
from commands.working import on_stack, run_pipeline
from stackhouse.preparation import Division, Preparation, PreparedTables, SourceRecord
from stackhouse.record import TableVersion


def prepare(preparation: Preparation, stack: str | None, *, as_json: bool) -> int:
    """Run the pipeline and print the tables, their versions, rows and labels.

    Raises:
        StackhouseError: whatever stopped it.
    """
    out = console(stderr=as_json)
    out.print(f"[bold]prepare_data[/]  {preparation.train_table}, {preparation.test_table}")
    with on_stack(stack, out, "prepare_data") as log_file:
        from zenml.client import Client

        from pipelines.data_preparation import data_preparation

        run = Client().get_pipeline_run(run_pipeline(data_preparation, preparation, log_file, preparation.environment).id)

        def made(step: str, output: str) -> Any:
            return run.steps[step].outputs[output][0].load()

        source, division = made("read_rows", "source"), made("divide_rows", "division")
        tables, run_id = made("write_training_tables", "tables"), made("record_datasets", "run_id")
    if as_json:
        write_out(json.dumps(as_document(preparation, source, division, tables, run_id), indent=1))
    else:
        print_prepared(out, source, division, tables, run_id)
    return 0


def print_prepared(out: Console, source: SourceRecord, division: Division, tables: PreparedTables, run_id: str) -> None:
    """Print what was read, what was left out, and what was written."""
    read = ", ".join(f"{table.name} version {table.version}" for table in source.tables) or "made rows"
    out.print(f"\nRows read      {source.rows:,} of {escape(read)}")
    for column, rows in source.without.items():
        out.print(f"Left out       {rows:,} rows without a value in '{escape(column)}'")
    if source.repeated:
        out.print(f"Left out       {source.repeated:,} rows of the label table that say what another one says")
    if source.lost_message:
        out.print(f"[yellow]{escape(source.lost_message)}[/]")
    how = f"by time ({division.time}), the latest to test" if division.by == "time" else "at random, with classes in proportion"
    out.print(f"Divided        {escape(how)}, test size {division.test_size:g}")
    for part, table, labels in (("Training", tables.train, division.train), ("Test", tables.test, division.test)):
        out.print(f"{part + ' table':<14} {table.name} version {table.version} ({_written(table)}), {table.rows:,} rows: {_shares(labels)}")
    out.print(f"Label          {escape(division.label)}, features {len(tables.features)}: {escape(', '.join(tables.features[:20]))}")
    out.print(f"MLflow run     {run_id}")


def as_document(preparation: Preparation, source: SourceRecord, division: Division, tables: PreparedTables, run_id: str) -> dict[str, Any]:
    """Return the same as a document of JSON."""

    def table(version: TableVersion, labels: Mapping[str, int]) -> dict[str, Any]:
        return {**version.model_dump(include={"name", "version", "rows", "written"}), "labels": dict(labels)}

    return {
        "train_table": table(tables.train, division.train),
        "test_table": table(tables.test, division.test),
        "features": list(tables.features),
        "keys": list(tables.keys),
        "label": division.label,
        "split": {"by": division.by, "time": division.time, "test_size": division.test_size, "seed": division.seed},
        "source": source.model_dump(mode="json"),
        "environment": preparation.environment,
        "experiment": preparation.experiment,
        "run_id": run_id,
    }


def _written(table: TableVersion) -> str:
    return "written" if table.written else "unchanged"


def _shares(labels: Mapping[str, int]) -> str:
    total = sum(labels.values()) or 1
    return ", ".join(f"{escape(value)}: {rows:,} ({rows / total:.1%})" for value, rows in labels.items())
