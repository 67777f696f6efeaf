"""Improvement of a challenger over a champion, and its interval by a paired bootstrap: both are measured on the same resamples.

What is hard for both models is in both values and cancels in the difference, so that its interval is much narrower than either
model's own. Whole days are drawn where rows cover enough of them, as `stackhouse.evaluation.intervals` says.

The interval is the improvement ± as many standard errors as Student's t asks for, and the standard error is the spread of the
resamples. Where two models are equally good their difference is as often above 0 as below, so a symmetric interval suits it; simulated
challengers that are no better came out above 0 as often as the confidence says, which ends taken from the percentiles of few hundred
resamples exceeded.

Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 12; that resamples spread too little by the root of
(n - 1) / n, Hesterberg, What Teachers Should Know About the Bootstrap, The American Statistician 69 (2015).
"""

from math import sqrt
from statistics import NormalDist

import numpy as np

from stackhouse.evaluation.intervals import Days, Interval, Resampling, defined_values, resample_together
from stackhouse.evaluation.metrics import lower_is_better
from stackhouse.evaluation.predicted import Predicted
from stackhouse.evaluation.weighted_metrics import Values


def improvement(metric: str, challenger: float, champion: float) -> float:
    """Return by how much the challenger is better, in the metric's unit; negative where it is worse.

    >>> improvement("rmse", 19.5, 20.0), improvement("accuracy", 0.75, 1.0)
    (0.5, -0.25)
    """
    return champion - challenger if lower_is_better(metric) else challenger - champion


def improvements(challenger: Predicted, champion: Predicted, metric: str, how: Resampling, days: Days | None, seed: int) -> Values:
    """Return the improvement of each resample, shape (n_resamples,); NaN where its rows leave the metric undefined.

    Args:
        challenger: what the one model says of the rows.
        champion: what the other says of the same rows, in the same order.
        metric: canonical name of a metric by which the task compares models.
        how: what is drawn, and how often.
        days: the day of each row, shape (n_rows,); needed where days are drawn.
        seed: seed of the draws.
    """
    ours, theirs = (found[metric] for found in resample_together((champion, challenger), (metric,), how, days, seed)[::-1])
    return theirs - ours if lower_is_better(metric) else ours - theirs


def paired_interval(gained: float, values: Values, how: Resampling) -> Interval | None:
    """Return the two-sided interval of an improvement; None where too many resamples leave it undefined, or one unit alone was drawn.

    Args:
        gained: the improvement on all rows.
        values: that of each resample, shape (n_resamples,).
        how: how many units (rows or days) were drawn from, and the confidence.

    >>> how = Resampling(drawn="rows", units=10, resamples=3, confidence=0.95)
    >>> found = paired_interval(0.5, np.array([0.4, 0.5, 0.6]), how)
    >>> round(found.low, 3), round(found.high, 3)
    (0.262, 0.738)
    """
    defined = defined_values(values)
    if defined is None or how.units < 2:
        return None
    error = float(np.std(defined, ddof=1)) * sqrt(how.units / (how.units - 1))
    reach = student((1 + how.confidence) / 2, how.units - 1) * error
    return Interval(low=gained - reach, high=gained + reach)


def student(probability: float, freedom: int) -> float:
    """Return the quantile of Student's t, off by less than 0.01 from 5 degrees of freedom on, at probabilities to 0.975.

    >>> round(student(0.975, 9), 2), round(student(0.975, 1_000_000), 2)
    (2.26, 1.96)

    Source: Abramowitz and Stegun, Handbook of Mathematical Functions (1964), 26.7.5.
    """
    z = NormalDist().inv_cdf(probability)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return float(z + sum(term / freedom**power for power, term in enumerate(terms, start=1)))
