"""Residuals of a regression: by how much it was wrong, from its smallest answer to its largest."""

import numpy as np

from stackhouse.evaluation.predicted import Predicted
from stackhouse.report import Report

POINTS = 500


class Residuals(Report):
    """Some test rows, evenly spread over all in the order of their answers: the answer, and what was measured less the answer.

    Both are in the unit of the label.
    """

    predicted: tuple[float, ...]
    residual: tuple[float, ...]


def residuals(predicted: Predicted, points: int = POINTS) -> Residuals | None:
    """Take at most `points` rows, the smallest and the largest answer among them; None where the task answers with no number."""
    if predicted.task.name != "regression" or not predicted.rows:
        return None
    order = np.lexsort((predicted.y, predicted.answers))
    taken = order[np.unique(np.linspace(0, len(order) - 1, points).astype(int))]
    answers = predicted.answers[taken].astype(np.float64)
    return Residuals(predicted=tuple(answers.tolist()), residual=tuple((predicted.y[taken] - answers).tolist()))
