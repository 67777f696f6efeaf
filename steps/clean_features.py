"""Clean features."""

from typing import Annotated

from zenml import log_metadata, step

from stackhouse.cleaning import CleaningReport, CleaningRule, clean
from stackhouse.table import Table
from steps.caching import CODE


@step(cache_policy=CODE)
def clean_features(features: Table, rule: CleaningRule) -> tuple[Annotated[Table, "features"], Annotated[CleaningReport, "cleaning"]]:
    """Replace NaN, ±Inf and null in the features and count what was replaced, or refuse them where the rule says so."""
    cleaned = clean(features, rule)
    log_metadata({"replaced": cleaned.report.total})
    return cleaned.table, cleaned.report
