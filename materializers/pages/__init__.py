"""Pages of the reports."""

from stackhouse.report import Report


def render(report: Report) -> str:
    """Render a report."""
    return f"<pre>{report.model_dump_json(indent=2)}</pre>"
