"""Multi-label classification: several yes-or-no answers for each row."""

from typing import ClassVar

import numpy as np

from stackhouse.tasks.base import Answers, Scores, Target, Task, TaskName


class MultilabelClassification(Task):
    """k labels of 0 and 1. Scores are the probabilities of 1, shape (n, k); answers have the same shape, int64."""

    name: ClassVar[TaskName] = "multilabel_classification"
    metrics: ClassVar[tuple[str, ...]] = ("subset_accuracy", "micro_f1", "macro_f1", "hamming_loss", "roc_auc")
    deciding: ClassVar[str] = "roc_auc"
    baseline: ClassVar[str | None] = "macro_f1"

    def answer(self, scores: Scores, threshold: float) -> Answers:
        """Return 1 where the probability is at least the threshold, label by label."""
        return (scores >= threshold).astype(np.int64)

    def measure(self, y: Target, scores: Scores, answers: Answers, labels: tuple[str, ...]) -> dict[str, float]:
        """Compute the metrics over all labels, and `f1_LABEL` and `roc_auc_LABEL` of each.

        roc_auc is the mean over the labels, and absent where one of them has a single class.
        """
        from sklearn import metrics

        found = {
            "subset_accuracy": metrics.accuracy_score(y, answers),
            "micro_f1": metrics.f1_score(y, answers, average="micro", zero_division=0),
            "macro_f1": metrics.f1_score(y, answers, average="macro", zero_division=0),
            "hamming_loss": metrics.hamming_loss(y, answers),
        }
        areas = {}
        for position, label in enumerate(labels):
            found[f"f1_{label}"] = metrics.f1_score(y[:, position], answers[:, position], zero_division=0)
            if len(np.unique(y[:, position])) > 1:
                areas[f"roc_auc_{label}"] = metrics.roc_auc_score(y[:, position], scores[:, position])
        if len(areas) == len(labels):
            found["roc_auc"] = np.mean(list(areas.values()))
        return {name: float(value) for name, value in (found | areas).items()}

    def unlearnable(self, y: Target, part: str) -> str | None:
        """Each label needs both classes."""
        if not len(y):
            return f"no {part} rows"
        single = [position for position in range(y.shape[1]) if len(np.unique(y[:, position])) < 2]
        return f"label {single[0] + 1} of {y.shape[1]} has a single class in the {part} rows; each needs both" if single else None
