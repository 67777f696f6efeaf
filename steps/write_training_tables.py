"""Write training and test table."""

from typing import Annotated

from zenml import log_metadata, step

from stackhouse.preparation import Preparation, PreparedTables
from stackhouse.record import TableVersion
from stackhouse.table import Table
from stackhouse.training_tables import to_store
from stacks.feature_store import active_feature_store


@step(enable_cache=False)
def write_training_tables(train: Table, test: Table, preparation: Preparation) -> Annotated[PreparedTables, "tables"]:
    """Put the rows in place of all that is there, each table in one commit. The store knows whether it holds them already."""
    written = PreparedTables(
        train=_write(train, preparation.train_table, f"Rows to learn '{preparation.label}' from, made by prepare_data."),
        test=_write(test, preparation.test_table, f"Rows to judge models of '{preparation.label}' by, made by prepare_data."),
        features=train.roles.features,
        keys=train.roles.identity,
    )
    log_metadata({table.name: table.version for table in (written.train, written.test)})
    return written


def _write(table: Table, name: str, description: str) -> TableVersion:
    store, (rows, tags) = active_feature_store(), to_store(table)
    store.create_table(name, rows, description, tags)
    return store.write_table(name, rows, "overwrite", "evolve")
