"""Expectations of a feature table, each on both sides of its boundary."""

import math
from datetime import date

import polars as pl
import pytest
from pydantic import ValidationError

from stackhouse.errors import ColumnNotFoundError, ColumnTypeError, DataValidationError, EmptyTableError, PrimaryKeyError
from stackhouse.table import Roles, Table
from stackhouse.validation import Expectations, validate

ROLES = Roles(primary_keys=("k",), timestamp="t", features=("a", "b"))


def table(**changed: object) -> Table:
    columns = {"k": ["x", "y", "z"], "t": [date(2024, 1, 1)] * 3, "a": [0.0, 0.5, 1.0], "b": [1.0, 2.0, 3.0]}
    return Table.of(pl.DataFrame({**columns, **changed}), ROLES, "dev.flights.demo")


@pytest.mark.parametrize("min_rows", [1, 2, 3])
def test_as_many_rows_as_expected_are_accepted(min_rows: int) -> None:
    validate(table(), Expectations(min_rows=min_rows))


def test_one_row_less_than_expected_is_refused() -> None:
    with pytest.raises(DataValidationError, match=r"dev.flights.demo failed validation: 3 rows, at least 4 expected\. Nothing was written"):
        validate(table(), Expectations(min_rows=4))


def test_both_ends_of_a_range_are_inside() -> None:
    validate(table(), Expectations(ranges={"a": (0, 1), "b": (1, 3)}))


@pytest.mark.parametrize("bounds", [(0.1, 1), (0, 0.9)])
def test_value_outside_its_range_is_refused_with_the_count(bounds: tuple[float, float]) -> None:
    with pytest.raises(DataValidationError, match=rf"'a' is outside \[{bounds[0]}, {bounds[1]}\] in 1 of 3 rows"):
        validate(table(), Expectations(ranges={"a": bounds}))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, None])
def test_feature_that_is_not_clean_is_refused_without_any_expectation(value: float | None) -> None:
    with pytest.raises(DataValidationError, match="'b' holds NaN, ±Inf or null in 2 of 3 rows"):
        validate(table(b=[value, 2.0, value]), Expectations())


def test_all_failures_are_named_at_once() -> None:
    with pytest.raises(DataValidationError, match=r"3 rows, at least 9 expected; 'b' holds NaN.*; 'a' is outside"):
        validate(table(b=[math.nan, 2.0, 3.0]), Expectations(min_rows=9, ranges={"a": (0.2, 1)}))


@pytest.mark.parametrize("column", ["late_rate", "k", "t"])
def test_range_of_a_column_that_is_no_feature_is_refused(column: str) -> None:
    with pytest.raises(
        ColumnNotFoundError, match=f"has no column '{column}'; it has 'a', 'b'. Name features under model.validation.ranges"
    ):
        validate(table(), Expectations(ranges={column: (0, 1)}))


def test_table_without_rows_is_refused() -> None:
    empty = table()
    with pytest.raises(EmptyTableError, match=r"dev.flights.demo has no rows. The source gave none"):
        validate(empty.with_frame(empty.frame.head(0)), Expectations())


def test_duplicate_key_is_refused() -> None:
    with pytest.raises(PrimaryKeyError, match="1 primary keys"):
        validate(table(k=["x", "x", "z"]), Expectations())


def test_null_key_is_refused() -> None:
    with pytest.raises(PrimaryKeyError, match="'k' in 1 rows"):
        validate(table(k=["x", None, "z"]), Expectations())


def test_text_timestamp_is_refused() -> None:
    with pytest.raises(ColumnTypeError, match="'t' is String"):
        validate(table(t=["a", "b", "c"]), Expectations())


@pytest.mark.parametrize("bounds", [(math.nan, 1), (0, math.nan), (1, 0)])
def test_range_that_no_value_or_every_value_meets_is_refused(bounds: tuple[float, float]) -> None:
    with pytest.raises(ValidationError, match="ranges"):
        Expectations(ranges={"a": bounds})


@pytest.mark.parametrize("min_rows", [0, -1])
def test_minimum_of_no_rows_is_refused(min_rows: int) -> None:
    with pytest.raises(ValidationError, match="min_rows"):
        Expectations(min_rows=min_rows)
