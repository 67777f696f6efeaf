"""Calibration: whether so many of the rows that get a probability of 0.3 are of class 1."""

from stackhouse.evaluation.predicted import Predicted
from stackhouse.report import Report

BINS = 10


class Calibration(Report):
    """Points of a calibration curve: the mean probability of each bin, and the share of class 1 in it, both in [0, 1].

    The bins hold equally many rows, as far as rows of equal probability allow.
    """

    label: str
    predicted: tuple[float, ...]
    observed: tuple[float, ...]


def calibrations(predicted: Predicted, bins: int = BINS) -> tuple[Calibration, ...]:
    """Compute the calibration curve of a binary classifier, or of each of several labels; none where there are no probabilities."""
    if predicted.task.name not in {"binary_classification", "multilabel_classification"} or not predicted.rows:
        return ()
    from sklearn.calibration import calibration_curve

    curves = []
    for position, label in enumerate(predicted.labels):
        y, probability = ((part if part.ndim == 1 else part[:, position]) for part in (predicted.y, predicted.scores))
        observed, mean = calibration_curve(y, probability, pos_label=1, n_bins=bins, strategy="quantile")
        curves.append(Calibration(label=label, predicted=tuple(map(float, mean)), observed=tuple(map(float, observed))))
    return tuple(curves)
