"""From rows of a table, of a feature store, or made, to a training and a test table."""

from zenml import pipeline
from zenml.enums import ExecutionMode

from stackhouse.cleaning import CleaningRule
from stackhouse.preparation import Preparation
from steps.clean_features import clean_features
from steps.divide_rows import divide_rows
from steps.read_rows import read_rows
from steps.record_datasets import record_datasets
from steps.write_training_tables import write_training_tables


@pipeline(name="data_preparation", enable_cache=False, execution_mode=ExecutionMode.FAIL_FAST)
def data_preparation(preparation: Preparation) -> None:
    """Read, clean, divide, and only then write; both tables go on record."""
    rows, source = read_rows(preparation)
    rows, _ = clean_features(rows, CleaningRule())
    train, test, division = divide_rows(rows, preparation.label, preparation.test_size, preparation.seed)
    tables = write_training_tables(train, test, preparation)
    tracked = record_datasets.with_options(settings={"experiment_tracker": {"experiment_name": preparation.experiment}})
    tracked(preparation, source, division, tables)
