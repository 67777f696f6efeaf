"""The frame of every page: escaping, numbers in words, tables, facts and the style sheet.

What a page says about its report belongs in the page's own module; charts belong in `svg.py`.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from math import isfinite, isnan

from pydantic import BaseModel


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


def text(value: object) -> Html:
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
    """Lay out rows under a head; a column is aligned to the right where its cells are numbers. `marked` is a row to stand out."""
    body = [[(text(cell), _is_number(cell)) for cell in row] for row in rows]
    if not body:
        return note("Nothing to list.")
    right = [all(numeric for _, numeric in column) for column in zip(*body, strict=True)]
    titles = [tag("th", name, scope="col", class_="n" if right[position] else "t") for position, name in enumerate(head)]
    lines = [
        tag("tr", *(tag("td", cell, class_="n" if numeric else "t") for cell, numeric in row), class_="marked" if position == marked else "plain")
        for position, row in enumerate(body)
    ]
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


def listed(items: Iterable[object]) -> Html:
    """List sentences."""
    return tag("ul", *(tag("li", item) for item in items))


def breakable(name: str) -> Html:
    """Allow a line break after each underscore of a name."""
    return Html(escape(name).replace("_", "_<wbr>"))


def page(kind: str, title: str, *content: object) -> str:
    """Frame the content as a whole document that loads nothing from elsewhere and runs no script."""
    header = tag("header", tag("p", kind, class_="kind"), tag("h1", title))
    head = f'<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{_POLICY}"><title>{text(f"{kind}: {title}")}</title>'
    return f'<!doctype html>\n<html lang="en"><head>{head}<style>{_STYLE}</style></head><body>{tag("main", header, *content)}</body></html>\n'


def _is_number(value: object) -> bool:
    return value is None or isinstance(value, (int, float, Number)) and not isinstance(value, bool)


_POLICY = "default-src 'none'; style-src 'unsafe-inline'"

_STYLE = """
:root { color-scheme: light; --ink: #1d2530; --soft: #5d6775; --rule: #e3e7ec; --tint: #f6f8fa; --accent: #2f5d8a;
  --good: #1a7348; --bad: #b3261e; --warn: #8a5300; }
* { box-sizing: border-box; }
body { margin: 0; background: #fff; color: var(--ink); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 920px; margin: 0 auto; padding: 28px 24px 48px; }
.kind { margin: 0; color: var(--soft); font-size: 13px; letter-spacing: .04em; }
h1 { margin: 2px 0 20px; font-size: 26px; line-height: 1.25; font-weight: 650; overflow-wrap: anywhere; }
h2 { margin: 36px 0 10px; font-size: 17px; font-weight: 650; }
h3 { margin: 20px 0 6px; font-size: 14px; font-weight: 600; color: var(--soft); }
p, ul { margin: 8px 0; max-width: 72ch; } ul { padding-left: 20px; } li { margin: 4px 0; }
.dim { color: #98a1ac; } .small { color: var(--soft); font-size: 12px; line-height: 1.35; }
.wide { overflow-x: auto; } .wide + .note { margin-top: 10px; }
table { border-collapse: collapse; font-size: 13.5px; font-variant-numeric: tabular-nums; } .wide > table { width: 100%; }
th { text-align: left; font-weight: 600; color: var(--soft); vertical-align: bottom; font-size: 12.5px; }
th, td { padding: 6px 10px; border-bottom: 1px solid var(--rule); } th:first-child, td:first-child { padding-left: 0; }
th:last-child, td:last-child { padding-right: 0; } thead th { border-bottom-color: #b9c1cb; }
.n { text-align: right; } td.n { white-space: nowrap; } td.t { overflow-wrap: anywhere; } tr.marked td { background: #eef4fa; font-weight: 600; }
tr.marked td:first-child { box-shadow: inset 3px 0 var(--accent); padding-left: 10px; } tr.marked .small { font-weight: 400; }
.facts th { vertical-align: top; padding-right: 28px; font-size: 13.5px; font-weight: 500; } .facts td { overflow-wrap: anywhere; }
.figures { display: flex; flex-wrap: wrap; gap: 12px 44px; margin: 20px 0; } .figures div { min-width: 84px; }
.figures dt { color: var(--soft); font-size: 12.5px; }
.figures dd { margin: 0; font-size: 24px; font-weight: 600; font-variant-numeric: tabular-nums; line-height: 1.3; }
.statement { margin: 20px 0; padding: 16px 20px; border-left: 5px solid; border-radius: 3px; } .statement p { margin: 4px 0 0; color: var(--ink); }
.statement .words { margin: 0; font-size: 26px; line-height: 1.25; font-weight: 700; color: inherit; }
.good { color: var(--good); border-color: var(--good); } .statement.good { background: #eef7f2; }
.bad { color: var(--bad); border-color: var(--bad); } .statement.bad { background: #fdf1f0; }
.quiet { color: var(--soft); border-color: #aab3be; } .statement.quiet { background: var(--tint); }
.note { font-size: 13.5px; } .note.warn { color: var(--warn); background: #fdf6e9; padding: 8px 12px; border-radius: 3px; }
.lead { font-size: 18px; line-height: 1.45; margin: 0 0 16px; } .pass { color: var(--good); font-weight: 600; } .fail { color: var(--bad); font-weight: 600; }
.charts { display: flex; flex-wrap: wrap; gap: 20px 32px; } figure { margin: 0; } figcaption { font-size: 13px; font-weight: 600; margin-bottom: 4px; }
svg { display: block; max-width: 100%; height: auto; font: 12px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
svg text { fill: var(--soft); font-variant-numeric: tabular-nums; }
svg .name { fill: var(--ink); font-size: 13px; }
.confusion td { text-align: center; padding: 12px 24px; border: 2px solid #fff; font-size: 18px; font-weight: 600; }
.confusion th { border: 0; padding: 4px 16px 4px 0; font-size: 13px; } .confusion thead th { text-align: center; padding: 4px 16px; }
pre { margin: 8px 0; padding: 12px 16px; background: var(--tint); border: 1px solid var(--rule); border-radius: 4px; font-size: 13px; overflow-x: auto; }
"""
