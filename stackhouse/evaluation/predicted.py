"""Predicted: what was measured of some rows, and what a model said of them. All that a metric needs."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from stackhouse.tasks import Answers, Scores, Target, Task


@dataclass(frozen=True)
class Predicted:
    """Labels, scores and answers of the same rows, in the same order; see `stackhouse.tasks` for their shapes."""

    task: Task
    y: Target
    """What was measured; empty where nothing was, as for anomalies of which none are known."""
    scores: Scores
    answers: Answers
    labels: tuple[str, ...]
    """Names of the labels, one for each column of `y`."""

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.scores)

    @property
    def metrics(self) -> dict[str, float]:
        """The metrics of all rows; those that the rows leave undefined are absent."""
        return self.task.measure(self.y, self.scores, self.answers, self.labels)

    def take(self, rows: npt.NDArray[Any]) -> Self:
        """Keep some rows, given by position or by a mask of shape (n_rows,)."""
        y = self.y[rows] if len(self.y) else self.y
        return type(self)(self.task, y, self.scores[rows], self.answers[rows], self.labels)

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        """Where a yes-or-no label holds, of the shape of `y`."""
        return np.asarray(self.y == 1)
