"""The page of a table profile: the spread of each feature, and never a raw row."""

from materializers.pages.layout import Html, figures, note, page, section, table
from materializers.pages.svg import histogram
from stackhouse.profile import TableProfile

_HEAD = ("feature", "distribution", "min", "25 %", "median", "75 %", "max", "mean", "std", "unusable")


def profile_page(report: TableProfile) -> str:
    """Show rows, and quantiles, mean, spread and histogram of each feature."""
    rows = [
        (name, histogram(column.histogram, f"Histogram of {name}"), *column.quantiles, column.mean, column.std, column.unusable)
        for name, column in report.columns.items()
    ]
    texts = [
        (name, column.distinct, ", ".join(f"{text} ({count:,})" for text, count in column.most_frequent), column.missing)
        for name, column in report.texts.items()
    ]
    numbers = figures({"rows": report.rows, "features": len(rows) + len(texts)})
    hint = note("Quantiles and histograms are over finite values; unusable counts NaN, ±Inf and null.")
    described = section("Texts and dates", table(("feature", "different", "most frequent", "missing"), texts)) if texts else Html()
    return page("Table profile", report.table, numbers, section("Features", table(_HEAD, rows), hint), described)
