"""Anomaly detection: which rows are unlike the others. Nothing is learned from labels; known anomalies only judge."""

from typing import ClassVar

import numpy as np

from stackhouse.tasks.base import Answers, Scores, Target, Task, TaskName

ANOMALY, NORMAL = -1, 1
"""Answers, as scikit-learn gives them."""


class AnomalyDetection(Task):
    """Scores are how normal a row is, below 0 for an anomaly, shape (n,); answers are -1 or 1, shape (n,), int64.

    Where anomalies are known, `y` holds 1 for them and 0 for other rows; it is empty where nothing is known.
    """

    name: ClassVar[TaskName] = "anomaly_detection"
    metrics: ClassVar[tuple[str, ...]] = (
        "anomaly_rate",
        "avg_anomaly_score",
        "avg_normal_score",
        "score_min",
        "score_max",
        "score_std",
        "precision",
        "recall",
        "f1",
        "roc_auc",
        "pr_auc",
    )
    deciding: ClassVar[str] = "roc_auc"
    baseline: ClassVar[str | None] = "f1"
    has_reference: ClassVar[bool] = False

    def answer(self, scores: Scores, threshold: float) -> Answers:
        """Return -1 where the score is below 0, else 1."""
        return np.where(scores < 0, ANOMALY, NORMAL).astype(np.int64)

    def measure(self, y: Target, scores: Scores, answers: Answers, labels: tuple[str, ...]) -> dict[str, float]:
        """Describe the scores, and judge the answers where anomalies are known."""
        if not len(scores):
            return {}
        anomalous = answers == ANOMALY
        found = {
            "anomaly_rate": np.mean(anomalous),
            "score_min": np.min(scores),
            "score_max": np.max(scores),
            "score_std": np.std(scores),
        }
        if anomalous.any():
            found["avg_anomaly_score"] = np.mean(scores[anomalous])
        if not anomalous.all():
            found["avg_normal_score"] = np.mean(scores[~anomalous])
        if len(y):
            found |= _against_known(y, scores, anomalous.astype(np.int64))
        return {name: float(found[name]) for name in self.metrics if name in found}

    def unlearnable(self, y: Target, part: str) -> str | None:
        """Nothing is learned from labels, so nothing about them stands in the way."""
        return None


def _against_known(y: Target, scores: Scores, anomalous: Answers) -> dict[str, float]:
    from sklearn import metrics

    found = {
        "precision": metrics.precision_score(y, anomalous, zero_division=0),
        "recall": metrics.recall_score(y, anomalous, zero_division=0),
        "f1": metrics.f1_score(y, anomalous, zero_division=0),
    }
    if len(np.unique(y)) > 1:
        found["roc_auc"] = metrics.roc_auc_score(y, -scores)
        found["pr_auc"] = metrics.average_precision_score(y, -scores)
    return found
