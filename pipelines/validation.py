"""From a version in the model registry to what is known of it before it is deployed."""

from zenml import pipeline
from zenml.enums import ExecutionMode

from stackhouse.model_validation import ValidationRequest
from steps.validate_version import validate_version


@pipeline(name="validation", execution_mode=ExecutionMode.FAIL_FAST)
def validation(request: ValidationRequest) -> None:
    """Validate a version on rows of its test table."""
    validate_version(request)
