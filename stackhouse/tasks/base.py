"""What every task has."""

from abc import ABC, abstractmethod
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt

TaskName = Literal["binary_classification", "multiclass_classification", "multilabel_classification", "regression", "anomaly_detection"]

Scores = npt.NDArray[np.float64]
"""What an estimator gives for n rows: shape (n,), or (n, k) for k classes or k labels; never NaN."""

Answers = npt.NDArray[np.int64] | npt.NDArray[np.float64]
"""What a model says of n rows: shape (n,), or (n, k) for k labels."""

Target = npt.NDArray[np.int64] | npt.NDArray[np.float64]
"""What was measured of n rows: shape (n,), or (n, k) for k labels."""


class Task(ABC):
    """A kind of answer."""

    name: ClassVar[TaskName]
    metrics: ClassVar[tuple[str, ...]]
    """Canonical names of what `measure` computes, in the order of display."""
    deciding: ClassVar[str]
    """The metric that decides between models where a model file names none."""
    baseline: ClassVar[str | None] = None
    """The metric that a baseline of F1 is held against; None where the task has no F1."""
    has_reference: ClassVar[bool] = True
    """Whether there is a guess to compare with."""

    @abstractmethod
    def answer(self, scores: Scores, threshold: float) -> Answers:
        """Turn scores into answers; `threshold` is that of class 1 where there is one to choose."""

    @abstractmethod
    def measure(self, y: Target, scores: Scores, answers: Answers, labels: tuple[str, ...]) -> dict[str, float]:
        """Compute the metrics of `metrics`; those that the rows leave undefined are absent, so that a gate on them fails closed.

        Args:
            y: what was measured, of the shape of the answers; empty where nothing was.
            scores: scores of the same rows.
            answers: answers of the same rows.
            labels: names of the labels, one for each column of `y`.
        """

    def value(self, metric: str, y: Target, scores: Scores, answers: Answers, labels: tuple[str, ...]) -> float | None:
        """Compute one metric as `measure` does; None where the rows leave it undefined. A search asks for it hundreds of times."""
        return self.measure(y, scores, answers, labels).get(metric)

    @abstractmethod
    def unlearnable(self, y: Target, part: str) -> str | None:
        """Say why nothing can be learned from these labels of the named part of the rows; None where it can."""
