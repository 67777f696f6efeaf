"""Binarize the label."""

from typing import Annotated

from zenml import log_metadata, step

from stackhouse.labels import LabelReport, LabelRule, binarize
from stackhouse.table import Table
from steps.caching import CODE


@step(cache_policy=CODE)
def binarize_label(features: Table, rule: LabelRule) -> tuple[Annotated[Table, "labelled"], Annotated[LabelReport, "label_distribution"]]:
    """Turn the measured column into the label, leave out rows without one, and drop the column that would tell it."""
    labelled = binarize(features, rule)
    log_metadata({"positive_share": labelled.report.positive_share, "dropped": labelled.report.dropped})
    return labelled.table, labelled.report
