"""Columns of a frame as scores: what a label is told by, what two columns have in common, what an entity's own past tells."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from stackhouse.leaks.feature_scores import AUC, R2, agreement, numeric, own_past, targets

NAN = float("nan")


def rows_of(values: list[object], dtype: pl.DataType | type[pl.DataType]) -> pl.DataFrame:
    return pl.DataFrame({"y": pl.Series(values, dtype=dtype)})


@pytest.mark.parametrize(
    ("values", "dtype", "expected"),
    [
        ([0, 1, 1], pl.Int64, [("y", [False, True, True])]),
        ([3, 5, 5], pl.Int64, [("y", [False, True, True])]),
        ([False, True], pl.Boolean, [("y", [False, True])]),
        ([0.0, 1.0, NAN], pl.Float64, [("y", [False, True])]),
        ([0, 2, 1], pl.Int64, [("y 0", [True, False, False]), ("y 1", [False, False, True]), ("y 2", [False, True, False])]),
        ([0, None, 1], pl.Int64, [("y", [False, True])]),
        ([1, 1], pl.Int64, []),
        ([None, None], pl.Int64, []),
        ([1.5, NAN], pl.Float64, []),
    ],
)
def test_classes_are_told_one_by_one(values: list[object], dtype: type[pl.DataType], expected: list[tuple[str, list[bool]]]) -> None:
    found = targets(rows_of(values, dtype), "y")
    assert all(target.measure is AUC for target in found)
    assert [(target.label, target.values.tolist()) for target in found] == expected


def test_floats_are_a_number_of_the_rows_that_have_it() -> None:
    (target,) = targets(rows_of([1.5, None, NAN, 2.5], pl.Float64), "y")
    assert target.measure is R2
    assert target.values.tolist() == [1.5, 2.5]
    assert target.labelled.tolist() == [True, False, False, True]


def test_numbers_booleans_and_times_are_numeric() -> None:
    assert numeric(pl.Series([1, None])).tolist()[0] == 1.0
    assert np.isnan(numeric(pl.Series([1, None]))[1])
    assert numeric(pl.Series([True, False])).tolist() == [1.0, 0.0]
    assert numeric(pl.Series([date(1970, 1, 3)])).tolist() == [2.0]
    assert numeric(pl.Series([datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)], dtype=pl.Datetime("us", "UTC"))).tolist() == [1e6]
    assert numeric(pl.Series(["a"])) is None


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ([1, 2, 3, 4], [1.0, 2.0, 3.0, 4.0], 1.0),
        ([1.0, NAN, 3.0], [1.0, NAN, 3.0], 1.0),
        (["a", None, "c"], ["a", None, "c"], 1.0),
        ([0, 0, 1, 1], [0, 1, 0, 1], 0.0),
        ([0, 0, 0, 1], [0, 0, 1, 1], 0.5),
        ([1, 1], [1, 1], 0.0),
        ([1, 2], ["1", "2"], 0.0),
        (["b", "c"], ["a", "b"], -1 / 3),
    ],
)
def test_agreement_is_kappa(left: list[object], right: list[object], expected: float) -> None:
    assert agreement(pl.Series(left, strict=False), pl.Series(right, strict=False)) == pytest.approx(expected)


def chain(entities: int, days: int, stays: float, seed: int = 1) -> pl.DataFrame:
    """A label of each entity that stays as it was on the day before with some chance, else is drawn anew."""
    generator = np.random.default_rng(seed)
    labels = np.empty((entities, days), dtype=np.int64)
    labels[:, 0] = generator.integers(0, 2, entities)
    for day in range(1, days):
        labels[:, day] = np.where(generator.random(entities) < stays, labels[:, day - 1], 1 - labels[:, day - 1])
    times = [datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=day) for day in range(days)]
    return pl.DataFrame({"k": np.repeat(np.arange(entities), days), "t": times * entities, "y": labels.ravel()})


def test_row_before_tells_what_the_mean_of_the_entity_does_not() -> None:
    rows = chain(entities=4, days=500, stays=0.9)
    (target,) = targets(rows, "y")
    assert own_past(rows, target, ["k"], 0) == pytest.approx(0.9, abs=0.02)


def test_row_before_is_one_of_the_same_entity() -> None:
    rows = pl.DataFrame({"k": np.arange(500) // 2, "y": np.tile([0, 1, 1, 0], 125)})
    (target,) = targets(rows[::2], "y")
    assert own_past(rows[::2], target, ["k"], 0) == pytest.approx(0.5, abs=0.01)


def test_mean_of_the_entity_tells_what_the_row_before_does_not() -> None:
    entity = np.arange(4000) // 40
    late = np.random.default_rng(1).random(4000) < np.where(entity % 2, 0.9, 0.1)
    rows = pl.DataFrame({"k": entity, "y": late.astype(np.int64)})
    (target,) = targets(rows, "y")
    assert own_past(rows, target, ["k"], 0) == pytest.approx(0.9, abs=0.02)
