"""Cleaning: NaN, ±Inf and null leave the features, rows stay, and scoring cleans as training did."""

import math
from datetime import date
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from stackhouse.cleaning import CleaningRule, Replaced, clean, clean_matrix
from stackhouse.errors import ColumnNotFoundError, ColumnTypeError, DirtyFeaturesError
from stackhouse.table import Roles, Table

NAN, INF = math.nan, math.inf


def features(**columns: object) -> Table:
    return Table.of(pl.DataFrame(columns, strict=False), Roles(features=tuple(columns)), "dev.flights.demo")


def test_each_column_takes_its_own_default() -> None:
    cleaned = clean(
        features(a=[1.0, NAN, None], b=[INF, -INF, 2.0], c=[None, 3.0, 4.0]), CleaningRule(default=-1, columns={"b": 9, "c": 7})
    )
    assert cleaned.table.collect().rows() == [(1.0, 9.0, 7.0), (-1.0, 9.0, 3.0), (-1.0, 2.0, 4.0)]


def test_default_of_the_default_is_zero() -> None:
    assert clean(features(a=[NAN, 1.0]), CleaningRule()).table.collect()["a"].to_list() == [0.0, 1.0]


def test_replaced_values_are_counted_by_column_and_by_what_they_were() -> None:
    table = features(a=[1.0, NAN, None, None, INF, -INF, INF], b=[0.0] * 7)
    report = clean(table, CleaningRule(columns={"a": 5})).report
    assert report.rows == 7
    assert report.replaced == {
        "a": Replaced(null=2, nan=1, infinite=3, replacement=5),
        "b": Replaced(null=0, nan=0, infinite=0, replacement=0),
    }
    assert report.replaced["a"].total == 6
    assert report.total == 6


def test_rows_order_and_other_columns_stay() -> None:
    frame = pl.DataFrame({"k": ["c", "a", "b"], "a": [3.0, NAN, 1.0], "note": ["x", None, "z"]})
    cleaned = clean(Table.of(frame, Roles(primary_keys=("k",), features=("a",))), CleaningRule())
    assert cleaned.table.collect().rows() == [("c", 3.0, "x"), ("a", 0.0, None), ("b", 1.0, "z")]
    assert cleaned.table.roles == Roles(primary_keys=("k",), features=("a",))


def test_label_and_timestamp_are_never_touched() -> None:
    frame = pl.DataFrame({"t": [1.0, NAN, None], "y": [NAN, None, INF], "a": [NAN, 1.0, 2.0]})
    rows = clean(Table.of(frame, Roles(timestamp="t", label="y", features=("a",))), CleaningRule(default=8)).table.collect()
    assert rows["a"].to_list() == [8.0, 1.0, 2.0]
    assert rows["y"].null_count() == 1
    assert math.isnan(rows["y"][0])
    assert rows["y"][2] == INF
    assert math.isnan(rows["t"][1])


@pytest.mark.parametrize(
    ("values", "expected"),
    [([1, None, 3], [1.0, 0.0, 3.0]), ([True, False, None], [1.0, 0.0, 0.0]), ([Decimal("1.5"), None, Decimal(-2)], [1.5, 0.0, -2.0])],
)
def test_integers_booleans_and_decimals_become_float64(values: list[object], expected: list[float]) -> None:
    cleaned = clean(features(a=values), CleaningRule()).table.collect().to_native()
    assert cleaned["a"].dtype == pl.Float64
    assert cleaned["a"].to_list() == expected


def test_texts_and_dates_are_left_as_they_are_missing_ones_too() -> None:
    table = features(a=[1.0, NAN], b=["x", None], c=pl.Series([0, None]).cast(pl.Date))
    cleaned = clean(table, CleaningRule(default=4.0))
    assert cleaned.table.collect().to_native().rows() == [(1.0, "x", date(1970, 1, 1)), (4.0, None, None)]
    assert [*cleaned.report.replaced] == ["a"]


