"""Metrics of many resamples at once, in which each row counts as often as it was drawn.

The numbers are those that `Task.measure` gives on the drawn rows, for the metrics by which models are compared. scikit-learn measures one
resample at a time, which takes half a minute for 500 of 20,000 rows; here rows are sorted once and all resamples share the order.
"""

from collections.abc import Callable, Collection, Mapping

import numpy as np
import numpy.typing as npt

from stackhouse.evaluation.predicted import Predicted
from stackhouse.tasks import Scores, TaskName

Counts = npt.NDArray[np.float64]
"""How often each row was drawn: shape (n_resamples, n_rows), whole numbers from 0 on."""

Values = npt.NDArray[np.float64]
"""A metric of each resample: shape (n_resamples,); NaN where its rows leave the metric undefined."""

_Mask = npt.NDArray[np.bool_]
_RANKED = ("roc_auc", "pr_auc")


def measure_resamples(predicted: Predicted, counts: Counts, wanted: Collection[str]) -> dict[str, Values]:
    """Compute the wanted metrics of each resample; a metric by which the task does not compare models is left out.

    Args:
        predicted: the rows that were drawn from.
        counts: how often each row was drawn, shape (n_resamples, n_rows); one row at least in each resample.
        wanted: canonical names of metrics.
    """
    found = _MEASURES[predicted.task.name](predicted, counts, wanted)
    return {name: values for name, values in found.items() if name in wanted}


def _binary(predicted: Predicted, counts: Counts, wanted: Collection[str]) -> dict[str, Values]:
    held, probability = predicted.known, predicted.scores
    return {
        **_two_classes(held, predicted.answers == 1, counts),
        **_areas(held, probability, counts, wanted),
        "log_loss": _mean(counts, _surprise(np.where(held, probability, 1 - probability))),
        "brier_score": _mean(counts, (probability - held) ** 2),
    }


def _multiclass(predicted: Predicted, counts: Counts, _wanted: Collection[str]) -> dict[str, Values]:
    true = predicted.y.astype(np.int64)
    classes = np.arange(predicted.scores.shape[1])
    of_class, f1 = _f1(true[:, None] == classes, predicted.answers[:, None] == classes, counts)
    return {
        "accuracy": _mean(counts, true == predicted.answers),
        "macro_f1": f1.mean(axis=1),
        "weighted_f1": (of_class * f1).sum(axis=1) / of_class.sum(axis=1),
        "log_loss": _mean(counts, _surprise(predicted.scores[np.arange(len(true)), true])),
    }


def _multilabel(predicted: Predicted, counts: Counts, wanted: Collection[str]) -> dict[str, Values]:
    held, told = predicted.known, predicted.answers == 1
    _, f1 = _f1(held, told, counts)
    hits, named = ((counts @ part.astype(np.float64)).sum(axis=1) for part in (held & told, held.astype(np.int64) + told))
    found = {
        "subset_accuracy": _mean(counts, (held == told).all(axis=1)),
        "hamming_loss": _mean(counts, (held != told).mean(axis=1)),
        "micro_f1": _ratio(2 * hits, named, 0.0),
        "macro_f1": f1.mean(axis=1),
    }
    areas = {}
    for position, label in enumerate(predicted.labels):
        found[f"f1_{label}"] = f1[:, position]
        if {"roc_auc", f"roc_auc_{label}"} & set(wanted):
            areas[f"roc_auc_{label}"] = _areas(held[:, position], predicted.scores[:, position], counts, ("roc_auc",))["roc_auc"]
    if len(areas) == len(predicted.labels):
        found["roc_auc"] = np.mean(list(areas.values()), axis=0)
    return found | areas


def _regression(predicted: Predicted, counts: Counts, _wanted: Collection[str]) -> dict[str, Values]:
    y, error, rows = predicted.y, np.abs(predicted.answers - predicted.y), counts.sum(axis=1)
    centred, there = y - y.mean(), y != 0
    squares, around_zero = counts @ error**2, counts @ centred**2
    around_mean = around_zero - (counts @ centred) ** 2 / rows
    told = np.where(around_mean > 1e-12 * around_zero, around_mean, 0.0)
    shares = np.divide(error, np.abs(y), out=np.zeros(len(y)), where=there)
    return {
        "r2": 1 - _ratio(squares, told, np.nan),
        "rmse": np.sqrt(squares / rows),
        "mae": _mean(counts, error),
        "mape": _ratio(counts @ shares, counts @ there.astype(np.float64), np.nan),
    }


