"""From a training run to a version in the model registry."""

from zenml import pipeline
from zenml.enums import ExecutionMode

from stackhouse.registrable import RegistrationRequest
from steps.register_run import register_run


@pipeline(name="registration", execution_mode=ExecutionMode.FAIL_FAST)
def registration(request: RegistrationRequest) -> None:
    """Register a run whose gate has passed."""
    register_run(request)
