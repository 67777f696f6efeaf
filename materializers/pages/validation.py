"""The page of a validated table: each dimension of its quality, what was expected there, and how many rows break it."""

from materializers.pages.layout import Html, figures, listed, note, page, section, statement, table
from materializers.pages.verdict import passed
from stackhouse.validation import DIMENSIONS, Dimension, ExpectationResult, ValidationResult

QUESTIONS: dict[Dimension, str] = {
    "completeness": "Is anything missing?",
    "validity": "Can each value be true?",
    "consistency": "Do the columns agree with each other?",
    "uniqueness": "Does each row stand once?",
    "freshness": "Is the newest row new enough?",
    "target": "Is the target distributed as it should be?",
}
_HEAD = ("expectation", "column", "observed", "rows unexpected", "verdict")


def data_validation_page(report: ValidationResult) -> str:
    """State whether the table was accepted, then show each expectation under its dimension."""
    failed = len(report.failed)
    if not report.expectations:
        claim = statement("NOTHING TO CHECK", "quiet")
    elif failed:
        claim = statement("Data quality issue detected", "bad", f"{failed} of {len(report.expectations)} failed; nothing was written.")
    else:
        claim = statement("PASSED", "good", f"All {len(report.expectations)} expectations are met.")
    names = figures({"rows": report.rows, "expectations": len(report.expectations), "failed": failed})
    reasons = section("Failed", listed(result.observed for result in report.failed)) if failed else Html()
    return page("Data validation", report.table, claim, names, reasons, *(_dimension(report, dimension) for dimension in DIMENSIONS))


def _dimension(report: ValidationResult, dimension: Dimension) -> Html:
    rows = [_row(result) for result in report.of(dimension)]
    shown = table(_HEAD, rows) if rows else note("Nothing is expected here.")
    return section(f"{dimension.capitalize()}: {QUESTIONS[dimension]}", shown)


def _row(result: ExpectationResult) -> tuple[object, ...]:
    return (result.expectation, result.columns or "the table", result.observed, result.rows_unexpected, passed(result.passed))
