"""The page of a validation: what came of it, each check, what it takes to serve the version, and the limits that it does not keep."""

from materializers.pages.layout import MISSING, Html, Number, facts, listed, metric, page, section, statement, table
from materializers.pages.verdict import passed
from stackhouse.model_validation import ModelValidation

_TONES = {"PASSED": "good", "WARNING": "quiet", "FAILED": "bad"}


def model_validation_page(report: ModelValidation) -> str:
    """State the outcome, then show what it comes from."""
    said = f"{report.passed} of {len(report.checks)} checks passed{'; all of them have to' if report.strict else ''}."
    claim = statement(report.outcome, _TONES[report.outcome], said)
    rows = [(check.name, passed(check.passed), check.detail) for check in report.checks]
    checks = section("Checks", table(("check", "passed", "detail"), rows))
    kept = section("Limits that are not kept", listed(report.exceeded)) if report.exceeded else Html()
    return page("Validation", f"{report.name}, version {report.version}", claim, checks, kept, _readiness(report))


def _readiness(report: ModelValidation) -> Html:
    found = report.readiness
    low, high = found.probability_low, found.probability_high
    accuracy = {f"accuracy ({report.accuracy.where})": metric(report.accuracy.value)} if report.accuracy else {}
    return section(
        "Readiness",
        facts(
            {
                "size of its files": _megabytes(found.size_bytes),
                "memory that loading and scoring took": _megabytes(found.memory_bytes),
                "one row, median": _milliseconds(found.row_ms),
                f"a batch of {found.batch_rows:,} rows, median": _milliseconds(found.batch_ms),
                "probabilities": MISSING if low is None or high is None else f"{low:.4f} to {high:.4f}",
                "rows scored": f"{report.sample_rows:,} of {report.test_table}",
                **accuracy,
            }
        ),
    )


def _megabytes(value: int | None) -> Html:
    return MISSING if value is None else Number(f"{value / 1e6:,.3g} MB")


def _milliseconds(value: float | None) -> Html:
    return MISSING if value is None else Number(f"{value:,.3g} ms")
