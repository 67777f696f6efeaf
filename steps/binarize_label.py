"""Binarize the label."""

from typing import Annotated

from zenml import log_metadata, step

from stackhouse.labels.labelling import label_rows
from stackhouse.labels.report import LabelReport
from stackhouse.labels.rules import LabelRule
from stackhouse.table import Table
from steps.caching import CODE


@step(cache_policy=CODE)
def binarize_label(features: Table, rule: LabelRule) -> tuple[Annotated[Table, "labelled"], Annotated[LabelReport, "label_distribution"]]:
    """Turn the measured columns into the labels, leave out rows without one, and drop the columns that would tell it."""
    labelled = label_rows(features, rule)
    report = labelled.report
    share = {} if report.positive_share is None else {"positive_share": report.positive_share}
    log_metadata({"rows": report.rows, "dropped": report.dropped, **share})
    return labelled.table, report
