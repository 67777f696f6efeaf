"""What prepare_data puts on record: an MLflow run with both tables as datasets, their versions, and what they were made of."""

from datetime import UTC, datetime

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag

from stackhouse.preparation import Division, Preparation, PreparedTables, SourceRecord
from stackhouse.record import TableVersion
from stacks.feature_store import active_feature_store
from stacks.mlflow_failures import recording
from stacks.tracking import log_dataset, open_run, tracking_client
from stacks.version_control import git_sha

_SHORT = 450
"""Characters of a parameter; MLflow's stores take 500 at least."""


@recording("the datasets")
def record_datasets(preparation: Preparation, source: SourceRecord, division: Division, tables: PreparedTables) -> None:
    """Log tags, parameters, counts and both datasets to the run that the stack's tracker has opened."""
    client, run_id = tracking_client(), open_run()
    now = datetime.now(UTC)
    tags = {
        "mlflow.runName": f"prepare_{tables.train.name.rpartition('.')[2]}_{now:%Y%m%d_%H%M%S}",
        "purpose": "data_preparation",
        "environment": preparation.environment,
        "git_sha": git_sha(),
        "source": source.kind,
        **{f"delta.version.{table.name}": str(table.version) for table in (*source.tables, tables.train, tables.test)},
    }
    parameters = {
        "source": ", ".join(f"{table.name} version {table.version}" for table in source.tables) or source.kind,
        "label": division.label,
        "split": division.by,
        "time": division.time or "none",
        "test_size": division.test_size,
        "random_state": division.seed,
        "stratify": division.by == "random",
        "n_features": len(tables.features),
        "train_labels": str(dict(division.train)),
        "test_labels": str(dict(division.test)),
    }
    counts = {
        "training_samples": tables.train.rows,
        "test_samples": tables.test.rows,
        "rows_lost_in_join": source.lost,
        "rows_without_label_or_key": sum(source.without.values()),
    }
    stamp = int(now.timestamp() * 1000)
    client.log_batch(
        run_id,
        metrics=[Metric(name, float(value), stamp, 0) for name, value in counts.items()],
        params=[Param(name, str(value)[:_SHORT]) for name, value in parameters.items()],
        tags=[RunTag(name, value) for name, value in tags.items()],
    )
    _log(client, run_id, tables.train, "training", source)
    _log(client, run_id, tables.test, "testing", source)


def _log(client: MlflowClient, run_id: str, version: TableVersion, context: str, source: SourceRecord) -> None:
    table = active_feature_store().read_table(version.name, version.version)
    made_of = {f"source.{number}": f"{found.name} version {found.version}" for number, found in enumerate(source.tables)}
    log_dataset(client, run_id, table, version, context, {"source.kind": source.kind, **made_of})
