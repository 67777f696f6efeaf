"""The parts of every page: escaping, numbers as text, tables, facts, and the frame around them.

What a page says about its report belongs in the page's own module, charts in `svg.py`, CSS in `style.py`.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from math import isfinite, isnan

from pydantic import BaseModel

from materializers.pages.style import STYLE


class Html(str):
    """Markup that is safe to show as it is. Every other value is escaped by `text`."""

    __slots__ = ()


class Number(Html):
    """A formatted number; tables align it to the right."""

    __slots__ = ()


MISSING = Number('<span class="dim">–</span>')


def tag(name: str, *content: object, **attributes: object) -> Html:
    """Build an element. Content and attributes are escaped, `class_` stands for `class`, and `stroke_width` for `stroke-width`.

    >>> tag("p", "1 < 2", class_="note")
    '<p class="note">1 &lt; 2</p>'
    """
    written = "".join(f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"' for key, value in attributes.items())
    return Html(f"<{name}{written}>{''.join(map(text, content))}</{name}>")


def text(value: object) -> Html:  # noqa: PLR0911 - one return a type
    """Show any value: markup as it is, numbers with separators, times in UTC, records as facts, all else as escaped text."""
    match value:
        case Html():
            return value
        case None:
            return MISSING
        case bool():
            return Html("yes" if value else "no")
        case int() | float():
            return number(value)
        case datetime():
            return instant(value)
        case BaseModel():
            return facts({name: getattr(value, name) for name in type(value).model_fields})
        case Mapping():
            return facts(value)
        case tuple() | list():
            return Html(", ".join(map(text, value))) if value else MISSING
        case _:
            return Html(escape(str(value)))


def number(value: float) -> Number:
    """Write a whole number with separators, any other with four significant digits.

    >>> number(76566), number(0.20713589), number(float("inf"))
    ('76,566', '0.2071', '∞')
    """
    if not isfinite(value):
        return Number("NaN" if isnan(value) else "∞" if value > 0 else "-∞")
    if value == int(value) and abs(value) < 1e15:
        return Number(f"{int(value):,}")
    return Number(f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}")


def metric(value: float | None) -> Number:
    """Write a metric with four decimals, so that columns of them line up.

    >>> metric(0.5)
    '0.5000'
    """
    return MISSING if value is None else Number(f"{value:.4f}") if isfinite(value) else number(value)


def share(part: float, whole: float = 1.0) -> Number:
    """Write a share in per cent; missing where the whole is 0.

    >>> share(51, 20460)
    '0.2 %'
    """
    return Number(f"{part / whole * 100:.1f} %") if whole else MISSING


def instant(time: datetime) -> Html:
    """Write a time to the minute, in UTC where it has a zone.

    >>> instant(datetime(2013, 10, 20, 9, tzinfo=UTC))
    '2013-10-20 09:00 UTC'
    """
    return Html(f"{time.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if time.tzinfo else f"{time:%Y-%m-%d %H:%M}")


def table(head: Sequence[object], rows: Iterable[Sequence[object]], marked: int | None = None) -> Html:
    """Lay out rows under a head; a column of numbers is aligned to the right. `marked` is the position of a row to stand out."""
    body = list(rows)
    if not body:
        return note("Nothing to list.")
    sides = ["n" if all(map(_is_number, column)) else "t" for column in zip(*body, strict=True)]
    titles = [tag("th", name, scope="col", class_=side) for name, side in zip(head, sides, strict=True)]
    cells = [[tag("td", cell, class_=side) for cell, side in zip(row, sides, strict=True)] for row in body]
    lines = [tag("tr", *row, class_="marked" if position == marked else "plain") for position, row in enumerate(cells)]
    return tag("div", tag("table", tag("thead", tag("tr", *titles)), tag("tbody", *lines)), class_="wide")


def facts(values: Mapping[str, object]) -> Html:
    """Lay out names and values, one pair in a line."""
    lines = [tag("tr", tag("th", name, scope="row"), tag("td", value)) for name, value in values.items()]
    return tag("table", *lines, class_="facts") if lines else MISSING


def figures(values: Mapping[str, object]) -> Html:
    """Show the few numbers that matter most, large and side by side."""
    return tag("dl", *(tag("div", tag("dt", name), tag("dd", value)) for name, value in values.items()), class_="figures")


def statement(words: str, tone: str, *more: object) -> Html:
    """Say the one thing that the page is about, large; the tone is good, bad or quiet."""
    return tag("div", tag("p", words, class_="words"), *(tag("p", line) for line in more), class_=f"statement {tone}")


def section(title: str, *content: object) -> Html:
    """Put content under a title."""
    return tag("section", tag("h2", title), *content)


def note(*content: object, tone: str = "quiet") -> Html:
    """Say something beside the numbers; the tone is quiet or warn."""
    return tag("p", *content, class_=f"note {tone}")


def listed(items: Iterable[object], kind: str = "sentences") -> Html:
    """List items below each other; `names` stand in columns."""
    return tag("ul", *(tag("li", item) for item in items), class_=kind)


def page(kind: str, title: str, *content: object) -> str:
    """Frame the content as a whole document that loads nothing from elsewhere and runs no script."""
    policy = "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
    head = f'<head><meta charset="utf-8">{policy}{tag("title", f"{kind}: {title}")}<style>{STYLE}</style></head>'
    header = tag("header", tag("p", kind, class_="kind"), tag("h1", title))
    return f'<!doctype html>\n<html lang="en">{head}<body>{tag("main", header, *content)}</body></html>\n'


def _is_number(value: object) -> bool:
    return value is None or (isinstance(value, int | float | Number) and not isinstance(value, bool))
