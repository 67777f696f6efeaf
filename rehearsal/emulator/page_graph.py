"""The graph of a run's tasks as inline SVG: left to right by depth, coloured by state."""

from collections.abc import Mapping, Sequence

from materializers.pages.layout import Html, tag

WIDTH, HEIGHT, ACROSS, DOWN, EDGE = 178, 46, 40, 16, 8
LONGEST = 22
SMALLEST = 0.65
"""How far a wide graph shrinks before it scrolls."""

COLOURS = {
    "SUCCESS": ("#e6f4ec", "#1a7348"),
    "RUNNING": ("#e4eefb", "#2f5d8a"),
    "PENDING": ("#eef4fa", "#5b84ad"),
    "WAITING_FOR_RETRY": ("#fdf6e9", "#8a5300"),
    "FAILED": ("#fdeceb", "#b3261e"),
    "TIMEDOUT": ("#fdeceb", "#b3261e"),
    "UPSTREAM_FAILED": ("#faf0f0", "#a06a66"),
    "CANCELED": ("#f1f1f4", "#5d6775"),
}
OTHER = ("#f6f8fa", "#98a1ac")
"""Fill and line by state."""


def graph(tasks: Mapping[str, Sequence[str]], states: Mapping[str, tuple[str, str]]) -> Html:
    """Draw tasks with those that each waits for; `states` holds the state of each and the words below its name."""
    places = _places(tasks)
    right = max((column for column, _row in places.values()), default=0)
    lowest = max((row for _column, row in places.values()), default=0)
    width, height = (right + 1) * (WIDTH + ACROSS) - ACROSS + 2 * EDGE, (lowest + 1) * (HEIGHT + DOWN) - DOWN + 2 * EDGE
    lines = [_line(_at(places[above]), _at(places[key])) for key, needed in tasks.items() for above in needed]
    boxes = [_box(key, *_at(places[key]), *states[key]) for key in tasks]
    size = {"viewBox": f"0 0 {width} {height}", "width": str(width), "height": str(height)}
    fits = f"width:100%;min-width:{width * SMALLEST:.0f}px;max-width:{width}px;margin:0 auto"
    drawn = tag("svg", tag("title", "Tasks of the run"), *lines, *boxes, **size, role="img", style=fits)
    # Wider than the column of text, where the window has room
    return tag(
        "div",
        drawn,
        class_="wide",
        style=f"position:relative;left:50%;transform:translateX(-50%);width:min(100vw - 48px, {max(width, 872)}px)",
    )


def _places(tasks: Mapping[str, Sequence[str]]) -> dict[str, tuple[int, int]]:
    """Return column and row of each task; a task stands one column after the last of those that it waits for."""
    depths: dict[str, int] = {}
    waiting = dict(tasks)
    while waiting:
        for key in [key for key, needed in waiting.items() if all(above in depths for above in needed)]:
            depths[key] = max((depths[above] + 1 for above in waiting.pop(key)), default=0)
    rows = dict.fromkeys(depths.values(), -1)
    places = {}
    for key in tasks:
        rows[depths[key]] += 1
        places[key] = (depths[key], rows[depths[key]])
    return places


def _at(place: tuple[int, int]) -> tuple[int, int]:
    column, row = place
    return EDGE + column * (WIDTH + ACROSS), EDGE + row * (HEIGHT + DOWN)


def _line(start: tuple[int, int], end: tuple[int, int]) -> Html:
    x1, y1, x2, y2 = start[0] + WIDTH, start[1] + HEIGHT / 2, end[0], end[1] + HEIGHT / 2
    bend = (x2 - x1) / 2
    path = f"M{x1} {y1:g} C{x1 + bend:g} {y1:g} {x2 - bend:g} {y2:g} {x2} {y2:g}"
    return tag("path", d=path, fill="none", stroke="#b9c1cb", stroke_width=1.5)


def _box(key: str, x: int, y: int, state: str, words: str) -> Html:
    fill, line = COLOURS.get(state, OTHER)
    name = key if len(key) <= LONGEST else f"{key[: LONGEST - 1]}…"
    parts = (
        tag("title", f"{key}: {state}"),
        tag("rect", x=x, y=y, width=WIDTH, height=HEIGHT, rx=5, fill=fill, stroke=line, stroke_width=1.5),
        tag("text", name, x=x + 12, y=y + 19, class_="name"),
        tag("text", words, x=x + 12, y=y + 36, style=f"fill:{line}"),
    )
    return tag("a", *parts, href=f"#{key}")
