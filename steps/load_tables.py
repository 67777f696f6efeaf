"""Load training and test table."""

from typing import Annotated

from zenml import log_metadata, step

from stackhouse.record import TrainingData
from stackhouse.table import Table
from stackhouse.table_training import TableTraining
from stacks.experiments import open_experiment, training_tags
from stacks.feature_store import active_feature_store
from stacks.mlflow_failures import require_tracking
from stacks.tables_to_learn import open_tables
from stacks.tracking import artifact_location, tracking_client


@step(enable_cache=False)
def load_tables(
    training: TableTraining,
) -> tuple[Annotated[Table, "train_table"], Annotated[Table, "test_table"], Annotated[TrainingData, "training_data"]]:
    """Open both tables, each at its newest version. Without a tracker that answers nothing is loaded."""
    client = tracking_client()
    require_tracking(client)
    open_experiment(client, training.experiment, training_tags(training.identity.environment), artifact_location())
    train, test, data = open_tables(active_feature_store(), training)
    log_metadata({table.name: table.version for table in (data.features, data.test) if table})
    return train, test, data
