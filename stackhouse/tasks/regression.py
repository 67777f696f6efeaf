"""Regression: a number."""

from typing import ClassVar

import numpy as np

from stackhouse.tasks.base import Answers, Scores, Target, Task, TaskName


class Regression(Task):
    """A number for each row, in the unit of the label. Scores and answers are the same, shape (n,), float64."""

    name: ClassVar[TaskName] = "regression"
    metrics: ClassVar[tuple[str, ...]] = ("r2", "rmse", "mae", "mape", "mape_masked")
    deciding: ClassVar[str] = "rmse"

    def answer(self, scores: Scores, threshold: float) -> Answers:
        """Return the scores."""
        return scores

    def measure(self, y: Target, scores: Scores, answers: Answers, labels: tuple[str, ...]) -> dict[str, float]:
        """Compute the metrics; rmse and mae are in the unit of the label, mape is a share (0.1 is 10 %).

        mape leaves the rows out whose label is 0, and `mape_masked` counts them; it is absent where all are. r2 is absent where the
        label is the same in every row.
        """
        from sklearn import metrics

        there = y != 0
        found = {
            "rmse": metrics.root_mean_squared_error(y, answers),
            "mae": metrics.mean_absolute_error(y, answers),
            "mape_masked": float(np.sum(~there)),
        }
        if len(np.unique(y)) > 1:
            found["r2"] = metrics.r2_score(y, answers)
        if there.any():
            found["mape"] = metrics.mean_absolute_percentage_error(y[there], answers[there])
        return {name: float(found[name]) for name in self.metrics if name in found}

    def unlearnable(self, y: Target, part: str) -> str | None:
        """A label that never changes teaches nothing."""
        if not len(y):
            return f"no {part} rows"
        return None if len(np.unique(y)) > 1 else f"all {part} rows have the value {float(y[0]):g}; there is nothing to learn"
