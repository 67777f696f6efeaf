"""Training and test table, written to the feature store: both are checked before either is written."""

from stackhouse.errors import DataError
from stackhouse.preparation import Preparation, PreparedTables
from stackhouse.table import Table
from stackhouse.training_tables import to_store
from stacks.feature_store import FeatureStore


def write_tables(store: FeatureStore, train: Table, test: Table, preparation: Preparation) -> PreparedTables:
    """Put the rows in place of all that is there; equal rows write no version.

    Rows of other keys take two commits, the first of which changes the tags. What a kill leaves between is repaired by the next call.

    Raises:
        DataError: where a table of this name was not made by prepare_data, or a column cannot be kept; nothing is written.
        InfrastructureError: where the store cannot be written to.
    """
    made = {
        preparation.train_table: (train, f"Rows to learn '{preparation.label}' from, made by prepare_data."),
        preparation.test_table: (test, f"Rows to judge models of '{preparation.label}' by, made by prepare_data."),
    }
    for name, (table, _) in made.items():
        try:
            store.check_write(name, to_store(table)[0], "overwrite", "evolve")
        except DataError as error:
            raise DataError(f"{name} cannot be written over: {error} Name another --train-table or --test-table.") from error
    written = []
    for name, (table, description) in made.items():
        rows, tags = to_store(table)
        store.create_table(name, rows, description, tags)
        written.append(store.write_table(name, rows, "overwrite", "evolve"))
    return PreparedTables(train=written[0], test=written[1], features=train.roles.features, keys=train.roles.identity)
