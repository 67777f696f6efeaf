"""DeLong's test: whether two areas under the ROC curve, measured on the same rows, differ by more than chance.

The test takes rows as independent of each other; where rows of one day are alike, its p-value is too small.
"""

from math import sqrt
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from stackhouse.report import Report

_Numbers = npt.NDArray[np.float64]


class DeLong(Report):
    """The difference of two areas, the challenger's less the champion's, with its standard error."""

    difference: float
    standard_error: float
    p_value: float
    """Two-sided; 1 where both rank the rows alike."""


def delong(held: npt.NDArray[np.bool_], challenger: _Numbers, champion: _Numbers) -> DeLong | None:
    """Test the scores of two classifiers on the same rows, in the same order.

    None where a class has fewer than two rows, or where the areas differ and their standard error is 0: each then ranks all pairs of
    rows rightly or all wrongly, and nothing is left to estimate an error by.

    Args:
        held: where the row is of class 1, shape (n_rows,).
        challenger: probability of class 1, or any score that is larger for class 1, shape (n_rows,); of equal scores, a pair counts half.
        champion: likewise.

    Source: DeLong, DeLong and Clarke-Pearson, Comparing the areas under two or more correlated receiver operating characteristic
    curves, Biometrics 44 (1988); by midranks after Sun and Xu, Fast implementation of DeLong's algorithm, IEEE Signal Processing
    Letters 21 (2014).
    """
    ones, zeros = int(held.sum()), int((~held).sum())
    if min(ones, zeros) < 2:
        return None
    parts = [_placements(held, scores) for scores in (challenger, champion)]
    above, below = (parts[0][side] - parts[1][side] for side in (0, 1))
    difference = float(parts[0][0].mean() - parts[1][0].mean())
    error = sqrt(float(np.var(above, ddof=1)) / ones + float(np.var(below, ddof=1)) / zeros)
    if error <= _NOTHING:
        return DeLong(difference=0.0, standard_error=0.0, p_value=1.0) if abs(difference) <= _NOTHING else None
    return DeLong(difference=difference, standard_error=error, p_value=2 * NormalDist().cdf(-abs(difference) / error))


_NOTHING = 1e-14
"""Below, a difference is what rounding leaves of equal shares."""


def _placements(held: npt.NDArray[np.bool_], scores: _Numbers) -> tuple[_Numbers, _Numbers]:
    """The share of rows of class 0 that each row of class 1 outranks, and the share of rows of class 1 that outrank each row of class 0."""
    ones, zeros = scores[held], scores[~held]
    ranks = _midranks(scores)
    outranked = (ranks[held] - _midranks(ones)) / len(zeros)
    outranking = 1 - (ranks[~held] - _midranks(zeros)) / len(ones)
    return outranked, outranking


def _midranks(values: _Numbers) -> _Numbers:
    """Rank of each value from 1 on; equal values share the mean of their ranks."""
    _, groups, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[groups], dtype=np.float64)
