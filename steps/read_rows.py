"""Read the rows to prepare."""

from typing import Annotated

from zenml import log_metadata, step

from stackhouse.preparation import Preparation, SourceRecord
from stackhouse.table import Table
from stacks import prepared_rows
from stacks.experiments import open_experiment, training_tags
from stacks.feature_store import active_feature_store
from stacks.mlflow_failures import require_tracking
from stacks.tracking import artifact_location, tracking_client


@step(enable_cache=False)
def read_rows(preparation: Preparation) -> tuple[Annotated[Table, "rows"], Annotated[SourceRecord, "source"]]:
    """Read the rows that are named, leave out those without label or key, and number them.

    Without a tracker that answers nothing is read: what is made could not be put on record.
    """
    client = tracking_client()
    require_tracking(client)
    open_experiment(client, preparation.experiment, training_tags(preparation.environment), artifact_location())
    rows, source = prepared_rows.read_rows(active_feature_store(), preparation)
    log_metadata({"kind": source.kind, "rows": source.rows, "lost": source.lost})
    return rows, source
