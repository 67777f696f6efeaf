"""Register the model of a training run that is on record."""

from typing import Annotated

from zenml import log_metadata, step

from stackhouse.record import Registration
from stackhouse.registrable import RegistrationRequest
from stacks import registration
from stacks.tracking import tracking_client


@step(enable_cache=False)
def register_run(request: RegistrationRequest) -> Annotated[Registration, "registration"]:
    """Register the run that is named, or the newest whose gate has passed. Never cached: the registry itself knows what it holds."""
    registered = registration.register_run(tracking_client(), request)
    log_metadata({"name": registered.name, "version": str(registered.version), "new": registered.new})
    return registered
