"""The score of a single feature: equal to scikit-learn's where that has one, high for what tells the label, and only for that."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from stackhouse.leaks.single_feature import (
    auc_by_accident,
    auc_of_groups,
    auc_of_numbers,
    bins,
    codes,
    out_of_fold_means,
    r2_by_accident,
    r2_of_groups,
    r2_of_numbers,
)

ROWS = 2000
NAN, INF = float("nan"), float("inf")


def drawn(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def half_positive(seed: int = 1, rows: int = ROWS) -> np.ndarray:
    return drawn(seed).random(rows) < 0.5


@given(st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=2, max_size=40))
def test_auc_is_that_of_scikit_learn_or_better(rows: list[tuple[int, bool]]) -> None:
    x, y = np.array([row[0] for row in rows], dtype=float), np.array([row[1] for row in rows])
    if len(set(y.tolist())) < 2:
        assert auc_of_numbers(x, y) == 0.5
        return
    expected = roc_auc_score(y, x)
    assert auc_of_numbers(x, y) >= max(expected, 1 - expected) - 1e-12


def test_auc_of_a_monotone_feature_is_that_of_scikit_learn() -> None:
    y = half_positive()
    x = y + drawn(2).normal(size=ROWS)
    assert auc_of_numbers(x, y) == pytest.approx(roc_auc_score(y, x), abs=1e-12)
    assert auc_of_numbers(-x, y) == pytest.approx(roc_auc_score(y, x), abs=1e-12)


@given(st.integers(0, 50))
def test_score_of_noise_stays_below_what_chance_reaches(seed: int) -> None:
    y, generator = half_positive(seed, 400), drawn(seed + 1000)
    assert auc_of_numbers(generator.normal(size=400), y) < auc_by_accident(int(y.sum()), int((~y).sum()))
    assert r2_of_numbers(generator.normal(size=400), generator.normal(size=400)) < r2_by_accident(400)


def test_feature_that_tells_the_label_by_its_distance_from_the_middle_is_seen() -> None:
    y = half_positive()
    x = np.where(y, 3.0, 0.0) * np.where(drawn(2).random(ROWS) < 0.5, 1, -1) + drawn(3).normal(size=ROWS)
    assert roc_auc_score(y, x) == pytest.approx(0.5, abs=0.05)
    assert auc_of_numbers(x, y) > 0.9


def test_feature_that_is_missing_where_the_label_holds_is_seen() -> None:
    y = half_positive()
    x = np.where(y, NAN, drawn(2).normal(size=ROWS))
    assert auc_of_numbers(x, y) == 1.0
    assert r2_of_numbers(x, y.astype(float)) == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("value", [NAN, 0.0, INF, -INF])
def test_constant_feature_tells_nothing(value: float) -> None:
    y, x = half_positive(), np.full(ROWS, value)
    assert auc_of_numbers(x, y) == pytest.approx(0.5, abs=0.01)
    assert r2_of_numbers(x, drawn(2).normal(size=ROWS)) < 0.01


def test_infinity_is_a_value_at_the_end() -> None:
    y = np.array([False] * 50 + [True] * 50)
    assert auc_of_numbers(np.array([0.0] * 50 + [INF] * 50), y) == 1.0
    assert r2_of_numbers(np.array([-INF] * 50 + [INF] * 50), y.astype(float)) > 0.9


@pytest.mark.parametrize("rows_a_group", [1, 2, 3, 5])
def test_many_groups_that_tell_nothing_are_not_flagged(rows_a_group: int) -> None:
    y, groups = half_positive(), np.arange(ROWS) // rows_a_group
    assert auc_of_groups(groups, y) < auc_by_accident(int(y.sum()), int((~y).sum()))
    assert r2_of_groups(groups, drawn(2).normal(size=ROWS)) < r2_by_accident(ROWS)


@pytest.mark.parametrize("rows_a_group", [4, 20, 1000])
def test_groups_of_one_class_each_are_seen(rows_a_group: int) -> None:
    groups = np.arange(ROWS) // rows_a_group
    assert auc_of_groups(groups, groups % 2 == 0) > 0.95


def test_r2_of_a_line_is_the_squared_correlation() -> None:
    x = drawn(1).normal(size=ROWS)
    y = x + drawn(2).normal(size=ROWS)
    assert r2_of_numbers(x, y) == pytest.approx(np.corrcoef(x, y)[0, 1] ** 2, abs=1e-9)


def test_r2_sees_a_relation_that_a_few_extreme_values_would_hide() -> None:
    x = drawn(1).normal(size=ROWS)
    assert np.corrcoef(x, np.exp(6 * x))[0, 1] ** 2 < 0.2
    assert r2_of_numbers(x, np.exp(6 * x)) == pytest.approx(1.0)


def test_r2_of_groups_is_not_hidden_by_extreme_values_either() -> None:
    groups = np.arange(ROWS) % 10
    y = np.exp(8.0 * groups) * np.where(drawn(1).random(ROWS) < 0.5, 1, 1e-3)
    assert r2_of_groups(groups, y) > 0.7


def test_r2_sees_a_relation_that_only_large_values_have() -> None:
    x = np.where(drawn(1).random(ROWS) < 0.1, 100 * drawn(2).random(ROWS), drawn(3).normal(size=ROWS))
    y = np.where(x > 5, x, drawn(4).normal(size=ROWS))
    assert r2_of_numbers(x, y) > 0.95


def test_r2_of_a_constant_label_is_zero() -> None:
    assert r2_of_numbers(np.arange(10.0), np.ones(10)) == 0
    assert r2_of_groups(np.arange(10), np.ones(10)) == 0


def test_mean_of_a_group_leaves_its_own_fold_out() -> None:
    y = np.array([1.0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    alone = out_of_fold_means(np.arange(10), y, seed=0)
    assert alone.tolist() == [0.1] * 10
    together = out_of_fold_means(np.zeros(10, dtype=np.int64), y, seed=0)
    assert together[0] == pytest.approx(0.1 / 9)


def test_means_follow_the_seed() -> None:
    y, groups = half_positive(rows=50).astype(float), np.arange(50) // 5
    assert (out_of_fold_means(groups, y, 1) == out_of_fold_means(groups, y, 1)).all()
    assert (out_of_fold_means(groups, y, 1) != out_of_fold_means(groups, y, 2)).any()


def test_bins_hold_equal_shares_and_missing_values_apart() -> None:
    numbered = bins(np.append(np.arange(320.0), [NAN, INF, -INF]))
    assert numbered[-3:].tolist() == [0, 32, 1]
    assert np.bincount(numbered[:320])[1:].tolist() == [10] * 32


def test_few_values_make_few_bins() -> None:
    first, second, *others = bins(np.array([0.0, 1.0] * 20)).tolist()
    assert 0 < first < second
    assert others == [first, second] * 19
    assert bins(np.full(3, NAN)).tolist() == [0, 0, 0]


def test_codes_number_distinct_values_and_null() -> None:
    assert codes(pl.Series(["b", None, "a", "b", ""])).tolist() == [3, 0, 2, 3, 1]


@pytest.mark.parametrize(("positives", "negatives", "rows"), [(0, 5, 0), (5, 0, 1)])
def test_nothing_can_be_told_of_one_class_or_row(positives: int, negatives: int, rows: int) -> None:
    assert auc_by_accident(positives, negatives) == INF
    assert r2_by_accident(rows) == INF
