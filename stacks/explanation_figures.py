"""Figures of an explanation: importance of features as bars, and the summary plot with a point for each row.

What a figure shows is in the explanation; nothing is computed here but where a point stands. matplotlib is imported where a figure is
drawn, and drawn without pyplot, which would keep every figure of a process.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from stackhouse.explanation.explanation import Cloud, Explanation, unit_in_words
from stackhouse.explanation.summary_plot import spread

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ACCENT, _RULE, _NO_ORDER = "#2f5d8a", "#98a1ac", "#98a1ac"
_FEATURES, _OUTPUTS = 20, 4
_DOTS_PER_INCH = 100


def explanation_figures(explanation: Explanation) -> dict[str, Figure]:
    """Draw what the explanation holds, by file name; nothing where it has no SHAP values."""
    if not explanation.importance:
        return {}
    return {name: draw(explanation) for name, draw in _FIGURES.items()}


def feature_importance(explanation: Explanation) -> Figure:
    """Draw the mean |SHAP| of the most important features, the shares of several outputs side by side in a bar."""
    names = list(explanation.importance)[:_FEATURES]
    figure = _figure(8.0, len(names))
    axes = figure.add_subplot()
    left = np.zeros(len(names))
    for number, output in enumerate(explanation.outputs):
        sizes = np.array([explanation.importance[name][number] for name in names])
        axes.barh(names, sizes, left=left, label=output, color=_ACCENT if len(explanation.outputs) == 1 else None)
        left += sizes
    axes.invert_yaxis()
    axes.set_xlabel(f"mean |SHAP|, in {unit_in_words(explanation.unit)}")
    axes.set_title(f"Feature importance, {explanation.rows:,} test rows", fontsize=10)
    if len(explanation.outputs) > 1:
        axes.legend(frameon=False, fontsize=8)
    return figure


def shap_summary(explanation: Explanation) -> Figure:
    """Draw a point for each row and feature, right where the feature raised the answer, red where its value is large."""
    shown = explanation.outputs[:_OUTPUTS]
    clouds = explanation.clouds[:_FEATURES]
    figure = _figure(4.0 + 4.0 * len(shown), len(clouds))
    for number, (output, axes) in enumerate(zip(shown, np.ravel(figure.subplots(1, len(shown), sharey=True)), strict=True)):
        axes.axvline(0, color=_RULE, linewidth=0.8)
        for line, cloud in enumerate(clouds):
            _points(axes, cloud, number, line)
        axes.set_yticks(range(len(clouds)), [cloud.feature for cloud in clouds])
        axes.set_ylim(len(clouds) - 0.5, -0.5)
        axes.set_xlabel(f"SHAP value of {output}, in {unit_in_words(explanation.unit)}")
    figure.suptitle(f"Each feature's pull, {explanation.rows:,} test rows. Blue: small value, red: large, grey: no order", fontsize=10)
    return figure


def _points(axes: Axes, cloud: Cloud, output: int, line: int) -> None:
    across = np.array([point.shap[output] for point in cloud.points])
    up = line - 0.38 * spread(across)
    ranks = np.array([np.nan if point.rank is None else point.rank for point in cloud.points])
    ordered = np.isfinite(ranks)
    axes.scatter(across[~ordered], up[~ordered], s=7, color=_NO_ORDER, linewidths=0)
    axes.scatter(across[ordered], up[ordered], s=7, c=ranks[ordered], cmap="coolwarm", vmin=0, vmax=1, linewidths=0)


def _figure(width: float, lines: int) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, 1.4 + 0.3 * lines), dpi=_DOTS_PER_INCH, layout="constrained")


_FIGURES: dict[str, Callable[[Explanation], Figure]] = {
    "feature_importance.png": feature_importance,
    "shap_summary.png": shap_summary,
}