def test_replacement_in_a_text_is_refused_with_column_and_type() -> None:
    with pytest.raises(ColumnTypeError, match=r"dev.flights.demo: 'b' \(String\) must be numeric"):
        clean(features(a=[1.0], b=["1.0"]), CleaningRule(columns={"b": 0.0}))


def test_list_is_refused_with_column_and_type() -> None:
    with pytest.raises(ColumnTypeError, match=r"dev.flights.demo: 'b' \(List"):
        clean(features(a=[1.0], b=[[1.0]]), CleaningRule())


@pytest.mark.parametrize("values", [[None, None], [NAN, NAN], [INF, -INF], [None, NAN]])
def test_column_without_a_usable_value_is_refused(values: list[float | None]) -> None:
    table = features(a=pl.Series(values, dtype=pl.Float64), b=[1.0, 2.0])
    with pytest.raises(DirtyFeaturesError, match=r"dev.flights.demo: 'a' holds no usable value in any row"):
        clean(table, CleaningRule())


def test_one_usable_value_is_enough() -> None:
    assert clean(features(a=[None, 2.0, NAN]), CleaningRule()).table.collect()["a"].to_list() == [0.0, 2.0, 0.0]


def test_table_without_rows_is_left_as_it_is() -> None:
    cleaned = clean(features(a=pl.Series([], dtype=pl.Float64)), CleaningRule())
    assert (cleaned.table.count(), cleaned.report.rows, cleaned.report.total) == (0, 0, 0)


@pytest.mark.parametrize("value", [NAN, INF, -INF, None])
def test_refusing_rule_raises_on_a_single_unusable_value(value: float | None) -> None:
    table = features(a=[1.0, value, 3.0], b=[1.0, 2.0, 3.0])
    with pytest.raises(DirtyFeaturesError, match=r"dev.flights.demo holds NaN, ±Inf or null in 'a' \(1\)\. Clean at the source"):
        clean(table, CleaningRule().refusing())


def test_refusing_rule_accepts_a_clean_table() -> None:
    assert clean(features(a=[1, 2]), CleaningRule().refusing()).report.total == 0


def test_refusing_keeps_the_replacements() -> None:
    rule = CleaningRule(default=3, columns={"a": 4})
    assert rule.refusing() == CleaningRule(default=3, columns={"a": 4}, on_unclean="refuse")


def test_rule_for_an_unknown_column_is_refused() -> None:
    with pytest.raises(ColumnNotFoundError, match=r"The cleaning rule for dev.flights.demo has no column 'z'; it has 'a'"):
        clean(features(a=[1.0]), CleaningRule(columns={"z": 1}))


def test_rule_for_the_label_is_refused() -> None:
    table = Table.of(pl.DataFrame({"a": [1.0], "y": [NAN]}), Roles(label="y", features=("a",)))
    with pytest.raises(ColumnNotFoundError, match="'y'"):
        clean(table, CleaningRule(columns={"y": 0}))


@pytest.mark.parametrize("value", [NAN, INF, -INF])
def test_replacement_that_is_not_finite_is_refused(value: float) -> None:
    with pytest.raises(ValidationError):
        CleaningRule(default=value)
    with pytest.raises(ValidationError):
        CleaningRule(columns={"a": value})


COLUMNS = {
    "floats": [1.5, NAN, None, INF, -INF, -0.0],
    "integers": [1, -2, 3, 4, 5, 6],
    "integers and nulls": [1, None, 3, 4, None, 6],
    "booleans": [True, False, True, True, False, False],
    "booleans and nulls": [True, None, False, None, True, False],
    "decimals": [Decimal("0.1"), Decimal("-2.50"), None, Decimal(7), None, Decimal(0)],
}


@pytest.mark.parametrize("values", COLUMNS.values(), ids=COLUMNS)
@pytest.mark.parametrize("dtype", [object, None], ids=["object", "inferred"])
def test_scoring_cleans_exactly_as_training(values: list[object], dtype: type | None) -> None:
    rule = CleaningRule(default=-7, columns={"b": 2.5})
    trained = clean(features(a=values, b=values), rule).table.collect().to_numpy()
    raw = pd.DataFrame({"a": pd.Series(values, dtype=dtype), "b": pd.Series(values, dtype=dtype)})
    assert clean_matrix(raw, ["a", "b"], rule).tolist() == trained.tolist()


