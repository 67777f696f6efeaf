"""Figures of an evaluation, as pictures beside the run: confusion matrix, calibration, ROC, precision-recall, residuals.

What a figure shows is in the evaluation; nothing is measured here. matplotlib is imported where a figure is drawn, and drawn without
pyplot, which would keep every figure of a process.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from stackhouse.evaluation.evaluation import Evaluation

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from mlflow import MlflowClient

_ACCENT, _GUESS = "#2f5d8a", "#98a1ac"
_SIZE, _DOTS_PER_INCH = (5.6, 4.8), 100
_NAMED_CLASSES = 12


def figures(evaluation: Evaluation) -> dict[str, Figure]:
    """Draw what the evaluation holds, by file name; what it lacks is not drawn."""
    drawn = {name: draw(evaluation) for name, draw in _FIGURES.items()}
    return {name: figure for name, figure in drawn.items() if figure is not None}


def log_figures(client: MlflowClient, run_id: str, evaluation: Evaluation) -> None:
    """Put the figures beside a run; one that is there already is replaced."""
    for name, figure in figures(evaluation).items():
        client.log_figure(run_id, figure, name)


def confusion_matrix(evaluation: Evaluation) -> Figure | None:
    """Draw how many test rows of each class were predicted as which, shaded by the share of the true class."""
    found = evaluation.confusion
    if found is None:
        return None
    counts = np.asarray(found.counts, dtype=np.float64)
    of_class = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, of_class, out=np.zeros_like(counts), where=of_class > 0)
    figure, axes = _canvas("Confusion matrix, test rows", "predicted class", "true class")
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    figure.colorbar(image, ax=axes, label="share of the true class")
    places = range(len(found.classes))
    axes.set_xticks(places, found.classes)
    axes.set_yticks(places, found.classes, rotation=90, va="center")
    if len(found.classes) <= _NAMED_CLASSES:
        for true, row in enumerate(found.counts):
            for predicted, count in enumerate(row):
                colour = "white" if shares[true, predicted] > 0.5 else "black"
                axes.text(predicted, true, f"{count:,}\n{shares[true, predicted]:.1%}", ha="center", va="center", color=colour)
    return figure


def calibration_curve(evaluation: Evaluation) -> Figure | None:
    """Draw the share of class 1 against the probability that was given, for each label."""
    if not evaluation.calibration:
        return None
    brier = evaluation.test.get("brier_score")
    title = "Calibration, test rows" if brier is None else f"Calibration, test rows (Brier score {brier:.4f})"
    figure, axes = _canvas(title, "mean probability of class 1", "share of class 1")
    axes.plot((0, 1), (0, 1), color=_GUESS, linestyle="--", label="perfect")
    for curve in evaluation.calibration:
        axes.plot(curve.predicted, curve.observed, marker="o", markersize=4, label=curve.label)
    axes.legend(loc="upper left", frameon=False)
    return figure


def roc_curve(evaluation: Evaluation) -> Figure | None:
    """Draw the true positive rate against the false positive rate."""
    curves = evaluation.curves
    if curves is None or not curves.false_positive_rate:
        return None
    axes_names = ("false positive rate", "true positive rate")
    rates = (curves.false_positive_rate, curves.true_positive_rate)
    return _curve(_with_value("ROC curve", evaluation, "roc_auc"), axes_names, rates, (0.0, 1.0))


def precision_recall_curve(evaluation: Evaluation) -> Figure | None:
    """Draw the precision against the recall."""
    curves = evaluation.curves
    if curves is None or not curves.recall:
        return None
    base = evaluation.test.get("positive_class_ratio")
    guess = None if base is None else (base, base)
    title = _with_value("Precision-recall curve", evaluation, "pr_auc")
    return _curve(title, ("recall", "precision"), (curves.recall, curves.precision), guess)


def residuals(evaluation: Evaluation) -> Figure | None:
    """Draw by how much the answers were wrong, from the smallest answer to the largest."""
    found = evaluation.residuals
    if found is None:
        return None
    figure, axes = _canvas("Residuals, test rows", "predicted", "measured - predicted")
    axes.axhline(0, color=_GUESS, linestyle="--")
    axes.scatter(found.predicted, found.residual, s=10, alpha=0.5, color=_ACCENT, linewidths=0)
    return figure


_FIGURES: dict[str, Callable[[Evaluation], Figure | None]] = {
    "confusion_matrix.png": confusion_matrix,
    "calibration_curve.png": calibration_curve,
    "roc_curve.png": roc_curve,
    "precision_recall_curve.png": precision_recall_curve,
    "residuals.png": residuals,
}


def _curve(
    title: str, names: tuple[str, str], points: tuple[Sequence[float], Sequence[float]], guess: tuple[float, float] | None
) -> Figure:
    figure, axes = _canvas(title, *names)
    if guess is not None:
        axes.plot((0, 1), guess, color=_GUESS, linestyle="--", label="guess")
        axes.legend(frameon=False)
    axes.plot(*points, color=_ACCENT)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.01)
    return figure


def _with_value(title: str, evaluation: Evaluation, metric: str) -> str:
    value, interval = evaluation.test.get(metric), evaluation.intervals.get(metric)
    bounds = f" ({interval.low:.3f} to {interval.high:.3f})" if interval else ""
    return f"{title}, test rows" if value is None else f"{title}, test rows: {metric} {value:.3f}{bounds}"


def _canvas(title: str, across: str, up: str) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=_SIZE, dpi=_DOTS_PER_INCH)
    axes = figure.add_subplot()
    axes.set_title(title, fontsize=10)
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    return figure, axes
