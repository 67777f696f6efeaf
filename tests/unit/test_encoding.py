"""Encoding: every kind of feature becomes numbers, fitted on training rows alone, and the same from Polars and from pandas."""

import math
from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest
from pydantic import ValidationError

from stackhouse.algorithms import GradientBoosting, XGBoost
from stackhouse.cleaning import CleaningRule
from stackhouse.encoded_columns import MAX_CATEGORIES, Cut
from stackhouse.encoding import Encoding
from stackhouse.errors import ColumnNotFoundError, ColumnTypeError
from stackhouse.fitted import FittedModel, ScoringRules
from stackhouse.labels.rules import BinaryLabel
from stackhouse.table import Roles, Table

NAN = math.nan
RULE = CleaningRule(default=-1.0)


def fitted(frame: pl.DataFrame, *, one_hot: bool = False, categorical: tuple[str, ...] = (), cuts: tuple[Cut, ...] = ()) -> Encoding:
    names = tuple(frame.columns)
    return Encoding.fit(Table.of(frame, Roles(features=names), "train"), names, categorical, cuts, one_hot=one_hot)


def matrix(encoding: Encoding, frame: pl.DataFrame) -> list[list[float]]:
    found = encoding.matrix(frame, RULE)
    assert (found.dtype, found.flags.c_contiguous) == (np.float64, True)
    return [[None if math.isnan(value) else value for value in row] for row in found.tolist()]


def test_numbers_stay_as_they_are_and_unusable_ones_are_replaced() -> None:
    encoding = fitted(pl.DataFrame({"a": [1.0, 2.0], "b": [True, False]}))
    assert matrix(encoding, pl.DataFrame({"a": [3.0, NAN, None], "b": [True, None, False]})) == [[3, 1], [-1, -1], [-1, 0]]


def test_category_is_its_place_among_the_most_frequent_and_unknown_or_missing_ones_have_none() -> None:
    encoding = fitted(pl.DataFrame({"city": ["Rome", "Oslo", "Oslo", None, "Bern"]}))
    assert encoding.design.categorical == (0,)
    assert matrix(encoding, pl.DataFrame({"city": ["Oslo", "Bern", "Rome", "Paris", None]})) == [[0], [1], [2], [None], [None]]


def test_algorithm_that_reads_numbers_gets_a_column_for_each_category() -> None:
    encoding = fitted(pl.DataFrame({"city": ["Oslo", "Oslo", "Rome"], "a": [1.0, 2.0, 3.0]}), one_hot=True)
    assert encoding.design.names == ("city=Oslo", "city=Rome", "a")
    assert matrix(encoding, pl.DataFrame({"city": ["Rome", "Paris", None], "a": [4.0, 5.0, 6.0]})) == [[0, 1, 4], [0, 0, 5], [0, 0, 6]]


def test_number_that_is_declared_a_category_is_the_same_as_integer_and_float() -> None:
    encoding = fitted(pl.DataFrame({"month": [1, 1, 12]}), categorical=("month",))
    assert matrix(encoding, pl.DataFrame({"month": [12, 1, 7]})) == [[1], [0], [None]]
    assert matrix(encoding, pl.DataFrame({"month": [12.0, NAN, None]})) == [[1], [None], [None]]


@pytest.mark.parametrize("name", ["len", "count", "rows", "text"])
def test_category_may_have_any_name(name: str) -> None:
    encoding = fitted(pl.DataFrame({name: ["Rome", "Oslo", "Oslo"]}))
    assert matrix(encoding, pl.DataFrame({name: ["Oslo", "Rome"]})) == [[0], [1]]


def test_rare_categories_beyond_the_limit_count_as_unknown() -> None:
    names = [f"c{number:03d}" for number in range(MAX_CATEGORIES + 5)]
    encoding = fitted(pl.DataFrame({"c": names + names[:MAX_CATEGORIES]}))
    assert matrix(encoding, pl.DataFrame({"c": [names[0], names[-1]]})) == [[0], [None]]


@pytest.mark.parametrize("times", [[date(2024, 2, 29), None], [datetime(2024, 2, 29, tzinfo=UTC), None]])
def test_date_becomes_its_calendar_parts_and_a_missing_one_the_replacement(times: list[object]) -> None:
    frame = pl.DataFrame({"day": times})
    encoding = fitted(frame)
    assert encoding.design.names == ("day_year", "day_month", "day_day", "day_day_of_week", "day_hour")
    assert matrix(encoding, frame) == [[2024, 2, 29, 4, 0], [-1, -1, -1, -1, -1]]


def test_hour_of_a_time_is_that_of_utc() -> None:
    frame = pl.DataFrame({"at": [datetime(2024, 1, 1, 23, 30, tzinfo=UTC)]}).with_columns(pl.col("at").dt.convert_time_zone("Asia/Tokyo"))
    assert matrix(fitted(frame), frame) == [[2024, 1, 1, 1, 23]]


