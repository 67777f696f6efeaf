"""The figure of a model's history: a metric a panel, over the time at which the versions were registered.

matplotlib is imported where the figure is drawn, and used without pyplot, which would keep every figure of a process.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stackhouse.errors import ConfigurationError, InfrastructureError
from stackhouse.evaluation.recorded import RecordedMetric
from stackhouse.history import ModelVersion

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS = (".png", ".svg")
_ACCENT, _CHAMPION = "#2f5d8a", "#b3541e"
_WIDTH, _PANEL, _MARGIN, _DOTS_PER_INCH = 8.0, 2.6, 0.9, 100


def require_drawable(path: Path) -> None:
    """Refuse a file whose name does not end like a picture that can be drawn.

    Raises:
        ConfigurationError: where it ends otherwise.
    """
    if path.suffix.lower() not in FORMATS:
        raise ConfigurationError(f"'{path}' is no picture that can be drawn. Give a name that ends with {' or '.join(FORMATS)}.")


def write_history_figure(path: Path, versions: Sequence[ModelVersion], metrics: Sequence[RecordedMetric], champion: str) -> None:
    """Draw the history into a file, as PNG or SVG.

    Raises:
        ConfigurationError: where the file is neither, or no version has a metric to draw.
        InfrastructureError: where it cannot be written.
    """
    require_drawable(path)
    if not metrics:
        raise ConfigurationError(f"No version of {versions[0].name} has a metric on record, so there is nothing to draw. Leave --plot out.")
    figure = history_figure(versions, metrics, champion)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path)
    except OSError as error:
        raise InfrastructureError(f"The figure could not be written to {path}: {error.strerror or error}. Name another file.") from error


def history_figure(versions: Sequence[ModelVersion], metrics: Sequence[RecordedMetric], champion: str) -> Figure:
    """Draw each metric of the versions, oldest first, with its interval where there is one, and the champion in another colour.

    Args:
        versions: at least one, all of one model.
        metrics: a panel each; at least one.
        champion: alias of the version that serves.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_WIDTH, _MARGIN + _PANEL * len(metrics)), dpi=_DOTS_PER_INCH, layout="constrained")
    panels = figure.subplots(len(metrics), 1, sharex=True, squeeze=False)[:, 0]
    for axes, metric in zip(panels, metrics, strict=True):
        _panel(axes, versions, metric, champion)
    panels[-1].set_xlabel("registered at, UTC")
    figure.autofmt_xdate()
    figure.suptitle(f"{versions[0].name}, test rows", fontsize=10)
    return figure


def _panel(axes: Axes, versions: Sequence[ModelVersion], metric: RecordedMetric, champion: str) -> None:
    found = [(version, value) for version in versions if (value := metric.value(version.metrics)) is not None]
    axes.set_ylabel(f"{metric.label}\n({'lower' if metric.lower_is_better else 'higher'} is better)", fontsize=8)
    times: list[Any] = [version.registered_at for version, _ in found]  # matplotlib takes times, which its types do not tell
    axes.plot(times, [value for _, value in found], color=_ACCENT, linewidth=1)
    for time, (version, value) in zip(times, found, strict=True):
        colour = _CHAMPION if champion in version.aliases else _ACCENT
        axes.plot([time], [value], color=colour, marker="o", markersize=6)
        if interval := version.intervals.get(metric.name):
            axes.vlines(time, interval.low, interval.high, color=colour, linewidth=1)
        label = f"{version.version} {champion}" if champion in version.aliases else str(version.version)
        axes.annotate(label, (time, value), xytext=(5, 5), textcoords="offset points", fontsize=8, color=colour)
    axes.margins(x=0.15, y=0.2)
