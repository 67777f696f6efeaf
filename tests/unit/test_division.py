"""Division into a training and a test table: each class has a row to learn from after two parts were held out, or nothing is divided."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from stackhouse.division import divide
from stackhouse.errors import LabelError
from stackhouse.held_out import VALIDATION_SHARE, hold_out
from stackhouse.table import Roles, Table

OFTEN = 60


def rows(rare: int, *, timed: bool = False, first: int = 0) -> Table:
    """`rare` rows of a third class, from the given row on, among 60 of two others; where they are timed, ten rows a day."""
    classes = ["a", "b"] * (OFTEN // 2)
    classes[first:first] = ["rare"] * rare
    times = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=number // 10) for number in range(len(classes))]
    frame = pl.DataFrame({"k": range(len(classes)), "t": times, "x": range(len(classes)), "y": classes})
    return Table.of(frame, Roles(primary_keys=("k",), timestamp="t" if timed else None, label="y", features=("x",)), "rows")


@pytest.mark.parametrize(("test_size", "least"), [(0.05, 3), (0.2, 3), (0.33, 3), (0.5, 4), (0.75, 8), (0.9, 20)])
def test_a_class_needs_so_many_rows_that_one_is_learned_from_one_validates_and_one_judges(test_size: float, least: int) -> None:
    train, test, division = divide(rows(least), "y", test_size, 42)
    followed = hold_out(train, "y", VALIDATION_SHARE, 42)
    for part in (followed.kept, followed.held, test):
        assert {*part.collect(["y"])["y"].to_list()} == {"a", "b", "rare"}
    assert division.train["rare"] + division.test["rare"] == least
    with pytest.raises(LabelError, match=rf"No row of 'rare' \({least - 1} rows?\) of the label 'y' would be left to learn from"):
        divide(rows(least - 1), "y", test_size, 42)


def test_every_class_that_is_too_rare_is_named_with_its_rows_and_what_can_be_done() -> None:
    few = rows(2)
    frame = few.collect().to_native().with_columns(y=pl.when(pl.col("k") == 0).then(pl.lit("once")).otherwise("y"))
    with pytest.raises(LabelError, match=r"'once' \(1 row\), 'rare' \(1 row\) of the label 'y'.*: 0\.2 of the rows .* lower --test-size"):
        divide(Table.of(frame, few.roles), "y", 0.2, 42)


def test_one_row_of_the_second_class_is_refused() -> None:
    only = rows(1)
    frame = only.collect().to_native().with_columns(y=(pl.col("y") == "rare").cast(pl.Int64))
    with pytest.raises(LabelError, match=r"No row of '1' \(1 row\)"):
        divide(Table.of(frame, only.roles), "y", 0.2, 42)


def test_a_class_of_the_last_times_alone_is_refused_where_rows_have_a_time() -> None:
    with pytest.raises(LabelError, match=r"'rare' \(10 rows\) .*: 0\.2 of the times are held out"):
        divide(rows(10, timed=True, first=OFTEN), "y", 0.2, 42)


def test_a_class_of_the_first_times_alone_is_learned_though_no_test_row_has_it() -> None:
    _, test, _ = divide(rows(10, timed=True), "y", 0.2, 42)
    assert {*test.collect(["y"])["y"].to_list()} == {"a", "b"}
