"""Imbalance: how many rows the largest class has for each row of the smallest, among the rows that a model learns from."""

import numpy as np

from stackhouse.labels.report import SEVERE_IMBALANCE
from stackhouse.tasks import Target, TaskName

_WITH_CLASSES = frozenset({"binary_classification", "multiclass_classification", "multilabel_classification"})


def imbalance_ratio(y: Target, task: TaskName) -> float | None:
    """Return rows of the largest class for each row of the smallest; of several labels, that of the worst.

    None where the task learns no classes, infinite where one of two classes has no row.

    Args:
        y: classes from 0 on, shape (n_rows,), or 0 and 1 of each label, shape (n_rows, n_labels).
        task: what kind of answer is learned.

    >>> imbalance_ratio(np.array([0, 0, 0, 1]), "binary_classification")
    3.0
    """
    if task not in _WITH_CLASSES or not len(y):
        return None
    if y.ndim > 1:
        return max(_of_classes(column) for column in y.T)
    return _of_classes(y)


def is_severe(ratio: float | None) -> bool:
    """Say whether a ratio counts as severe: above 10, as the training guide has it."""
    return ratio is not None and ratio > SEVERE_IMBALANCE


def _of_classes(y: Target) -> float:
    _, rows = np.unique(y, return_counts=True)
    return float(rows.max() / rows.min()) if len(rows) > 1 else float("inf")
