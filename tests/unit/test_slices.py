"""Slices: the one that was made worse is found, an honest model has none, and too few rows are not judged."""

from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest

from stackhouse.evaluation.predicted import Predicted
from stackhouse.evaluation.slices import MAX_VALUES, Slice, SliceRule, parts_of, slices
from stackhouse.tasks import TASKS

BINARY, REGRESSION = TASKS["binary_classification"], TASKS["regression"]
CARRIERS = tuple("ABCDEFGH")


def rule(metric: str = "roc_auc", min_rows: int = 100, seed: int = 1) -> SliceRule:
    return SliceRule(metric=metric, min_rows=min_rows, resamples=300, confidence=0.95, seed=seed)


def flights(seed: int, worse: str = "", rows: int = 4000) -> tuple[Predicted, pl.Series]:
    """Scores that lie apart by class, but for the carrier that was made worse, of which they tell nothing."""
    generator = np.random.default_rng(seed)
    carrier = generator.choice(CARRIERS, rows)
    y = generator.integers(0, 2, rows)
    apart = np.where(carrier == worse, 0.0, 1.0)
    score = 1 / (1 + np.exp(-generator.normal(y * apart, 1)))
    return Predicted(BINARY, y, score, BINARY.answer(score, 0.5), ("y",)), pl.Series("carrier", carrier)


def worse_of(found: tuple[Slice, ...]) -> list[str]:
    return [f"{part.column} {part.value}" for part in found if part.worse]


@pytest.mark.parametrize("seed", range(5))
def test_slice_that_was_made_worse_is_found_and_no_other(seed: int) -> None:
    rows, carrier = flights(seed, worse="C")
    assert worse_of(slices(rows, {"carrier": carrier}, None, rule())) == ["carrier C"]


def test_model_that_serves_all_alike_has_a_worse_slice_as_seldom_as_the_confidence_says() -> None:
    generator, times, wrong = np.random.default_rng(8), 50, 0
    for seed in range(times):
        y, carrier = generator.normal(size=1000), pl.Series(generator.choice(CARRIERS[:5], 1000))
        rows = Predicted(REGRESSION, y, np.zeros(1000), np.zeros(1000), ("y",))
        wrong += bool(worse_of(slices(rows, {"carrier": carrier}, None, rule("rmse", seed=seed))))
    assert wrong / times <= 0.06


def test_column_that_tells_the_label_itself_makes_none_of_its_slices_worse() -> None:
    generator = np.random.default_rng(6)
    place = generator.integers(0, 4, 4000)
    y = (generator.random(4000) < 0.1 + 0.25 * place).astype(int)
    score = 1 / (1 + np.exp(-(place - 1.5 + generator.normal(y * 0.5, 1))))
    rows = Predicted(BINARY, y, score, BINARY.answer(score, 0.5), ("y",))
    found = slices(rows, {"place": pl.Series(place)}, None, rule())
    assert all(part.interval.high < rows.metrics["roc_auc"] for part in found)
    assert worse_of(found) == []


def test_slices_of_another_column_make_no_slice_look_better() -> None:
    generator = np.random.default_rng(6)
    place, half = generator.integers(0, 4, 8000), np.arange(8000) % 2
    y = (generator.random(8000) < 0.05 + 0.3 * place).astype(int)
    score = 1 / (1 + np.exp(-(2 * place - 3 + generator.normal(0, np.where(half == 1, 4.0, 1.0)))))
    rows = Predicted(BINARY, y, score, BINARY.answer(score, 0.5), ("y",))
    found = slices(rows, {"half": pl.Series(half), "place": pl.Series(place), "again": pl.Series(place)}, None, rule())
    assert worse_of(found) == ["half 1"]


def test_slice_with_the_larger_error_is_the_worse_one() -> None:
    generator = np.random.default_rng(1)
    place = np.repeat(["near", "far"], 500)
    y = generator.normal(0, np.where(place == "far", 2.0, 1.0))
    rows = Predicted(REGRESSION, y, np.zeros(1000), np.zeros(1000), ("y",))
    found = slices(rows, {"place": pl.Series(place)}, None, rule("rmse"))
    assert worse_of(found) == ["place far"]
    assert [part.value for part in found] == ["far", "near"]


def test_slice_has_the_metrics_of_its_rows() -> None:
    rows, carrier = flights(1)
    found = {part.value: part for part in slices(rows, {"carrier": carrier}, None, rule())}
    for value, part in found.items():
        own = rows.take(np.flatnonzero(carrier.to_numpy() == value))
        assert (part.rows, part.metrics) == (own.rows, own.metrics)
        assert part.interval.low < part.metrics["roc_auc"] < part.interval.high
    assert sum(part.rows for part in found.values()) == rows.rows


