"""How much a single feature tells of a label: the score that a leak cannot hide from.

What belongs here: scores of arrays. What does not: which columns are scored and what follows; that is the leak detector's
(`detector.py`).

A numeric feature is scored twice and the better score counts: by its order, and by the mean of the label in bins, which also
sees what is not monotone. A feature of groups (text) is scored by the mean of the label in each group. Means are always those of
other rows (out of fold), so that many groups or bins earn nothing by themselves.
"""

from math import sqrt
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

BINS = 32
"""Quantile bins of a numeric feature; missing values have one more of their own."""

FOLDS = 5
ACCIDENT = 5.0
"""So many standard errors away from no relation, a score is no accident. Fewer would do for the order of values, but means out of fold
spread wider by the root of two, since rows vouch for each other in pairs (1,500 draws of noise: no score beyond 5)."""

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]


def auc_of_numbers(x: Floats, y: Booleans, seed: int = 0) -> float:
    """Return how well a numeric feature alone tells class 1 from class 0: an area under the ROC curve in [0.5, 1] (0.5: not at all).

    Args:
        x: shape (n_rows,), float64; NaN is a missing value, which ranks below all others and has a bin of its own. ±Inf are values.
        y: shape (n_rows,), bool. Both classes are there, or the result is 0.5.
        seed: seed of the folds.

    Source: Mann and Whitney (1947), U / (n0 n1), for the order; the sign is free, since a model can turn it round.

    >>> auc_of_numbers(np.array([1.0, 2.0, 3.0, 4.0]), np.array([True, True, False, False]))
    1.0
    """
    by_order = _auc(_ranks(np.where(np.isnan(x), -np.inf, x)), y)
    return max(by_order, 1 - by_order, auc_of_groups(bins(x), y, seed))


def auc_of_groups(groups: Integers, y: Booleans, seed: int = 0) -> float:
    """Return the same of a feature of groups, by the share of class 1 in each group among the rows of other folds; in [0.5, 1].

    Args:
        groups: shape (n_rows,), int64, numbered from 0. A group that stands in one fold only has the share of all rows.
        y: shape (n_rows,), bool.
        seed: seed of the folds.

    Groups that tell nothing score below one half where they are small, since what is left out of a mean weighs against it. So the
    sign is not free here: such a score counts as one half.
    """
    return max(0.5, _auc(_ranks(out_of_fold_means(groups, y.astype(np.float64), seed)), y))


def r2_of_numbers(x: Floats, y: Floats, seed: int = 0) -> float:
    """Return the share of the variance of a numeric label that a numeric feature alone explains, in [0, 1].

    The largest of four: the squared correlation, and the R² of the out-of-fold means in bins (the regressogram), each of the values
    and of their ranks. Values, since a leak may show in a few large ones only (late flights); ranks, since a few extreme values may
    hide it. NaN in `x` is a missing value as in `auc_of_numbers`; `y` is finite.

    Source: Pearson (1895); Spearman (1904); Tukey (1961), Curves as parameters, for means in bins.

    >>> round(r2_of_numbers(np.array([1.0, 2.0, 3.0, 4.0]), np.array([2.0, 4.0, 6.0, 8.0])), 9)
    1.0
    """
    ranks = _ranks(np.where(np.isnan(x), -np.inf, x))
    by_value, by_rank = _correlation(_filled(x), y) ** 2, _correlation(ranks, _ranks(y)) ** 2
    return max(by_value, by_rank, r2_of_groups(bins(x), y, seed))


def r2_of_groups(groups: Integers, y: Floats, seed: int = 0) -> float:
    """Return the same of a feature of groups, by the mean label (or mean rank) in each group among the rows of other folds; in [0, 1]."""
    return max(0.0, _explained(groups, y, seed), _explained(groups, _ranks(y), seed))


