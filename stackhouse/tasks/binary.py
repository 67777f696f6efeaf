"""Binary classification: class 1 where its probability reaches the decision threshold, else class 0."""

from typing import ClassVar

import numpy as np

from stackhouse.tasks.base import Answers, Scores, Target, Task, TaskName


class BinaryClassification(Task):
    """Two classes, 0 and 1. Scores are the probability of class 1, shape (n,); answers are classes, shape (n,), int64."""

    name: ClassVar[TaskName] = "binary_classification"
    metrics: ClassVar[tuple[str, ...]] = (
        "accuracy",
        "precision",
        "recall",
        "f1",
        "roc_auc",
        "pr_auc",
        "log_loss",
        "brier_score",
        "positive_class_ratio",
    )
    deciding: ClassVar[str] = "roc_auc"
    baseline: ClassVar[str | None] = "f1"

    def answer(self, scores: Scores, threshold: float) -> Answers:
        """Return class 1 where the probability is at least the threshold."""
        return (scores >= threshold).astype(np.int64)

    def measure(self, y: Target, scores: Scores, answers: Answers, labels: tuple[str, ...]) -> dict[str, float]:
        """Compute the metrics; one class alone leaves roc_auc and pr_auc out.

        Precision, recall and f1 are 0 where nothing is predicted positive.
        """
        from sklearn import metrics

        found = {
            "accuracy": metrics.accuracy_score(y, answers),
            "precision": metrics.precision_score(y, answers, zero_division=0),
            "recall": metrics.recall_score(y, answers, zero_division=0),
            "f1": metrics.f1_score(y, answers, zero_division=0),
            "log_loss": metrics.log_loss(y, scores, labels=[0, 1]),
            "brier_score": np.mean((scores - y) ** 2),
            "positive_class_ratio": np.mean(y),
        }
        if len(np.unique(y)) > 1:
            found["roc_auc"] = metrics.roc_auc_score(y, scores)
            found["pr_auc"] = metrics.average_precision_score(y, scores)
        return {name: float(found[name]) for name in self.metrics if name in found}

    def value(self, metric: str, y: Target, scores: Scores, answers: Answers, labels: tuple[str, ...]) -> float | None:
        """Compute one metric; the area under the curve alone, which decides by default, takes a sixth of the time of all of them."""
        if metric != "roc_auc" or len(np.unique(y)) < 2:
            return super().value(metric, y, scores, answers, labels)
        from sklearn import metrics

        return float(metrics.roc_auc_score(y, scores))

    def unlearnable(self, y: Target, part: str) -> str | None:
        """A classifier needs both classes."""
        if not len(y):
            return f"no {part} rows"
        return None if len(np.unique(y)) > 1 else f"all {part} rows are of class {int(y[0])}; a classifier needs both"
