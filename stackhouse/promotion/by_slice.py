"""Differences by slice: where among the test rows a challenger is better or worse than the champion.

The rules are those of `stackhouse.evaluation.slices`: what becomes a slice, which has rows and days enough to be judged, and that the
intervals hold for all judged slices together (Bonferroni).
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import polars as pl

from stackhouse.evaluation.intervals import Days, Interval, Resampling
from stackhouse.evaluation.predicted import Predicted
from stackhouse.evaluation.slices import can_be_judged, parts_of
from stackhouse.promotion.paired import improvement, improvements, paired_interval
from stackhouse.promotion.rule import PromotionRule
from stackhouse.report import Report

_Positions = npt.NDArray[np.int64]


class SliceDifference(Report):
    """The rows of one value (or one quarter of the values) of a column, and what both models reach on them."""

    column: str
    value: str
    rows: int
    challenger: float | None = None
    """None where these rows leave the metric undefined; so for the champion and the improvement."""
    champion: float | None = None
    improvement: float | None = None
    """How much better the challenger is, in the metric's unit; negative where it is worse."""
    judged: bool = False
    interval: Interval | None = None
    """Of the improvement; None where the slice is not judged, or the metric is undefined there."""

    @property
    def worse(self) -> bool:
        """Whether the challenger is worse by more than chance."""
        return self.interval is not None and self.interval.high < 0

    @property
    def better(self) -> bool:
        """Whether the challenger is better by more than chance."""
        return self.interval is not None and self.interval.low > 0


def differences_by_slice(
    challenger: Predicted, champion: Predicted, columns: Mapping[str, pl.Series], days: Days | None, rule: PromotionRule
) -> tuple[SliceDifference, ...]:
    """Compare both models on every slice of every column, in the order of the columns; within one, by value.

    Args:
        challenger: what the one model says of the rows.
        champion: what the other says of the same rows, in the same order.
        columns: what the rows are sliced by, each of shape (n_rows,); missing values are a slice of their own.
        days: the day of each row, where whole days are drawn.
        rule: metric, least rows of a slice, and how intervals are drawn.
    """
    parts = [(column, value, rows) for column, values in columns.items() for value, rows in parts_of(values)]
    judged = sum(can_be_judged(rows, days, rule.min_slice_rows) for *_, rows in parts)
    found = []
    for column, value, rows in parts:
        both = challenger.take(rows), champion.take(rows)
        ours, theirs = (model.metrics.get(rule.metric) for model in both)
        told = SliceDifference(column=column, value=value, rows=len(rows), challenger=ours, champion=theirs)
        if ours is not None and theirs is not None:
            enough, gained = can_be_judged(rows, days, rule.min_slice_rows), improvement(rule.metric, ours, theirs)
            bounds = _interval(*both, gained, None if days is None else days[rows], rule, judged) if enough else None
            told = told.model_copy(update={"improvement": gained, "judged": enough, "interval": bounds})
        found.append(told)
    return tuple(found)


def _interval(
    challenger: Predicted, champion: Predicted, gained: float, days: _Positions | None, rule: PromotionRule, judged: int
) -> Interval | None:
    units = challenger.rows if days is None else len(np.unique(days))
    confidence = 1 - (1 - rule.confidence) / judged
    how = Resampling(drawn="rows" if days is None else "days", units=units, resamples=rule.resamples, confidence=confidence)
    return paired_interval(gained, improvements(challenger, champion, rule.metric, how, days, rule.seed), how)
