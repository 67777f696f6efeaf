"""Column profiles: numbers of a column, and never a row of it."""

import math

import polars as pl
import pytest

from stackhouse.profile import BINS, ColumnProfile, profile
from stackhouse.table import Roles, Table


def one(*values: float | None) -> ColumnProfile:
    return profile(Table.of(pl.DataFrame({"a": pl.Series(values, dtype=pl.Float64)}), Roles(features=("a",)))).columns["a"]


def test_quantiles_mean_and_spread_of_a_column() -> None:
    found = one(1, 2, 3, 4, 5)
    assert found.quantiles == (1, 2, 3, 4, 5)
    assert found.mean == 3
    assert found.std == pytest.approx(math.sqrt(2))
    assert found.unusable == 0


def test_histogram_counts_every_finite_value_from_minimum_to_maximum() -> None:
    found = one(0, 0, 10, 20)
    assert len(found.histogram) == BINS
    assert (found.histogram[0], found.histogram[10], found.histogram[-1], sum(found.histogram)) == (2, 1, 1, 4)


def test_unusable_values_are_counted_and_left_out() -> None:
    found = one(1, math.nan, None, math.inf, -math.inf, 3)
    assert (found.unusable, found.mean, found.quantiles[0], found.quantiles[4], sum(found.histogram)) == (4, 2, 1, 3, 2)


@pytest.mark.parametrize("values", [(), (None, math.nan)])
def test_column_without_a_finite_value_is_all_zero(values: tuple[float | None, ...]) -> None:
    expected = ColumnProfile(unusable=len(values), mean=0, std=0, quantiles=(0, 0, 0, 0, 0), histogram=(0,) * BINS)
    assert one(*values) == expected


def test_constant_column_stands_in_one_bin() -> None:
    found = one(7, 7, 7)
    assert found.quantiles == (7, 7, 7, 7, 7)
    assert sorted(found.histogram)[-2:] == [0, 3]


def test_only_features_are_profiled() -> None:
    frame = pl.DataFrame({"k": ["secret"], "a": [1.5], "y": [1], "note": ["private"]})
    found = profile(Table.of(frame, Roles(primary_keys=("k",), label="y", features=("a",)), "demo"))
    assert [*found.columns] == ["a"]
    assert (found.table, found.rows) == ("demo", 1)
    assert "secret" not in found.model_dump_json()
    assert "private" not in found.model_dump_json()


def test_texts_that_few_rows_hold_are_counted_and_not_shown() -> None:
    towns = ["Albany"] * 12 + ["Boise"] * 10 + ["Chicago"] * 9 + [None]
    found = profile(Table.of(pl.DataFrame({"town": towns}), Roles(features=("town",)))).texts["town"]
    assert (found.distinct, found.missing, found.most_frequent) == (3, 1, (("Albany", 12), ("Boise", 10)))
