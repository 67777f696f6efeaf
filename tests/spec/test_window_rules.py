"""Window expressions, one row a day in and one number a day out."""

import narwhals as nw
import polars as pl
import pytest

from stackhouse.features.windows import coefficient_of_variation, lag, ratio, rolling_sum


def computed(expression: nw.Expr, **columns: list[object]) -> list[object]:
    frame = nw.from_native(pl.DataFrame(columns)).lazy().with_columns(expression.alias("out")).collect(backend="polars")
    return frame["out"].to_list()


@pytest.mark.parametrize(("days", "sums"), [(1, [1, 2, 4, 8]), (2, [1, 3, 6, 12]), (3, [1, 3, 7, 14]), (9, [1, 3, 7, 15])])
def test_rolling_sum_reads_the_day_and_those_before_it(days: int, sums: list[int]) -> None:
    assert computed(rolling_sum("x", days, ["k"], "t"), k=["a"] * 4, t=[1, 2, 3, 4], x=[1, 2, 4, 8]) == sums


def test_rolling_sum_goes_by_time_and_stays_within_its_key() -> None:
    assert computed(rolling_sum("x", 2, ["k"], "t"), k=["a", "b", "a", "b"], t=[2, 1, 1, 2], x=[1, 10, 2, 20]) == [3, 10, 2, 30]


def test_lag_goes_by_time_and_stays_within_its_key() -> None:
    assert computed(lag("x", 1, ["k"], "t"), k=["a", "b", "a", "b"], t=[2, 1, 1, 2], x=[1, 10, 2, 20]) == [2, None, None, 10]


def test_ratio_is_null_where_the_denominator_is_zero() -> None:
    assert computed(ratio("a", "b"), a=[1, 0, 3], b=[2, 0, 0]) == [0.5, None, None]


def test_coefficient_of_variation_of_equal_values_is_zero_and_of_none_is_null() -> None:
    columns = {"total": [180, 180, 0, 10], "squares": [16200, 18000, 0, 100], "count": [2, 2, 0, 1]}
    assert computed(coefficient_of_variation("total", "squares", "count"), **columns) == [0.0, pytest.approx(1 / 3), None, 0.0]
