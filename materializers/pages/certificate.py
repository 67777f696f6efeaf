"""The page of a point-in-time certificate: that no training row saw its future, and the numbers that show it."""

from materializers.pages.layout import facts, note, page, section, share, statement
from stackhouse.point_in_time import Certificate


def certificate_page(report: Certificate) -> str:
    """State whether the join looked ahead, and show rows, losses and ages."""
    numbers = {
        "labels (spine)": report.spine,
        "features": report.features,
        "label rows": report.spine_rows,
        "rows with features": report.matched_rows,
        "rows lost, no feature was known yet": f"{report.rows_lost:,} ({share(report.rows_lost, report.spine_rows)})",
        "latest feature time minus label time": _hours(report.latest_feature_minus_label_hours),
        "median age of the features": _hours(report.median_age_hours),
        "oldest age of the features": _hours(report.oldest_age_hours),
    }
    if report.latest_feature_minus_label_hours <= 0:
        claim = statement("No feature is later than its label", "good", f"Measured on all {report.matched_rows:,} joined rows.")
    else:
        claim = statement("A feature is later than its label", "bad", "These rows leak the future; do not train on them.")
    hint = note("Age is label time minus feature time. A feature that is exactly as old as the label (age 0) counts as known.")
    title = f"{report.features} joined to {report.spine}"
    return page("Point-in-time certificate", title, claim, section("Measured", facts(numbers), hint))


def _hours(hours: float) -> str:
    return f"{hours + 0.0:,.1f} h"
