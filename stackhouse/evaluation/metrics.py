"""Metrics: canonical names, in which direction each is better, and between which bounds it lies. Tasks compute them.

A metric of one label among several carries the label's name behind its own: `f1_late_arrival`.
"""

from collections.abc import Mapping
from math import inf, isnan
from typing import NamedTuple


class Metric(NamedTuple):
    """What a metric's value means."""

    low: float
    high: float
    lower_is_better: bool = False
    comparable: bool = True
    """Whether it tells models apart; the share of class 1 is the same for every model on the same rows."""


_SHARE, _LOSS, _TOLD = Metric(0, 1), Metric(0, inf, lower_is_better=True), Metric(-inf, inf, comparable=False)

METRICS: Mapping[str, Metric] = {
    "accuracy": _SHARE,
    "precision": _SHARE,
    "recall": _SHARE,
    "f1": _SHARE,
    "macro_f1": _SHARE,
    "weighted_f1": _SHARE,
    "micro_f1": _SHARE,
    "subset_accuracy": _SHARE,
    "hamming_loss": Metric(0, 1, lower_is_better=True),
    "roc_auc": _SHARE,
    "pr_auc": _SHARE,
    "log_loss": _LOSS,
    "brier_score": Metric(0, 1, lower_is_better=True),
    "positive_class_ratio": Metric(0, 1, comparable=False),
    "r2": Metric(-inf, 1),
    "rmse": _LOSS,
    "mae": _LOSS,
    "mape": _LOSS,
    "mape_masked": Metric(0, inf, comparable=False),
    "anomaly_rate": Metric(0, 1, comparable=False),
    "avg_anomaly_score": _TOLD,
    "avg_normal_score": _TOLD,
    "score_min": _TOLD,
    "score_max": _TOLD,
    "score_std": Metric(0, inf, comparable=False),
}
"""Every metric by its canonical name."""

GUIDE_SPELLINGS = {
    "auc_roc": "roc_auc",
    "auc": "roc_auc",
    "auc_pr": "pr_auc",
    "f1_score": "f1",
    "f1_macro": "macro_f1",
    "f1_weighted": "weighted_f1",
    "brier": "brier_score",
}
"""Spellings of the training guides, by canonical name."""


def canonical(name: str) -> str:
    """Translate a guide's spelling of a metric.

    >>> canonical("test_auc_roc")
    'roc_auc'
    """
    bare = name.removeprefix("test_")
    return GUIDE_SPELLINGS.get(bare, bare)


def describe_metric(name: str) -> Metric | None:
    """Return what a metric means, by its canonical name or that of one label's; None where there is no such metric.

    >>> describe_metric("hamming_loss").lower_is_better
    True
    >>> describe_metric("f1_late_arrival").high
    1
    """
    if name in METRICS:
        return METRICS[name]
    of_a_label = [known for known in METRICS if name.startswith(f"{known}_")]
    return METRICS[max(of_a_label, key=len)] if of_a_label else None


def lower_is_better(name: str) -> bool:
    """Say whether a smaller value is the better one."""
    found = describe_metric(name)
    return found is not None and found.lower_is_better


def require_comparable(name: str) -> str:
    """Return the canonical name of a metric by which models can be compared.

    Raises:
        ValueError: where there is no such metric, or where it is the same for every model.
    """
    known = tuple(metric for metric, meaning in METRICS.items() if meaning.comparable)
    if (bare := canonical(name)) not in known:
        raise ValueError(f"unknown metric '{name}'; known are {list(known)}")
    return bare


def better(metric: str, candidate: float, other: float) -> bool:
    """Say whether the candidate is strictly better; a tie is not better, and neither is NaN."""
    if isnan(candidate) or isnan(other):
        return False
    return candidate < other if lower_is_better(metric) else candidate > other


def rename(values: Mapping[str, float], prefix: str) -> dict[str, float]:
    """Put a prefix before each name, e.g. `test_`."""
    return {f"{prefix}{name}": value for name, value in values.items()}
