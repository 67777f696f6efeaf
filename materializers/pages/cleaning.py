"""The page of a cleaning report: what was replaced, by what, and how much of each feature that is."""

from materializers.pages.layout import figures, note, number, page, section, share, table
from stackhouse.cleaning import CleaningReport, Replaced

_HEAD = ("feature", "null", "NaN", "±Inf", "replaced", "share of rows", "replaced by")


def cleaning_page(report: CleaningReport) -> str:
    """Show the replaced values of each feature and in total."""
    touched = sum(column.total > 0 for column in report.replaced.values())
    rows = [(name, *_counts(found), share(found.total, report.rows), found.replacement) for name, found in report.replaced.items()]
    title = f"{number(report.total)} values replaced" if report.total else "Nothing to replace"
    numbers = figures({"rows": report.rows, "features touched": f"{touched} of {len(rows)}"})
    hint = note("Every row stays. The same rule is part of the registered model and cleans the rows that it scores.")
    return page("Cleaning", title, numbers, section("Features", table(_HEAD, rows), hint))


def _counts(found: Replaced) -> tuple[int, int, int, int]:
    return found.null, found.nan, found.infinite, found.total
