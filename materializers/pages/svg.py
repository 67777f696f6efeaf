"""Charts as inline SVG, each with a title: a histogram for a table cell, a curve in the unit square, points, horizontal bars."""

from collections.abc import Sequence
from math import isfinite

from materializers.pages.layout import MISSING, Html, note, number, tag

_ACCENT, _RULE, _FAINT = "#2f5d8a", "#e3e7ec", "#98a1ac"
_LONGEST_NAME = 38


def histogram(counts: Sequence[int], title: str) -> Html:
    """Draw counts of equal bins as a strip of bars, small enough for a table cell."""
    top, width, height = max(counts, default=0), 120, 26
    if not top:
        return MISSING
    step = width / len(counts)
    tall = [max(1.0, count / top * (height - 1)) if count else 0.0 for count in counts]
    bars = [_rect(position * step, height - tip, step - 1, tip) for position, tip in enumerate(tall)]
    base = tag("line", x1=0, x2=width, y1=height - 0.25, y2=height - 0.25, stroke=_FAINT, stroke_width=0.5)
    return _svg(width, height, title, *bars, base)


def curve(x: Sequence[float], y: Sequence[float], title: str, axes: tuple[str, str], guess: tuple[float, float] | None) -> Html:
    """Draw a curve in the unit square.

    Args:
        x: positions in [0, 1]; points that are not finite are left out.
        y: heights in [0, 1], as many as `x`.
        title: what the curve shows.
        axes: names of the horizontal and the vertical axis.
        guess: height of the dashed line of a guess at the left and at the right end; None for no such line.
    """
    points = [(a, b) for a, b in zip(x, y, strict=True) if isfinite(a) and isfinite(b)]
    if not points:
        return note(f"{title}: no points, since the rows are of one class.")
    left, top, side = 52, 10, 310

    def across(value: float) -> float:
        return round(left + value * side, 1)

    def up(value: float) -> float:
        return round(top + (1 - value) * side, 1)

    parts = []
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        parts += [
            tag("line", x1=left, x2=left + side, y1=up(tick), y2=up(tick), stroke=_RULE),
            tag("line", x1=across(tick), x2=across(tick), y1=top, y2=top + side, stroke=_RULE),
            tag("text", f"{tick:.2f}", x=left - 8, y=up(tick) + 4, text_anchor="end"),
            tag("text", f"{tick:.2f}", x=across(tick), y=top + side + 18, text_anchor="middle"),
        ]
    if guess is not None:
        ends = {"x1": across(0), "y1": up(guess[0]), "x2": across(1), "y2": up(guess[1])}
        parts.append(tag("line", **ends, stroke=_FAINT, stroke_width=1.5, stroke_dasharray="5 4"))
    path = " ".join(f"{across(a)},{up(b)}" for a, b in points)
    middle = top + side / 2
    parts += [
        tag("polyline", points=path, fill="none", stroke=_ACCENT, stroke_width=2, stroke_linejoin="round"),
        tag("text", axes[0], x=left + side / 2, y=top + side + 38, text_anchor="middle"),
        tag("text", axes[1], x=12, y=middle, text_anchor="middle", transform=f"rotate(-90 12 {middle})"),
    ]
    return tag("figure", tag("figcaption", title), _svg(left + side + 18, top + side + 46, title, *parts))


def scatter(x: Sequence[float], y: Sequence[float], title: str, axes: tuple[str, str]) -> Html:
    """Draw points over a dashed line at height 0; points that are not finite are left out."""
    points = [(a, b) for a, b in zip(x, y, strict=True) if isfinite(a) and isfinite(b)]
    if not points:
        return note(f"{title}: no points.")
    left, top, width, height = 70, 10, 520, 280
    first, last = min(a for a, _ in points), max(a for a, _ in points)
    reach = max(abs(b) for _, b in points) or 1.0

    def across(value: float) -> float:
        return round(left + ((value - first) / (last - first) if last > first else 0.5) * width, 1)

    def up(value: float) -> float:
        return round(top + (1 - value / reach) / 2 * height, 1)

    middle = top + height / 2
    parts = [
        tag("line", x1=left, x2=left + width, y1=up(0), y2=up(0), stroke=_FAINT, stroke_width=1.5, stroke_dasharray="5 4"),
        *(tag("text", number(tick), x=left - 8, y=up(tick) + 4, text_anchor="end") for tick in (-reach, 0.0, reach)),
        *(tag("text", number(tick), x=across(tick), y=top + height + 18, text_anchor="middle") for tick in dict.fromkeys((first, last))),
        *(tag("circle", cx=across(a), cy=up(b), r=2, fill=_ACCENT, fill_opacity=0.5) for a, b in points),
        tag("text", axes[0], x=left + width / 2, y=top + height + 38, text_anchor="middle"),
        tag("text", axes[1], x=12, y=middle, text_anchor="middle", transform=f"rotate(-90 12 {middle})"),
    ]
    return tag("figure", tag("figcaption", title), _svg(left + width + 30, top + height + 46, title, *parts))


def bars(values: Sequence[tuple[str, float, str]], title: str) -> Html:
    """Draw one horizontal bar for each (name, size, words after the bar); the largest takes the full length."""
    top = max((size for _, size, _ in values), default=0.0)
    if not isfinite(top) or top <= 0:
        return note(f"{title}: nothing to draw, all values are 0.")
    names = [name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…" for name, _, _ in values]
    line, left, length = 25, 20 + 7.4 * max(map(len, names)), 440
    parts = []
    for position, (name, (_, size, words)) in enumerate(zip(names, values, strict=True)):
        middle, width = position * line + line / 2, max(0.0, size / top * length)
        parts += [
            tag("text", name, x=f"{left - 12:.1f}", y=middle + 4.5, text_anchor="end", class_="name"),
            _rect(left, middle - 8, max(width, 1), 16),
            tag("text", words, x=f"{left + max(width, 1) + 8:.1f}", y=middle + 4.5),
        ]
    return _svg(left + length + 170, len(values) * line, title, *parts)


def _svg(width: float, height: float, title: str, *parts: Html) -> Html:
    box = {"viewBox": f"0 0 {width:g} {height:g}", "width": f"{width:g}", "height": f"{height:g}"}
    return tag("svg", tag("title", title), *parts, **box, role="img")


def _rect(x: float, y: float, width: float, height: float) -> Html:
    return tag("rect", x=f"{x:.1f}", y=f"{y:.1f}", width=f"{width:.1f}", height=f"{height:.1f}", fill=_ACCENT)