def _anomaly(predicted: Predicted, counts: Counts, wanted: Collection[str]) -> dict[str, Values]:
    if not len(predicted.y):
        return {}
    held, told = predicted.known, predicted.answers < 0
    found = _two_classes(held, told, counts) | _areas(held, -predicted.scores, counts, wanted)
    return {name: values for name, values in found.items() if name != "accuracy"}


_MEASURES: Mapping[TaskName, Callable[[Predicted, Counts, Collection[str]], dict[str, Values]]] = {
    "binary_classification": _binary,
    "multiclass_classification": _multiclass,
    "multilabel_classification": _multilabel,
    "regression": _regression,
    "anomaly_detection": _anomaly,
}


def _two_classes(held: _Mask, told: _Mask, counts: Counts) -> dict[str, Values]:
    sums = counts @ np.column_stack([held & told, told, held, held == told]).astype(np.float64)
    hits, named, positives, right = sums.T
    return {
        "accuracy": right / counts.sum(axis=1),
        "precision": _ratio(hits, named, 0.0),
        "recall": _ratio(hits, positives, 0.0),
        "f1": _ratio(2 * hits, named + positives, 0.0),
    }


def _f1(held: _Mask, told: _Mask, counts: Counts) -> tuple[Values, Values]:
    """Rows of each class or label, and its F1, both of shape (n_resamples, n_classes)."""
    hits, of_class, named = (counts @ part.astype(np.float64) for part in (held & told, held, told))
    return of_class, _ratio(2 * hits, of_class + named, 0.0)


def _areas(held: _Mask, scores: Scores, counts: Counts, wanted: Collection[str]) -> dict[str, Values]:
    """Areas under both curves; rows of equal score stand at one point of a curve.

    Source: for ROC, Mann and Whitney's U with midranks for ties; for precision and recall, scikit-learn's average precision.
    """
    if not set(_RANKED) & set(wanted):
        return {}
    order = np.argsort(-scores, kind="stable")
    ranked, drawn = scores[order], counts if _is_sorted(order) else counts[:, order]
    starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
    positives, all_drawn = _grouped(drawn * held[order], starts), _grouped(drawn, starts)
    above, rows = np.cumsum(positives, axis=1), counts.sum(axis=1)
    all_positives = above[:, -1]
    both, found = all_positives * (rows - all_positives), {}
    if "roc_auc" in wanted:
        outranked = _dot(all_drawn - positives, above) - _dot(all_drawn - positives, positives) / 2
        found["roc_auc"] = _ratio(outranked, both, np.nan)
    if "pr_auc" in wanted:
        precision = _ratio(above, np.cumsum(all_drawn, axis=1), 0.0)
        found["pr_auc"] = _ratio(_dot(positives, precision), np.where(both > 0, all_positives, 0.0), np.nan)
    return found


def _dot(left: Counts, right: Counts) -> Values:
    return np.asarray(np.einsum("ij,ij->i", left, right))


def _is_sorted(order: npt.NDArray[np.intp]) -> bool:
    return bool(np.array_equal(order, np.arange(len(order))))


def _grouped(drawn: Counts, starts: npt.NDArray[np.intp]) -> Counts:
    return drawn if len(starts) == drawn.shape[1] else np.asarray(np.add.reduceat(drawn, starts, axis=1))


def _surprise(probability: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Loss of a row whose true class got this probability. Source: scikit-learn, `log_loss`, which clips at the machine's precision."""
    smallest = np.finfo(np.float64).eps
    return np.asarray(-np.log(np.clip(probability, smallest, 1 - smallest)))


def _mean(counts: Counts, of_rows: npt.NDArray[np.float64] | _Mask) -> Values:
    return np.asarray(counts @ of_rows.astype(np.float64) / counts.sum(axis=1))


def _ratio(part: Values, whole: Values, undefined: float) -> Values:
    return np.asarray(np.divide(part, whole, out=np.full(np.shape(part), undefined), where=whole > 0))
