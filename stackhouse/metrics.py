"""Metrics of a binary classifier under their canonical names, and the curves behind them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from stackhouse.report import Report

NAMES = ("accuracy", "precision", "recall", "f1", "roc_auc", "pr_auc", "log_loss", "positive_class_ratio")
"""Canonical names. All lie in [0, 1] but log_loss, which is >= 0 and better when smaller."""

COMPARABLE = tuple(name for name in NAMES if name != "positive_class_ratio")
"""Metrics that tell models apart; the share of class 1 is the same for every model on the same rows."""

LOWER_IS_BETTER = frozenset({"log_loss"})

GUIDE_SPELLINGS = {"auc_roc": "roc_auc", "auc": "roc_auc", "auc_pr": "pr_auc", "f1_score": "f1"}
"""Spellings of the training guides, by canonical name."""


class Curves(Report):
    """Points of the curves, from the strictest to the loosest decision threshold, and the confusion matrix."""

    false_positive_rate: tuple[float, ...]
    true_positive_rate: tuple[float, ...]
    recall: tuple[float, ...]
    precision: tuple[float, ...]
    confusion: tuple[tuple[int, int], tuple[int, int]]
    """Rows are true classes 0 and 1, columns predicted classes 0 and 1."""


def canonical(name: str) -> str:
    """Translate a guide's spelling of a metric.

    >>> canonical("test_auc_roc")
    'roc_auc'
    """
    bare = name.removeprefix("test_")
    return GUIDE_SPELLINGS.get(bare, bare)


def require_comparable(name: str) -> str:
    """Return the canonical name of a metric by which models can be compared.

    Raises:
        ValueError: where there is no such metric, or where it is the same for every model.
    """
    if (known := canonical(name)) not in COMPARABLE:
        raise ValueError(f"unknown metric '{name}'; known are {list(COMPARABLE)}")
    return known


def score(y: npt.NDArray[np.int64], probability: npt.NDArray[np.float64], predicted: npt.NDArray[np.int64]) -> dict[str, float]:
    """Compute every metric of `NAMES`; all arguments have shape (n_rows,).

    Metrics that one class alone leaves undefined (roc_auc, pr_auc) are absent, so that a gate on them fails closed.
    Precision, recall and f1 are 0 where nothing is predicted positive.
    """
    from sklearn import metrics

    found = {
        "accuracy": metrics.accuracy_score(y, predicted),
        "precision": metrics.precision_score(y, predicted, zero_division=0),
        "recall": metrics.recall_score(y, predicted, zero_division=0),
        "f1": metrics.f1_score(y, predicted, zero_division=0),
        "log_loss": metrics.log_loss(y, probability, labels=[0, 1]),
        "positive_class_ratio": float(np.mean(y)),
    }
    if len(np.unique(y)) > 1:
        found["roc_auc"] = metrics.roc_auc_score(y, probability)
        found["pr_auc"] = metrics.average_precision_score(y, probability)
    return {name: float(found[name]) for name in NAMES if name in found}


def curves(y: npt.NDArray[np.int64], probability: npt.NDArray[np.float64], predicted: npt.NDArray[np.int64], points: int = 200) -> Curves:
    """Compute the ROC and precision-recall curves, thinned to at most `points` points each, and the confusion matrix.

    A curve that one class alone leaves undefined has no points.
    """
    from sklearn import metrics

    confusion = metrics.confusion_matrix(y, predicted, labels=[0, 1])
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
        confusion=tuple(tuple(int(count) for count in row) for row in confusion),
    )


def better(metric: str, candidate: float, other: float) -> bool:
    """Say whether the candidate is strictly better; a tie is not better, and neither is NaN."""
    return candidate < other if metric in LOWER_IS_BETTER else candidate > other


def _thinned(values: npt.NDArray[Any], points: int) -> tuple[float, ...]:
    if not len(values):
        return ()
    positions = np.unique(np.linspace(0, len(values) - 1, points).astype(int))
    return tuple(float(value) for value in values[positions])


def rename(values: Mapping[str, float], prefix: str) -> dict[str, float]:
    """Put a prefix before each name, e.g. `test_`."""
    return {f"{prefix}{name}": value for name, value in values.items()}
