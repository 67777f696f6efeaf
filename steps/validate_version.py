"""Validate a version that the registry holds."""

from typing import Annotated

from zenml import log_metadata, step

from stackhouse.model_validation import ModelValidation, ValidationRequest
from stacks import version_validation
from stacks.feature_store import active_feature_store
from stacks.tracking import tracking_client


@step(enable_cache=False)
def validate_version(request: ValidationRequest) -> Annotated[ModelValidation, "validation"]:
    """Check that the version loads, has a whole signature, scores rows of the test table, carries its metadata; measure what it takes."""
    found = version_validation.validate_version(tracking_client(), active_feature_store(), request)
    log_metadata({"version": found.version, "outcome": found.outcome, "passed": found.passed})
    return found
