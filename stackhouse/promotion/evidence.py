"""Evidence: whether a challenger is better than a champion on the same rows, by how much, and how surely.

The interval of the improvement decides. McNemar's and DeLong's tests stand beside it; both take rows as independent of each other, and
the interval draws whole days where rows of one day may be alike.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import polars as pl

from stackhouse.evaluation.intervals import Days, Interval, Resampling, resampling
from stackhouse.evaluation.predicted import Predicted
from stackhouse.promotion.by_slice import SliceDifference, differences_by_slice
from stackhouse.promotion.delong import DeLong, delong
from stackhouse.promotion.mcnemar import McNemar, mcnemar
from stackhouse.promotion.paired import improvement, improvements, paired_interval
from stackhouse.promotion.rule import PromotionRule
from stackhouse.report import Report


class Evidence(Report):
    """Both models on the same rows. An improvement above 0 says that the challenger is better, whatever the metric's direction."""

    metric: str
    rows: int
    challenger: float
    champion: float
    improvement: float
    """In the metric's unit."""
    interval: Interval | None
    """Of the improvement; None where so many resamples leave the metric undefined that there is none."""
    resampling: Resampling
    min_effect: float
    mcnemar: McNemar | None = None
    """Of the answers of classifiers, and of detectors whose anomalies are known; None for numbers."""
    delong: DeLong | None = None
    """Where the metric is the roc_auc of a binary classifier."""
    slices: tuple[SliceDifference, ...] = ()

    @property
    def convincing(self) -> bool:
        """Whether the whole interval lies above the least improvement that is asked for."""
        return self.interval is not None and self.interval.low > self.min_effect

    @property
    def bounds(self) -> str:
        """The interval in words.

        >>> how = Resampling(drawn="rows", units=9, resamples=500, confidence=0.95)
        >>> told = Evidence(metric="f1", rows=9, challenger=0.6, champion=0.5, improvement=0.1, interval=Interval(low=-0.02, high=0.2),
        ...                 resampling=how, min_effect=0)
        >>> told.bounds
        '95% interval -0.0200 to +0.2000'
        """
        if self.interval is None:
            return "no interval, since too many resamples leave the metric undefined"
        return f"{100 * self.resampling.confidence:g}% interval {self.interval.low:+.4f} to {self.interval.high:+.4f}"

    @property
    def verdict(self) -> str:
        """How the challenger stands to the champion, in words that follow "the challenger is"."""
        if self.improvement == 0:
            return "equal"
        if self.improvement < 0:
            return "worse" if self.interval and self.interval.high < 0 else "worse, which may be chance"
        if self.convincing:
            return "better"
        if self.interval and self.interval.low > 0:
            return f"better, and not surely by more than {self.min_effect:g}"
        return "better, which may be chance"


def gather(
    challenger: Predicted, champion: Predicted, columns: Mapping[str, pl.Series], days: Days | None, rule: PromotionRule
) -> Evidence | None:
    """Compare two models on the same rows; None where these leave the metric undefined.

    Args:
        challenger: what the one model says of the rows.
        champion: what the other says of the same rows, in the same order.
        columns: what the rows are sliced by, each of shape (n_rows,).
        days: the day of each row, shape (n_rows,); None where rows have no time.
        rule: metric, least improvement, and how intervals are drawn.
    """
    metric = rule.metric
    ours, theirs = (model.metrics.get(metric) for model in (challenger, champion))
    if ours is None or theirs is None:
        return None
    how = resampling(challenger.rows, days, rule.resamples, rule.confidence)
    drawn_days, gained = days if how.drawn == "days" else None, improvement(metric, ours, theirs)
    return Evidence(
        metric=metric,
        rows=challenger.rows,
        challenger=ours,
        champion=theirs,
        improvement=gained,
        interval=paired_interval(gained, improvements(challenger, champion, metric, how, drawn_days, rule.seed), how),
        resampling=how,
        min_effect=rule.min_effect,
        mcnemar=_answers(challenger, champion),
        delong=_areas(challenger, champion) if metric == "roc_auc" else None,
        slices=differences_by_slice(challenger, champion, columns, drawn_days, rule),
    )


def _answers(challenger: Predicted, champion: Predicted) -> McNemar | None:
    ours, theirs = (_right(model) for model in (challenger, champion))
    return None if ours is None or theirs is None else mcnemar(ours, theirs)


def _right(model: Predicted) -> npt.NDArray[np.bool_] | None:
    """Where all of a row is answered rightly, shape (n_rows,); None for numbers."""
    match model.task.name:
        case "regression":
            return None
        case "anomaly_detection":
            return np.asarray(model.known == (model.answers < 0))
        case "multilabel_classification":
            return np.asarray((model.y == model.answers).all(axis=1))
        case _:
            return np.asarray(model.y == model.answers)


def _areas(challenger: Predicted, champion: Predicted) -> DeLong | None:
    binary = challenger.task.name == "binary_classification"
    return delong(challenger.known, challenger.scores, champion.scores) if binary else None
