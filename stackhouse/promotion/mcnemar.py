"""McNemar's test: of the rows that one of two classifiers alone answers rightly, are as many the challenger's as the champion's?

Rows that both answer rightly, or both wrongly, tell nothing of the difference. The test takes rows as independent of each other; where
rows of one day are alike, its p-value is too small.
"""

from math import exp, lgamma, log

import numpy as np
import numpy.typing as npt

from stackhouse.report import Report

_Mask = npt.NDArray[np.bool_]


class McNemar(Report):
    """Rows on which the two disagree, and how likely so uneven a division is where both are equally often right."""

    only_challenger: int
    """Rows that the challenger alone answers rightly."""
    only_champion: int
    p_value: float
    """Two-sided, exact; 1 where they never disagree."""


def mcnemar(challenger: _Mask, champion: _Mask) -> McNemar:
    """Test two classifiers by where each answers rightly, both of shape (n_rows,), in the same order.

    Exact: half of the disagreements are each one's by chance, a binomial distribution.

    >>> round(mcnemar(np.array([True] * 6 + [False]), np.array([False] * 6 + [True])).p_value, 6)
    0.125

    Source: McNemar, Note on the sampling error of the difference between correlated proportions, Psychometrika 12 (1947); the exact
    form is the sign test.
    """
    ours, theirs = int(np.sum(challenger & ~champion)), int(np.sum(champion & ~challenger))
    return McNemar(only_challenger=ours, only_champion=theirs, p_value=_two_sided(min(ours, theirs), ours + theirs))


def _two_sided(fewer: int, of: int) -> float:
    """Twice the chance of at most so few heads among fair coins, 1 at most; each term is made of the one after it."""
    if 2 * fewer >= of:
        return 1.0
    largest = lgamma(of + 1) - lgamma(fewer + 1) - lgamma(of - fewer + 1) - of * log(2)
    heads = np.arange(fewer, 0, -1, dtype=np.float64)
    terms = 1 + float(np.cumprod(heads / (of - heads + 1)).sum())
    return min(1.0, 2 * exp(largest) * terms)
