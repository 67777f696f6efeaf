"""Divide the rows into training and test rows."""

from typing import Annotated

from zenml import log_metadata, step

from stackhouse.division import divide
from stackhouse.preparation import Division
from stackhouse.table import Table


@step
def divide_rows(
    rows: Table, label: str, test_size: float, seed: int
) -> tuple[Annotated[Table, "train"], Annotated[Table, "test"], Annotated[Division, "division"]]:
    """Hold out the last times, or rows of each class at random where rows have no time; refuse a label that nothing can be learned from."""
    train, test, division = divide(rows, label, test_size, seed)
    log_metadata({"by": division.by, "train": dict(division.train), "test": dict(division.test)})
    return train, test, division
