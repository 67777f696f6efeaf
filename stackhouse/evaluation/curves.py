"""Curves of a binary classifier: ROC and precision-recall, thinned so that a page can draw them."""

from typing import Any

import numpy as np
import numpy.typing as npt

from stackhouse.report import Report


class Curves(Report):
    """Points of the curves, from the strictest to the loosest decision threshold."""

    false_positive_rate: tuple[float, ...]
    true_positive_rate: tuple[float, ...]
    recall: tuple[float, ...]
    precision: tuple[float, ...]


def curves(y: npt.NDArray[np.int64], probability: npt.NDArray[np.float64], points: int = 200) -> Curves:
    """Compute the ROC and precision-recall curves, thinned to at most `points` points each; both arguments have shape (n_rows,).

    A curve that one class alone leaves undefined has no points.
    """
    from sklearn import metrics

    fpr, tpr, recall, precision = (np.empty(0),) * 4
    if len(np.unique(y)) > 1:
        fpr, tpr, _ = metrics.roc_curve(y, probability)
        precision, recall, _ = metrics.precision_recall_curve(y, probability)
        precision, recall = precision[::-1], recall[::-1]
    return Curves(
        false_positive_rate=_thinned(fpr, points),
        true_positive_rate=_thinned(tpr, points),
        recall=_thinned(recall, points),
        precision=_thinned(precision, points),
    )


def _thinned(values: npt.NDArray[Any], points: int) -> tuple[float, ...]:
    if not len(values):
        return ()
    positions = np.unique(np.linspace(0, len(values) - 1, points).astype(int))
    return tuple(float(value) for value in values[positions])
