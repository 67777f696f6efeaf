"""The summary plot as inline SVG: a line for each feature, a point for each row, coloured by where the feature's value stands."""

from collections.abc import Iterator, Sequence

import numpy as np

from materializers.pages.layout import Html, note, number, tag
from stackhouse.explanation.explanation import Cloud
from stackhouse.explanation.summary_plot import spread

COLOURS = ("#2f5d8a", "#7d9dbd", "#b9a9b5", "#d08a76", "#b3261e")
"""From small values to large ones, in equal steps of the rank."""
NO_ORDER = "#98a1ac"
"""Colour of values without an order, those of categories."""

_RULE, _LINE, _WIDTH, _LONGEST_NAME = "#e3e7ec", 27, 470, 38


def summary_plot(clouds: Sequence[Cloud], output: int, title: str, axis: str) -> Html:
    """Draw the points of each feature, right of the middle where it raised the answer.

    Points of a feature and colour are one path, so that thousands of them stay a small page.
    """
    if not clouds:
        return note(f"{title}: no points.")
    names = [cloud.feature if len(cloud.feature) <= _LONGEST_NAME else f"{cloud.feature[: _LONGEST_NAME - 1]}…" for cloud in clouds]
    left, bottom = 20 + 7.4 * max(map(len, names)), len(clouds) * _LINE
    values = [point.shap[output] for cloud in clouds for point in cloud.points]
    low, high = min([0.0, *values]), max([0.0, *values])
    reach = (high - low) or 1.0
    ticks = dict.fromkeys((low, 0.0, high))
    zero = left - low / reach * _WIDTH
    parts = [tag("line", x1=f"{zero:.1f}", x2=f"{zero:.1f}", y1=0, y2=bottom, stroke=NO_ORDER)]
    for position, (name, cloud) in enumerate(zip(names, clouds, strict=True)):
        middle = position * _LINE + _LINE / 2
        parts += [
            tag("line", x1=f"{left:.1f}", x2=f"{left + _WIDTH:.1f}", y1=middle, y2=middle, stroke=_RULE),
            tag("text", name, x=f"{left - 12:.1f}", y=middle + 4.5, text_anchor="end", class_="name"),
        ]
        across = np.array([point.shap[output] for point in cloud.points])
        up = middle - 0.42 * _LINE * spread(across)
        parts += _paths(cloud, (left + (across - low) / reach * _WIDTH).tolist(), up.tolist())
    parts += [
        tag("text", number(tick), x=f"{left + (tick - low) / reach * _WIDTH:.1f}", y=bottom + 16, text_anchor="middle") for tick in ticks
    ]
    parts.append(tag("text", axis, x=f"{left + _WIDTH / 2:.1f}", y=bottom + 36, text_anchor="middle"))
    box = f"{left + _WIDTH + 40:.0f} {bottom + 44}"
    width, height = box.split()
    drawn = tag("svg", tag("title", title), *parts, viewBox=f"0 0 {box}", width=width, height=height, role="img")
    return tag("figure", tag("figcaption", title), drawn)


def _paths(cloud: Cloud, across: Sequence[float], up: Sequence[float]) -> Iterator[Html]:
    """A path of round dots for each colour."""
    steps: dict[str, list[str]] = {}
    for point, x, y in zip(cloud.points, across, up, strict=True):
        colour = NO_ORDER if point.rank is None else COLOURS[min(int(point.rank * len(COLOURS)), len(COLOURS) - 1)]
        steps.setdefault(colour, []).append(f"M{x:.1f} {y:.1f}h0")
    for colour, moves in steps.items():
        yield tag("path", d="".join(moves), stroke=colour, stroke_width=4, stroke_linecap="round", stroke_opacity=0.75, fill="none")
