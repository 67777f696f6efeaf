"""Intervals: within which bounds a metric lies, given that other test rows might have been drawn. Percentile bootstrap.

Test rows of one day share its weather, so that they tell less than as many rows of different days. Where the rows have a time and
cover enough days, whole days are drawn; otherwise rows. scipy's `bootstrap` draws rows alone, and calls a function for each resample;
here rows (or days) are drawn as counts, and all resamples are measured at once (`weighted_metrics.py`).

Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13; of whole groups, Davison and Hinkley, Bootstrap
Methods and their Application (1997), section 3.8.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from math import sqrt
from statistics import NormalDist
from typing import Literal

import numpy as np
import numpy.typing as npt

from stackhouse.evaluation.metrics import describe_metric
from stackhouse.evaluation.predicted import Predicted
from stackhouse.evaluation.weighted_metrics import Counts, Values, measure_resamples
from stackhouse.report import Report

MIN_DAYS = 30
"""Days below which rows are drawn instead: a bootstrap of few groups gives too narrow an interval."""

MAX_ROWS = 50_000
"""Rows that are drawn from; of more rows, so many stand for all."""

MAX_UNDEFINED = 0.05
"""Share of the resamples that may leave a metric undefined, above which it has no interval."""

_CELLS = 200_000
"""Counts that are held at once: 1.6 MB, which a processor's cache holds."""

Days = npt.NDArray[np.int64]
"""The day of each row as a number, shape (n_rows,): 0 to the number of days - 1."""


class Interval(Report):
    """Bounds of a metric, in its unit; both ends are inside."""

    low: float
    high: float


class Resampling(Report):
    """How intervals were computed: what was drawn, of how many, how often, and how many of such intervals hold the true value."""

    drawn: Literal["rows", "days"]
    units: int
    resamples: int
    confidence: float


def resampling(rows: int, days: Days | None, resamples: int, confidence: float) -> Resampling:
    """Say how so many rows are resampled: by whole days where they cover MIN_DAYS at least.

    >>> resampling(60, np.arange(60) // 2, 500, 0.95).drawn, resampling(60, np.arange(60) // 3, 500, 0.95).drawn
    ('days', 'rows')
    """
    found = 0 if days is None else len(np.unique(days))
    if found >= MIN_DAYS:
        return Resampling(drawn="days", units=found, resamples=resamples, confidence=confidence)
    return Resampling(drawn="rows", units=rows, resamples=resamples, confidence=confidence)


def intervals(predicted: Predicted, found: Mapping[str, float], how: Resampling, days: Days | None, seed: int) -> dict[str, Interval]:
    """Compute an interval for every metric of `found` by which models are compared.

    A metric that more than MAX_UNDEFINED of the resamples leave undefined has none.

    Args:
        predicted: all rows that were judged.
        found: their metrics.
        how: what is drawn, and how often.
        days: the day of each row; needed where days are drawn.
        seed: seed of the draws.
    """
    wanted = [name for name in found if (meaning := describe_metric(name)) and meaning.comparable]
    beyond, bounds = (1 - how.confidence) / 2, {}
    for name, values in resample(predicted, wanted, how, days, seed).items():
        defined = defined_values(values)
        if defined is not None:
            low, high = np.quantile(defined, (beyond, 1 - beyond))
            bounds[name] = Interval(low=float(low), high=float(high))
    return bounds


def resample(predicted: Predicted, wanted: Collection[str], how: Resampling, days: Days | None, seed: int) -> dict[str, Values]:
    """Compute the wanted metrics of each resample, shape (n_resamples,), NaN where undefined.

    Of more than MAX_ROWS rows so many are taken once, and the resamples are of these. Where rows are drawn, the distances from the
    metric of the rows taken shrink by the root of their share, as those of all rows would; where days are drawn they stay, which is a
    little too wide.

    Source: Politis, Romano and Wolf, Subsampling (1999), chapter 2, for metrics whose error falls with the root of the rows.
    """
    return resample_together((predicted,), wanted, how, days, seed)[0]


def resample_together(
    models: Sequence[Predicted], wanted: Collection[str], how: Resampling, days: Days | None, seed: int
) -> tuple[dict[str, Values], ...]:
    """Do as `resample` for several models of the same rows, in the same order, and measure all of them on the same resamples."""
    generator, first = np.random.default_rng(seed), models[0]
    order = np.argsort(-first.scores, kind="stable") if first.scores.ndim == 1 else np.arange(first.rows)
    models, days = [model.take(order) for model in models], None if days is None else days[order]
    if first.rows <= MAX_ROWS:
        return _resample_all(models, wanted, how, days, generator)
    taken = np.sort(generator.choice(first.rows, MAX_ROWS, replace=False))
    parts = [model.take(taken) for model in models]
    drawn = _resample_all(parts, wanted, how, None if days is None else days[taken], generator)
    share = 1.0 if how.drawn == "days" else sqrt(MAX_ROWS / first.rows)
    return tuple(_around_all(*one, share) for one in zip(models, parts, drawn, strict=True))


def normal_interval(value: float, values: Values, confidence: float) -> Interval | None:
    """Return a metric ± as many standard errors as the confidence asks for; the standard error is the spread of its resamples.

    Reaches far into the tails, where 500 resamples have too few values for a percentile. None where too many are undefined.
    """
    defined = defined_values(values)
    if defined is None:
        return None
    reach = NormalDist().inv_cdf((1 + confidence) / 2) * float(np.std(defined, ddof=1))
    return Interval(low=value - reach, high=value + reach)


def defined_values(values: Values) -> Values | None:
    """Return the values of the resamples that have the metric; None where more than MAX_UNDEFINED of them leave it undefined."""
    kept = values[np.isfinite(values)]
    return kept if len(kept) >= (1 - MAX_UNDEFINED) * len(values) else None


def _around_all(model: Predicted, part: Predicted, drawn: Mapping[str, Values], share: float) -> dict[str, Values]:
    """Move resamples of a part of the rows to where those of all rows lie; their distances from the metric shrink to the share."""
    of_all, of_part = (measure_resamples(rows, np.ones((1, rows.rows)), drawn) for rows in (model, part))
    return {name: of_all[name] + share * (values - of_part[name]) for name, values in drawn.items()}


def _resample_all(
    models: Sequence[Predicted], wanted: Collection[str], how: Resampling, days: Days | None, generator: np.random.Generator
) -> tuple[dict[str, Values], ...]:
    groups = np.unique(days, return_inverse=True)[1] if how.drawn == "days" and days is not None else np.arange(models[0].rows)
    parts = [[measure_resamples(model, counts, wanted) for model in models] for counts in _draw(groups, how.resamples, generator)]
    return tuple({name: np.concatenate([part[name] for part in found]) for name in found[0]} for found in zip(*parts, strict=True))


def _draw(groups: Days, resamples: int, generator: np.random.Generator) -> Iterator[Counts]:
    """Draw as many groups as there are, with replacement, and count; some resamples at a time, so that memory stays small."""
    units, at_once = int(groups.max()) + 1, max(1, _CELLS // len(groups))
    for start in range(0, resamples, at_once):
        number = min(at_once, resamples - start)
        places = generator.integers(0, units, (number, units)) + units * np.arange(number)[:, None]
        counts = np.bincount(places.ravel(), minlength=number * units).reshape(number, units).astype(np.float64)
        yield counts if units == len(groups) else counts[:, groups]