@given(st.lists(st.one_of(st.none(), st.floats(width=64)), max_size=8))
def test_scoring_cleans_as_training_and_keeps_every_row(values: list[float | None]) -> None:
    table = features(a=pl.Series([0.0, *values], dtype=pl.Float64))
    trained = clean(table, CleaningRule(default=4)).table.collect()["a"].to_list()
    scored = clean_matrix(pd.DataFrame({"a": [0.0, *values]}), ["a"], CleaningRule(default=4))
    assert scored.shape == (len(values) + 1, 1)
    assert scored[:, 0].tolist() == trained


@pytest.mark.parametrize("dtype", ["Int64", "Float64", "boolean", "float32", "int8"])
def test_scoring_takes_the_numeric_types_of_pandas(dtype: str) -> None:
    nulls = [None] if dtype[0].isupper() or dtype == "boolean" else []
    raw = pd.DataFrame({"a": pd.Series([1, 0, *nulls], dtype=dtype)})
    assert clean_matrix(raw, ["a"], CleaningRule(default=6))[:, 0].tolist() == [1.0, 0.0, *(6.0 for _ in nulls)]


@pytest.mark.parametrize("missing", [None, NAN, pd.NA, Decimal("NaN")])
def test_scoring_takes_every_missing_value_of_an_object_column(missing: object) -> None:
    raw = pd.DataFrame({"a": pd.Series([1.0, missing], dtype=object)})
    assert clean_matrix(raw, ["a"], CleaningRule(default=6))[:, 0].tolist() == [1.0, 6.0]


def test_scoring_takes_the_booleans_of_numpy_in_an_object_column() -> None:
    raw = pd.DataFrame({"a": pd.Series([np.True_, None], dtype=object)})
    assert clean_matrix(raw, ["a"], CleaningRule(default=6))[:, 0].tolist() == [1.0, 6.0]


def test_scoring_without_a_feature_column_counts_it_as_missing_in_every_row() -> None:
    matrix = clean_matrix(pd.DataFrame({"b": [1, 2]}), ["a", "b"], CleaningRule(columns={"a": 9}))
    assert matrix.tolist() == [[9.0, 1.0], [9.0, 2.0]]


def test_scoring_takes_features_by_name_and_ignores_other_columns() -> None:
    raw = pd.DataFrame({"y": ["late", "late"], "b": [3, 4], "a": [1, 2]}, index=[9, 9])
    assert clean_matrix(raw, ["a", "b"], CleaningRule()).tolist() == [[1.0, 3.0], [2.0, 4.0]]


def test_scoring_no_rows_gives_no_rows() -> None:
    assert clean_matrix(pd.DataFrame({"a": []}), ["a", "b"], CleaningRule()).shape == (0, 2)


def test_scoring_ignores_that_training_refuses() -> None:
    assert clean_matrix(pd.DataFrame({"a": [NAN]}), ["a"], CleaningRule(default=1).refusing()).tolist() == [[1.0]]


@pytest.mark.parametrize(
    "column",
    [
        pd.Series(["1.5", "2"]),
        pd.Series(["1.5", None], dtype=object),
        pd.Series([1.0, "late"], dtype=object),
        pd.to_datetime(pd.Series(["2024-01-01"])),
    ],
)
def test_scoring_refuses_text_and_times_and_names_the_column(column: "pd.Series[object]") -> None:
    with pytest.raises(ColumnTypeError, match=r"The rows to score: 'a' \(.*\) must be numeric"):
        clean_matrix(pd.DataFrame({"a": column}), ["a"], CleaningRule())


def test_cleaning_leaves_the_input_as_it_was() -> None:
    table, raw = features(a=[NAN, 1.0]), pd.DataFrame({"a": [NAN, 1.0]})
    clean(table, CleaningRule())
    clean_matrix(raw, ["a"], CleaningRule())
    assert np.isnan(table.collect()["a"][0])
    assert np.isnan(raw["a"][0])
