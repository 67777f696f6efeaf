"""Accept leaks by name."""

from typing import Annotated

from zenml import log_metadata, step

from stackhouse.leaks.acceptance import accept
from stackhouse.leaks.report import LeakReport


@step
def accept_leaks(leaks: LeakReport, names: list[str]) -> Annotated[LeakReport, "leaks"]:
    """Let pass what the user has looked into and holds for no leak."""
    report = accept(leaks, names)
    log_metadata({"rejected": [f"{finding.check}: {finding.name}" for finding in report.rejected]})
    return report
