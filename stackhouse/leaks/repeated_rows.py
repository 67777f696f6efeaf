"""Rows that stand on both sides of a split: how often what a few rows hold stands in a whole table, and when that is no accident.

The engine of the tables looks for the few rows among all; no more rows leave it than were asked for. What follows from a
repetition is the leak detector's (`detector.py`).
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import narwhals as nw
import numpy as np
import numpy.typing as npt
import polars as pl

from stackhouse.table import Table

COINCIDENCE = 0.01
"""A repetition is no accident where so few rows like it are expected, if each column were drawn by itself."""

RARE_SHARE = 0.001
RARE_ROWS = 10
"""A value is rare where no more than this share of the rows has it, or no more than so many rows, or where a sample has it once."""

TIMES = "__times"


def find_rows(wanted: Table, table: Table, columns: Sequence[str]) -> pl.DataFrame:
    """Look for rows in a table: the columns of each row of `wanted`, and in `TIMES` how many rows of `table` are equal in them.

    Missing values (null and NaN) are equal to each other, and 0.0 is equal to -0.0.

    Args:
        wanted: the rows to look for, few enough to be held in memory.
        table: the rows to look through, lazily, on the same engine.
        columns: at least one, of numbers, booleans, text or times, and of the same types in both.

    Returns:
        Shape (n_rows of `wanted`, n_columns + 1), in no order; `TIMES` is int64.
    """
    compared = _compared(wanted, columns)
    names = list(compared)
    expressions = [expression.alias(name) for name, expression in compared.items()]
    asked = wanted.frame.select(*expressions).unique()
    found = table.frame.select(*expressions).join(asked, on=names, how="semi").group_by(*names).agg(nw.len().alias(TIMES))
    counts = _streamed(found)
    rows: pl.DataFrame = wanted.frame.select(*columns, *expressions).collect(backend="polars").to_native()
    return rows.join(counts, on=names, how="left").select(*columns, pl.col(TIMES).cast(pl.Int64).fill_null(0))


def no_accident(rows: pl.DataFrame, population: pl.DataFrame, size: int, columns: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Say of each row whether another one that is equal in the columns would be no accident: shape (n_rows,), bool.

    Rows of few and coarse values (a weekday, a carrier) are often equal and mean nothing. A row is telling where one of its values
    is rare, and where fewer than `COINCIDENCE` rows like it are expected among all if the columns had nothing to do with each other.
    A few copies of a row make none of its values common: of rows that are equal in all columns one counts, unless most rows are equal
    to others.

    Args:
        rows: the rows to judge.
        population: rows that show how often each value is found, a sample of all.
        size: the number of all rows.
        columns: the columns to compare.
    """
    distinct = population.select(columns).unique()
    population = distinct if len(distinct) >= len(population) / 2 else population
    expected, rarest = np.full(len(rows), float(size)), np.ones(len(rows))
    for name in columns:
        counts = population.select(value=_without_nan(population[name])).group_by("value").len()
        values = pl.DataFrame({"value": _without_nan(rows[name])})
        found = values.join(counts, on="value", how="left", nulls_equal=True, maintain_order="left")["len"].fill_null(0).to_numpy()
        shares = np.minimum(1.0, (found + 1) / (len(population) + 1))
        expected, rarest = expected * shares, np.minimum(rarest, shares)
    rare = max(RARE_SHARE, (RARE_ROWS + 1) / (size + 1), 2 / (len(population) + 1))
    telling: npt.NDArray[np.bool_] = (expected < COINCIDENCE) & (rarest <= rare)
    return telling


def _streamed(frame: nw.LazyFrame[Any]) -> pl.DataFrame:
    """Collect what is few of what is many: Polars in a stream, so that no more than a batch of the many is in memory."""
    native = frame.to_native()
    if isinstance(native, pl.LazyFrame):
        return native.collect(engine="streaming")
    collected: pl.DataFrame = frame.collect(backend="polars").to_native()
    return collected


def _compared(table: Table, columns: Sequence[str]) -> Mapping[str, nw.Expr]:
    """Columns to join by. No engine finds null equal to null in a join, so a column with missing values becomes two without."""
    schema = table.frame.collect_schema()
    values = {name: _value(name, schema[name]) for name in columns}
    counts = table.frame.select(*(value.is_null().cast(nw.Int64).sum().alias(name) for name, value in values.items()))
    missing = counts.collect(backend="polars")
    compared: dict[str, nw.Expr] = {}
    for number, (name, value) in enumerate(values.items()):
        if missing[name][0]:
            compared[f"__missing_{number}"] = value.is_null()
            value = nw.when(value.is_null()).then(nw.lit(_stand_in(schema[name]))).otherwise(value)  # noqa: PLW2901
        compared[f"__value_{number}"] = value
    return compared


def _value(name: str, dtype: nw.dtypes.DType) -> nw.Expr:
    """The column in a type that every engine joins and fills alike, null where it is missing."""
    column = nw.col(name)
    if _is_text(dtype):
        return column.cast(nw.String)
    if dtype.is_temporal():
        return column
    if dtype.is_integer():
        return column.cast(nw.Int64)
    number = column.cast(nw.Float64)
    return nw.when(~number.is_nan()).then(number)


def _stand_in(dtype: nw.dtypes.DType) -> str | float | date | datetime:
    """A value of the type that `_value` gives."""
    if _is_text(dtype):
        return ""
    if dtype == nw.Date:
        return date(1970, 1, 1)
    if isinstance(dtype, nw.Datetime):
        return datetime(1970, 1, 1, tzinfo=UTC if dtype.time_zone else None)
    return 0 if dtype.is_integer() else 0.0


def _is_text(dtype: nw.dtypes.DType) -> bool:
    return dtype in {nw.String, nw.Categorical, nw.Enum}


def _without_nan(values: pl.Series) -> pl.Series:
    return values.fill_nan(None) if values.dtype.is_float() else values