RISK = Cut(name="high_risk", column="charge", where={"contract": "monthly"})
CUSTOMERS = pl.DataFrame({"charge": [10.0, 20.0, 90.0], "contract": ["monthly", "yearly", "monthly"]})


def test_cut_is_one_above_the_median_of_the_training_rows_where_its_condition_holds() -> None:
    encoding = fitted(CUSTOMERS, cuts=(RISK,))
    asked = pl.DataFrame({"charge": [20.0, 20.1, 500.0, 500.0, 500.0], "contract": ["monthly", "monthly", "monthly", "yearly", None]})
    assert [row[-1] for row in matrix(encoding, asked)] == [0, 1, 1, 0, 0]


def test_cut_at_several_quantiles_counts_those_below() -> None:
    frame = pl.DataFrame({"a": [float(number) for number in range(101)]})
    encoding = fitted(frame, cuts=(Cut(name="quarter", column="a", quantiles=(0.25, 0.5, 0.75)),))
    assert [row[1] for row in matrix(encoding, pl.DataFrame({"a": [25.0, 25.5, 50.5, 80.0]}))] == [0, 1, 2, 3]


@pytest.mark.parametrize("quantiles", [(), (0.0,), (1.0,)])
def test_quantile_that_cuts_nothing_is_refused(quantiles: tuple[float, ...]) -> None:
    with pytest.raises(ValidationError, match="quantiles"):
        Cut(name="c", column="a", quantiles=quantiles)


@pytest.mark.parametrize(
    "cut", [Cut(name="c", column="contract"), Cut(name="c", column="q"), Cut(name="c", column="charge", where={"q": "x"})]
)
def test_cut_of_something_that_is_no_number_is_refused(cut: Cut) -> None:
    with pytest.raises(ColumnNotFoundError, match="The cut 'c' has no column"):
        fitted(CUSTOMERS, cuts=(cut,))


def test_kind_that_nothing_reads_is_refused() -> None:
    with pytest.raises(ColumnTypeError, match="'a'"):
        fitted(pl.DataFrame({"a": [[1.0]]}))


def test_column_that_is_not_there_counts_as_missing_in_every_row() -> None:
    frame = pl.DataFrame({"a": [1.0], "city": ["Oslo"], "day": [date(2024, 1, 1)]})
    assert matrix(fitted(frame), pl.DataFrame({"a": [2.0]})) == [[2, None, -1, -1, -1, -1, -1]]


def test_rows_of_pandas_and_of_polars_give_the_same_matrix() -> None:
    frame = pl.DataFrame(
        {
            "a": [1.0, NAN, 3.0],
            "city": ["Oslo", None, "Rome"],
            "month": [1, 2, 1],
            "day": [datetime(2024, 1, 1, 5, tzinfo=UTC), None, datetime(2023, 5, 6, tzinfo=UTC)],
        }
    )
    encoding = fitted(frame, categorical=("month",), cuts=(Cut(name="c", column="a", where={"city": "Rome"}),))
    of_pandas = encoding.matrix_of_pandas(frame.to_pandas(), RULE)
    assert np.array_equal(of_pandas, encoding.matrix(frame, RULE), equal_nan=True)
    objects = pd.DataFrame(
        {"a": [1.0, None, 3.0], "city": ["Oslo", None, "Rome"], "month": [1, 2, 1], "day": frame["day"].to_pandas()}, dtype=object
    )
    objects["day"] = pd.to_datetime(objects["day"], utc=True)
    assert np.array_equal(encoding.matrix_of_pandas(objects, RULE), of_pandas, equal_nan=True)


def test_encoding_survives_as_json() -> None:
    encoding = fitted(CUSTOMERS, one_hot=True, cuts=(RISK,))
    assert Encoding.model_validate_json(encoding.model_dump_json()) == encoding


@pytest.mark.parametrize("algorithm", [XGBoost(n_estimators=20, max_depth=3), GradientBoosting(n_estimators=20, max_depth=3)])
def test_model_learns_from_a_category_and_its_importance_counts_the_feature_once(algorithm: object) -> None:
    generator = np.random.default_rng(3)
    cities = generator.choice(["Oslo", "Rome", "Bern", "Paris"], 500)
    frame = pl.DataFrame({"city": cities, "noise": generator.random(500), "y": np.isin(cities, ["Oslo", "Bern"]).astype(int)})
    table = Table.of(frame, Roles(label="y", features=("city", "noise")))
    rules = ScoringRules(algorithm=algorithm, features=("city", "noise"), cleaning=RULE, label=BinaryLabel(source="y"))
    model = FittedModel.fit(table, rules)
    oslo, rome, unknown = model.scores(pd.DataFrame({"city": ["Oslo", "Rome", "Atlantis"], "noise": [0.5] * 3}))
    assert oslo > 0.6
    assert rome < 0.4
    assert 0 <= unknown <= 1
    assert [*model.importance()] == ["city", "noise"]
