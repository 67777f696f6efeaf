"""Two parts of a table: rows that are kept to learn from, and rows that are held out. Three parts are the affair of `splits.py`."""

from dataclasses import dataclass, replace

import narwhals as nw
import numpy as np
import polars as pl

from stackhouse.splits import RandomSplit, TimeSplit, split
from stackhouse.table import Table, concatenate, require_times

VALIDATION_SHARE = 0.2
"""Share of a training table by which losses are followed; the model is fitted to all of it afterwards."""

_CLASS = "__class"


@dataclass(frozen=True)
class HeldOut:
    """Two tables without a common row, which have all rows of the one that was divided, and how it was divided."""

    kept: Table
    held: Table
    rule: TimeSplit | RandomSplit


def hold_out(table: Table, label: str, share: float, seed: int) -> HeldOut:
    """Hold out the last share of the distinct times, or, of a table without a timestamp, that share of the rows of each class.

    Args:
        table: rows with their label; the order in which they come does not matter.
        label: a column of classes, of any type, without nulls.
        share: of what is held out, in (0, 1).
        seed: of the draw, where there is one.

    Raises:
        ColumnTypeError: where the timestamp is no date or datetime.
        DataError: where there are too few times or rows to divide.
        EmptyTableError: where there are no rows.
    """
    require_times(table)
    if table.roles.timestamp:
        by_time = TimeSplit(kind="time", test_size=share)
        parts = split(table, by_time)
        return HeldOut(concatenate(parts.train, parts.validation), parts.test, by_time)
    rule = RandomSplit(kind="random", test_size=share, seed=seed)
    parts = split(_with_class_numbers(table, label), rule)
    kept, held = (replace(table, frame=part.frame.drop(_CLASS)) for part in (concatenate(parts.train, parts.validation), parts.test))
    return HeldOut(kept, held, rule)


def _with_class_numbers(table: Table, label: str) -> Table:
    """Number the classes, whatever type they are of; the split keeps integers in proportion."""
    rows: pl.DataFrame = table.collect().to_native()
    numbers = np.unique(rows[label].cast(pl.String).to_numpy(), return_inverse=True)[1]
    numbered = nw.from_native(rows.with_columns(pl.Series(_CLASS, numbers, dtype=pl.Int64)).lazy())
    return Table(numbered, table.roles.model_copy(update={"label": _CLASS, "further_labels": ()}), table.name)