def auc_by_accident(positives: int, negatives: int) -> float:
    """Return the AUC that a feature without any relation to so many rows of each class does not reach.

    Source: standard error of U without a relation, Mann and Whitney (1947).

    >>> round(auc_by_accident(500, 500), 3), auc_by_accident(3, 100) > 1
    (0.591, True)
    """
    if not positives or not negatives:
        return float("inf")
    return 0.5 + ACCIDENT * sqrt((positives + negatives + 1) / (12 * positives * negatives))


def r2_by_accident(rows: int) -> float:
    """Return the R² that a feature without any relation to so many rows does not reach.

    Source: standard error of Spearman's correlation without a relation, 1 / sqrt(n - 1).

    >>> r2_by_accident(101)
    0.25
    """
    return ACCIDENT**2 / (rows - 1) if rows > 1 else float("inf")


def out_of_fold_means(groups: Integers, y: Floats, seed: int) -> Floats:
    """Return for each row the mean of `y` in its group among the rows of other folds, shape (n_rows,).

    The mean of all rows counts as one more row of each group, and stands alone where no other row is left.

    Source: Micci-Barreca (2001), target statistics shrunk towards the prior.
    """
    folds = np.random.default_rng(seed).permutation(len(y)) % FOLDS
    prior, size = float(y.mean()), int(groups.max()) + 1 if len(groups) else 0
    totals, counts = np.bincount(groups, y, size), np.bincount(groups, minlength=size)
    means = np.empty(len(y))
    for fold in range(FOLDS):
        inside = folds == fold
        inner, rows = groups[inside], y[inside]
        others = totals - np.bincount(inner, rows, size)
        left = counts - np.bincount(inner, minlength=size)
        # Without the correction, what is left of a group that lies in this fold alone would be a rounding error and not 0.
        means[inside] = ((np.where(left > 0, others, 0.0) + prior) / (left + 1))[inner]
    return means


def bins(x: Floats) -> Integers:
    """Number the quantile bins of a numeric feature, shape (n_rows,), int64; 0 is the bin of NaN. A bin includes its upper edge."""
    finite = x[np.isfinite(x)]
    wanted = max(2, min(BINS, len(finite) // 10))
    edges = np.unique(np.quantile(finite, np.arange(1, wanted) / wanted)) if len(finite) else np.empty(0)
    numbered: Integers = np.where(np.isnan(x), 0, 1 + np.searchsorted(edges, x, side="left")).astype(np.int64)
    return numbered


def codes(values: pl.Series) -> Integers:
    """Number the values of a column of text (or anything else that is compared for equality), shape (n_rows,), int64; 0 is null."""
    distinct = values.unique().drop_nulls().sort()
    numbers = pl.DataFrame({"value": distinct, "code": np.arange(1, len(distinct) + 1)})
    coded = pl.DataFrame({"value": values}).join(numbers, on="value", how="left", maintain_order="left")["code"]
    found: Integers = coded.fill_null(0).to_numpy().astype(np.int64)
    return found


def _explained(groups: Integers, y: Floats, seed: int) -> float:
    spread = float(((y - y.mean()) ** 2).sum())
    return 1 - float(((y - out_of_fold_means(groups, y, seed)) ** 2).sum()) / spread if spread else 0.0


def _filled(x: Floats) -> Floats:
    """Infinity becomes the largest finite value, and a missing value the mean, where it weighs nothing."""
    finite = x[np.isfinite(x)]
    if not len(finite):
        return np.zeros(len(x))
    filled: Floats = np.where(np.isnan(x), finite.mean(), np.clip(x, finite.min(), finite.max()))
    return filled


def _auc(ranks: Floats, y: Booleans) -> float:
    positives = int(y.sum())
    negatives = len(y) - positives
    if not positives or not negatives:
        return 0.5
    return float((ranks[y].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def _ranks(values: npt.NDArray[Any]) -> Floats:
    """Ranks from 1, those of equal values averaged."""
    ranks: Floats = pl.Series(values).rank("average").to_numpy()
    return ranks


def _correlation(left: Floats, right: Floats) -> float:
    left, right = left - left.mean(), right - right.mean()
    spread = sqrt(float((left**2).sum()) * float((right**2).sum()))
    return float((left * right).sum()) / spread if spread else 0.0
