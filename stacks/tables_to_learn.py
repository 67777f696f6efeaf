"""Training and test table of the active stack's feature store, opened at a version, with the roles of their columns."""

from stackhouse.errors import MissingTableError
from stackhouse.record import TableVersion, TrainingData
from stackhouse.table import Table, require_rows
from stackhouse.table_training import TableTraining
from stackhouse.training_tables import from_store
from stacks.feature_store import FeatureStore, missing_told


def open_tables(store: FeatureStore, training: TableTraining) -> tuple[Table, Table, TrainingData]:
    """Open both tables at the newest version, and say which one that is.

    Raises:
        ColumnNotFoundError: where one lacks the target.
        EmptyTableError: where one has no rows.
        MissingTableError: where one is not there.
    """
    with missing_told(MissingTableError.of_rows(training.train_table, "--train-table")):
        train = store.table_version(training.train_table)
    with missing_told(MissingTableError.of_rows(training.test_table, "--test-table")):
        test = store.table_version(training.test_table)
    data = TrainingData(lookups=(), tables=(train,), labels=train, test=test)
    return _open(store, train, training.target), _open(store, test, training.target), data


def _open(store: FeatureStore, version: TableVersion, target: str) -> Table:
    table = store.read_table(version.name, version.version)
    require_rows(table, "Run prepare_data.")
    return from_store(table, store.describe_table(version.name).tags, target)
