"""Put training and test table on record."""

from typing import Annotated

from zenml import log_metadata, step

from stackhouse.preparation import Division, Preparation, PreparedTables, SourceRecord
from stacks.dataset_record import record_datasets as record
from stacks.tracking import open_run


@step(enable_cache=False, experiment_tracker=True)
def record_datasets(preparation: Preparation, source: SourceRecord, division: Division, tables: PreparedTables) -> Annotated[str, "run_id"]:
    """Log both tables to an MLflow run as datasets, with their versions and what they were made of."""
    record(preparation, source, division, tables)
    log_metadata({"run_id": open_run()})
    return open_run()
