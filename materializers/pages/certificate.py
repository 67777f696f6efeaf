"""The page of a point-in-time certificate: that no training row saw its future, and the numbers that show it."""

from materializers.pages.layout import Html, facts, note, page, section, share, statement, table
from stackhouse.certificate import Certificate, LookupMatch


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
    if report.rows_measured == 0:
        claim = statement(
            "No feature has a time", "quiet", "Features of tables without a timestamp are as they are now; nothing to compare."
        )
    elif report.latest_feature_minus_label_hours <= 0:
        claim = statement("No feature is later than its label", "good", f"Measured on all {_measured(report):,} joined rows.")
    else:
        claim = statement("A feature is later than its label", "bad", "These rows leak the future; do not train on them.")
    hint = note("Age is label time minus feature time. A feature that is exactly as old as the label (age 0) counts as known.")
    title = f"{report.features} joined to {report.spine}"
    return page("Point-in-time certificate", title, claim, *_lost(report), section("Measured", facts(numbers), hint), *_lookups(report))


def _measured(report: Certificate) -> int:
    return report.matched_rows if report.rows_measured is None else report.rows_measured


def _lost(report: Certificate) -> list[Html]:
    return [note(report.lost_message, tone="warn")] if report.lost_message else []


def _lookups(report: Certificate) -> list[Html]:
    head = ("table", "by", "rows matched", "filled by defaults", "rows lost", "keys of the labels", "keys of the table", "keys not in it")
    rows = (
        (match.table, match.lookup_key, match.rows_matched, match.rows_filled, match.rows_lost, *_keys(match)) for match in report.lookups
    )
    return [section("Lookups", table(head, rows))] if report.lookups else []


def _keys(match: LookupMatch) -> tuple[int, int, int]:
    return match.spine_keys, match.table_keys, match.absent_keys


def _hours(hours: float) -> str:
    return f"{hours + 0.0:,.1f} h"
