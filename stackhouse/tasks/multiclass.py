"""Multi-class classification: one of several classes, the most probable one."""

from typing import ClassVar

import numpy as np

from stackhouse.tasks.base import Answers, Scores, Target, Task, TaskName


class MulticlassClassification(Task):
    """Classes 0 to k - 1. Scores are probabilities, shape (n, k), rows summing to 1; answers are classes, shape (n,), int64."""

    name: ClassVar[TaskName] = "multiclass_classification"
    metrics: ClassVar[tuple[str, ...]] = ("accuracy", "weighted_f1", "macro_f1", "log_loss")
    deciding: ClassVar[str] = "macro_f1"
    baseline: ClassVar[str | None] = "macro_f1"

    def answer(self, scores: Scores, threshold: float) -> Answers:
        """Return the most probable class, the first of equals."""
        return np.asarray(np.argmax(scores, axis=1), dtype=np.int64)

    def measure(self, y: Target, scores: Scores, answers: Answers, labels: tuple[str, ...]) -> dict[str, float]:
        """Compute the metrics; a class without a predicted or a true row counts with f1 0."""
        from sklearn import metrics

        classes = np.arange(scores.shape[1])
        found = {
            "accuracy": metrics.accuracy_score(y, answers),
            "weighted_f1": metrics.f1_score(y, answers, labels=classes, average="weighted", zero_division=0),
            "macro_f1": metrics.f1_score(y, answers, labels=classes, average="macro", zero_division=0),
            "log_loss": metrics.log_loss(y, scores, labels=classes),
        }
        return {name: float(found[name]) for name in self.metrics}

    def unlearnable(self, y: Target, part: str) -> str | None:
        """A classifier needs two classes at least."""
        if not len(y):
            return f"no {part} rows"
        return None if len(np.unique(y)) > 1 else f"all {part} rows are of class {int(y[0])}; a classifier needs two at least"
