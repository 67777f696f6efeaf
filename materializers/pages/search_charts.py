"""Charts of a search as inline SVG: the metric by trial, what was drawn from each range, and losses by iteration."""

from collections.abc import Mapping, Sequence
from math import isfinite, log

from materializers.pages.layout import Html, note, number, tag
from stackhouse.algorithms import Choices, Space

_ACCENT, _BEST, _RULE, _FAINT = "#2f5d8a", "#b4531f", "#e3e7ec", "#98a1ac"
_LEFT, _TOP, _WIDTH, _HEIGHT = 84, 12, 560, 240
_MOST_POINTS = 400


def trials_chart(values: Sequence[float], pruned: Sequence[bool], best: Sequence[float], chosen: int, metric: str) -> Html:
    """Draw a point for each trial, hollow where it was pruned, the best so far as a line, and a ring around the chosen one.

    Args:
        values: mean of each trial over its folds, in the order of the trials; those beyond the whole trials' lie on the edge.
        pruned: whether each trial was pruned.
        best: the best mean of a whole trial up to each trial.
        chosen: position of the chosen trial.
        metric: name of the vertical axis.
    """
    whole = [value for value, ended in zip(values, pruned, strict=True) if not ended and isfinite(value)]
    if not whole:
        return note("No trial has a value.")
    axes = _Axes(1, max(len(values), 2), min(whole), max(whole))
    line = [(axes.across(1), axes.up(best[0]))]
    for position, value in enumerate(best[1:], 2):
        line += [(axes.across(position), line[-1][1]), (axes.across(position), axes.up(value))]
    points = [
        tag(
            "circle",
            cx=axes.across(position),
            cy=axes.up(value),
            r=3,
            fill="none" if ended else _ACCENT,
            stroke=_FAINT if ended else _ACCENT,
        )
        for position, (value, ended) in enumerate(zip(values, pruned, strict=True), 1)
        if isfinite(value)
    ]
    x, y = axes.across(chosen + 1), axes.up(values[chosen])
    mark = [
        tag("circle", cx=x, cy=y, r=7, fill="none", stroke=_BEST, stroke_width=2),
        tag("text", "chosen", x=x, y=y + 22, text_anchor="middle"),
    ]
    return _figure(
        f"{metric} by trial: the best so far as a line, pruned trials hollow", axes, ("trial", metric), _line(line, _BEST), *points, *mark
    )


