"""Days without a gap: what windows that count rows as days need, checked of the source and made of its counts."""

from collections.abc import Sequence
from typing import Any

import narwhals as nw

from stackhouse.errors import DataError


def require_every_day(frame: nw.LazyFrame[Any], day: str, found: str, reason: str) -> None:
    """Check that no day is left out between the first and the last of a column of dates.

    `found` says whose days they are ("the flights has rows for"), `reason` why a gap would count.

    Raises:
        DataError: where a day is left out.
    """
    column = nw.col(day)
    span = frame.select(column.min().alias("first"), column.max().alias("last"), column.n_unique().alias("days")).collect(backend="polars")
    first, last, days = span.row(0)
    if first is not None and days != (expected := (last - first).days + 1):
        raise DataError(
            f"{found} {days} of the {expected} days from {first} to {last}; {reason}. "
            "Load the days that are missing, or a period without gaps."
        )


def every_day(daily: nw.LazyFrame[Any], keys: Sequence[str], day: str, counts: Sequence[str]) -> nw.LazyFrame[Any]:
    """One row for each entity and each day of the source since the entity's first; counts of a day without rows are 0.

    Shape: (n_entities × n_days since each one's first, n_columns of `daily`).
    """
    entities = daily.group_by(*keys).agg(nw.col(day).min().alias("first_day"))
    days = daily.select(day).unique()
    grid = entities.join(days, how="cross").filter(nw.col(day) >= nw.col("first_day")).drop("first_day")
    return grid.join(daily, on=[*keys, day], how="left").with_columns(*(nw.col(name).fill_null(0) for name in counts))
