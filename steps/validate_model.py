"""Validate the registered version."""

from typing import Annotated

from zenml import log_metadata, step

from stackhouse.record import Registration, ValidationReport
from stackhouse.table import Table
from stackhouse.trained import TrainedModel
from stacks.model_checks import check_version
from stacks.tracking import tracking_client


@step(enable_cache=False)
def validate_model(model: TrainedModel, registration: Registration, test: Table) -> Annotated[ValidationReport, "model_checks"]:
    """Check that the version loads, has a whole signature, scores raw rows as in training, and carries its metadata."""
    report = check_version(tracking_client(), registration, model, test)
    log_metadata({"passed": report.passed, "checks": len(report.checks)})
    return report