def losses_chart(name: str, train: Sequence[float], validation: Sequence[float]) -> Html:
    """Draw the losses by iteration, that of the training rows dashed."""
    finite = [value for value in (*train, *validation) if isfinite(value)]
    if not finite:
        return note("No iteration has a loss.")
    axes = _Axes(1, max(len(train), 2), min(finite), max(finite))
    step = max(1, len(train) // _MOST_POINTS)
    lines = []
    for values, dash, color in ((train, "5 4", _FAINT), (validation, "none", _ACCENT)):
        shown = [(axes.across(at + 1), axes.up(values[at])) for at in range(0, len(values), step) if isfinite(values[at])]
        lines.append(_line(shown, color, dash))
    return _figure(f"{name} by iteration: validation rows, and training rows dashed", axes, ("iteration", name), *lines)


def space_chart(spaces: dict[str, Space], drawn: Sequence[Mapping[str, object]], good: Sequence[bool], chosen: int | None) -> Html:
    """Draw a line for each range or list of choices, a tick for each value drawn, dark in the better half of the trials.

    Args:
        spaces: what was searched, by field.
        drawn: the values of each trial by field; a field may be missing.
        good: whether each trial is among the better half.
        chosen: position of the chosen trial among them, which gets a ring; None where it is none of them.
    """
    line, left, length = 34, 210, 400
    parts = []
    for row, (field, space) in enumerate(spaces.items()):
        middle = row * line + 14
        first, last = (space.choices[0], space.choices[-1]) if isinstance(space, Choices) else (space.low, space.high)
        parts += [
            tag("text", field, x=left - 66, y=middle + 4.5, text_anchor="end", class_="name"),
            tag("text", _word(first), x=left - 8, y=middle + 4.5, text_anchor="end"),
            tag("text", _word(last), x=left + length + 8, y=middle + 4.5),
            tag("line", x1=left, x2=left + length, y1=middle, y2=middle, stroke=_RULE, stroke_width=2),
        ]
        for position, values in enumerate(drawn):
            if field in values:
                x = round(left + _place(space, values[field]) * length, 1)
                color = _ACCENT if good[position] else _FAINT
                parts.append(tag("line", x1=x, x2=x, y1=middle - 6, y2=middle + 6, stroke=color, stroke_width=1.5))
                if position == chosen:
                    parts.append(tag("circle", cx=x, cy=middle, r=8, fill="none", stroke=_BEST, stroke_width=2))
    title = "What was drawn: dark in the better half of the trials, the chosen one ringed"
    return tag("figure", tag("figcaption", title), _svg(left + length + 90, len(spaces) * line, title, *parts))


class _Axes:
    """Where values lie in the picture; what is beyond an end lies on it."""

    def __init__(self, first: float, last: float, low: float, high: float) -> None:
        self.first, self.last, self.low, self.high = first, last, low, high if high > low else low + (abs(low) or 1)

    def across(self, value: float) -> float:
        return round(_LEFT + (value - self.first) / (self.last - self.first) * _WIDTH, 1)

    def up(self, value: float) -> float:
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return round(_TOP + (1 - share) * _HEIGHT, 1)


def _place(space: Space, value: object) -> float:
    """Where a value lies between the ends, from 0 to 1."""
    if isinstance(space, Choices):
        return space.choices.index(value) / max(len(space.choices) - 1, 1)
    low, high, here = float(space.low), float(space.high), float(str(value))
    return (log(here) - log(low)) / (log(high) - log(low)) if space.log else (here - low) / (high - low)


def _word(value: object) -> object:
    return number(value) if isinstance(value, int | float) and not isinstance(value, bool) else "none" if value is None else str(value)


def _line(points: Sequence[tuple[float, float]], color: str, dash: str = "none") -> Html:
    path = " ".join(f"{x},{y}" for x, y in points)
    return tag("polyline", points=path, fill="none", stroke=color, stroke_width=1.8, stroke_linejoin="round", stroke_dasharray=dash)


def _figure(title: str, axes: _Axes, names: tuple[str, str], *parts: Html) -> Html:
    frame = []
    for share in (0.0, 0.5, 1.0):
        value, y = axes.low + share * (axes.high - axes.low), round(_TOP + (1 - share) * _HEIGHT, 1)
        frame += [
            tag("line", x1=_LEFT, x2=_LEFT + _WIDTH, y1=y, y2=y, stroke=_RULE),
            tag("text", f"{value:.4g}", x=_LEFT - 8, y=y + 4, text_anchor="end"),
        ]
    for value in dict.fromkeys((axes.first, axes.last)):
        frame.append(tag("text", number(value), x=axes.across(value), y=_TOP + _HEIGHT + 18, text_anchor="middle"))
    frame += [
        tag("text", names[0], x=_LEFT + _WIDTH / 2, y=_TOP + _HEIGHT + 36, text_anchor="middle"),
        tag("text", names[1], x=12, y=_TOP + _HEIGHT / 2, text_anchor="middle", transform=f"rotate(-90 12 {_TOP + _HEIGHT / 2})"),
    ]
    return tag("figure", tag("figcaption", title), _svg(_LEFT + _WIDTH + 30, _TOP + _HEIGHT + 44, title, *frame, *parts))


def _svg(width: float, height: float, title: str, *parts: Html) -> Html:
    box = {"viewBox": f"0 0 {width:g} {height:g}", "width": f"{width:g}", "height": f"{height:g}"}
    return tag("svg", tag("title", title), *parts, **box, role="img")