@pytest.mark.parametrize(("rows_of_c", "judged"), [(99, False), (100, True)])
def test_slice_below_the_least_rows_is_measured_and_not_judged(rows_of_c: int, judged: bool) -> None:
    rows, _ = flights(1, rows=2000)
    turned = Predicted(BINARY, rows.y, 1 - rows.scores, rows.answers, rows.labels)
    mixed = np.where(np.arange(2000) < rows_of_c, turned.scores, rows.scores)
    place = pl.Series(np.where(np.arange(2000) < rows_of_c, "C", "other"))
    found = slices(Predicted(BINARY, rows.y, mixed, rows.answers, rows.labels), {"place": place}, None, rule())
    assert [(part.value, part.rows, part.judged, part.worse) for part in found] == [
        ("C", rows_of_c, judged, judged),
        ("other", 2000 - rows_of_c, True, False),
    ]
    assert (found[0].interval is not None) is judged
    assert "roc_auc" in found[0].metrics


def test_slice_of_one_class_has_no_area_and_no_interval() -> None:
    rows, _ = flights(1, rows=1000)
    found = slices(rows, {"y": pl.Series(rows.y)}, None, rule())
    assert [(part.value, part.judged, part.interval, part.worse) for part in found] == [("0", True, None, False), ("1", True, None, False)]


def test_more_slices_ask_for_wider_intervals() -> None:
    rows, carrier = flights(1)
    alone = slices(rows, {"carrier": carrier}, None, rule())
    more = slices(rows, {"carrier": carrier, "again": carrier, "and_again": carrier}, None, rule())
    widths = [found[0].interval.high - found[0].interval.low for found in (alone, more)]
    assert widths[0] < widths[1]


def test_slices_of_rows_with_days_are_judged_by_whole_days() -> None:
    generator = np.random.default_rng(2)
    day = np.repeat(np.arange(60), 20)
    error = generator.normal(0, 1, 60)[day] + generator.normal(0, 0.5, 1200)
    rows = Predicted(REGRESSION, error, np.zeros(1200), np.zeros(1200), ("y",))
    half = pl.Series(np.where(np.arange(1200) % 2 == 0, "even", "odd"))
    by_day, by_row = (slices(rows, {"half": half}, days, rule("rmse"))[0].interval for days in (day, None))
    assert by_day.high - by_day.low > 1.5 * (by_row.high - by_row.low)


@pytest.mark.parametrize(("days_of_it", "judged"), [(9, False), (10, True)])
def test_slice_of_few_days_is_not_judged_where_days_are_drawn(days_of_it: int, judged: bool) -> None:
    rows, _ = flights(3, rows=2000)
    day = np.arange(2000) % 40
    place = pl.Series(np.where(day < days_of_it, "weekend", "week"))
    found = {part.value: part for part in slices(rows, {"place": place}, day, rule())}
    assert (found["weekend"].judged, found["weekend"].interval is not None) == (judged, judged)
    assert found["week"].judged
    assert all(part.judged for part in slices(rows, {"place": place}, None, rule()))


def parts(values: pl.Series) -> dict[str, list[int]]:
    return {value: rows.tolist() for value, rows in parts_of(values)}


def test_texts_are_sliced_by_value_and_missing_ones_apart() -> None:
    assert parts(pl.Series(["JFK", None, "EWR", "JFK"])) == {"EWR": [2], "JFK": [0, 3], "missing": [1]}


def test_numbers_are_cut_at_their_quartiles() -> None:
    assert parts(pl.Series([7.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 0.5])) == {
        "0.5 to below 2": [1, 7],
        "2 to below 4": [2, 3],
        "4 to below 6": [4, 5],
        "6 to 7": [0, 6],
    }


def test_numbers_of_which_most_are_equal_have_fewer_parts() -> None:
    assert parts(pl.Series([0, 0, 0, 0, 0, 1, 2, 3, 4])) == {"0 to below 2": [0, 1, 2, 3, 4, 5], "2 to 4": [6, 7, 8]}


def test_few_numbers_and_booleans_are_values_of_their_own() -> None:
    assert parts(pl.Series([3, 1, 3])) == {"1": [1], "3": [0, 2]}
    assert parts(pl.Series([True, False, None])) == {"False": [1], "True": [0], "missing": [2]}


def test_nan_is_missing() -> None:
    assert parts(pl.Series([1.0, float("nan"), 1.0])) == {"1": [0, 2], "missing": [1]}


def test_times_are_cut_at_their_quartiles() -> None:
    times = pl.Series([datetime(2026, 1, day, tzinfo=UTC) for day in range(1, 9)])
    found = parts(times)
    assert list(found.values()) == [[0, 1], [2, 3], [4, 5], [6, 7]]
    assert next(iter(found)) == "2026-01-01 00:00:00+00:00 to below 2026-01-03 00:00:00+00:00"


def test_values_beyond_the_most_frequent_ones_are_one_slice() -> None:
    names = [f"N{number:03}" for number in range(MAX_VALUES + 3)]
    found = parts(pl.Series([*names, *names[:MAX_VALUES]]))
    assert len(found) == MAX_VALUES + 1
    assert found["3 further values"] == [MAX_VALUES, MAX_VALUES + 1, MAX_VALUES + 2]


@pytest.mark.parametrize("values", [pl.Series([None, None], dtype=pl.String), pl.Series([None, None], dtype=pl.Float64)])
def test_column_without_a_value_is_missing_everywhere(values: pl.Series) -> None:
    assert parts(values) == {"missing": [0, 1]}
