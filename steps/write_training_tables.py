"""Write training and test table."""

from typing import Annotated

from zenml import log_metadata, step

from stackhouse.preparation import Preparation, PreparedTables
from stackhouse.table import Table
from stacks.feature_store import active_feature_store
from stacks.prepared_tables import write_tables


@step(enable_cache=False)
def write_training_tables(train: Table, test: Table, preparation: Preparation) -> Annotated[PreparedTables, "tables"]:
    """Put the rows in place of all that is there. Never cached: the store itself knows whether it holds them already."""
    written = write_tables(active_feature_store(), train, test, preparation)
    log_metadata({table.name: table.version for table in (written.train, written.test)})
    return written
