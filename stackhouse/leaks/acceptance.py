"""Acceptance of leaks by name alone, as a command is told it; a model file accepts each by check and name, with a reason."""

from collections.abc import Collection, Iterator

from stackhouse.leaks.report import LeakFinding, LeakReport


def accept(report: LeakReport, names: Collection[str]) -> LeakReport:
    """Return the report with the findings of these names accepted, and one for each name that nothing was found for."""
    return report.model_copy(update={"findings": tuple(_accepted(report, names))})


def _accepted(report: LeakReport, names: Collection[str]) -> Iterator[LeakFinding]:
    for finding in report.findings:
        if finding.level == "reject" and finding.name in names:
            yield finding.model_copy(update={"level": "accepted", "message": f"{finding.message} Accepted by name."})
        else:
            yield finding
    rejected = {finding.name for finding in report.rejected}
    for name in names:
        if name not in rejected:
            told = f"'{name}' is accepted, but was not found. Leave it out: it would hide a later leak."
            yield LeakFinding(check="single_feature", name=name, value=None, limit=None, level="info", message=told)
