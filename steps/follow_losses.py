"""Follow the losses of a fit on rows held out."""

from typing import Annotated

from zenml import log_metadata, step

from stackhouse.fitted import ScoringRules
from stackhouse.leaks.report import LeakReport
from stackhouse.table import Table
from stackhouse.tuning import comparison


@step
def follow_losses(
    train: Table, validation: Table, rules: ScoringRules, metric: str, leaks: LeakReport
) -> Annotated[comparison.TuningReport, "tuning"]:
    """Fit to the training rows alone and measure on the validation rows; where leaks were found, nothing is fitted."""
    if leaks.rejection:
        return comparison.TuningReport(metric=metric, skipped=leaks.rejection)
    report = comparison.tune(train, validation, (rules,), metric).report
    log_metadata({"skipped": report.skipped or "no"})
    return report
