"""What ZenML's record says of a run that failed elsewhere: the error that a step raised, and steps that nobody ended."""

import re
from uuid import UUID

from zenml.client import Client
from zenml.enums import ExecutionStatus
from zenml.models.v2.core.step_run import StepRunUpdate
from zenml.utils.time_utils import utc_now

from stackhouse import errors
from stackhouse.errors import StackhouseError


def error_of(pipeline_run: UUID) -> StackhouseError | None:
    """Return the error of ours that stopped a step on the cluster, as a local run would have raised it; None where it was another."""
    for step in Client().get_pipeline_run(pipeline_run).steps.values():
        if step.status is ExecutionStatus.FAILED and step.exception_info is not None:
            return parse_error(step.exception_info.traceback)
    return None


def parse_error(traceback: str) -> StackhouseError | None:
    """Return the error of ours that a traceback ends with, or None."""
    starts = [found.start() for found in re.finditer(r"^\S.*$", traceback, re.MULTILINE) if not found[0].startswith("Traceback")]
    for start in reversed(starts):
        if found := re.match(r"(?:[\w]+\.)*(\w+): (.*)\Z", traceback[start:], re.DOTALL):
            kind = getattr(errors, found[1], None)
            if isinstance(kind, type) and issubclass(kind, StackhouseError):
                return kind(found[2].strip())
    return None


def end_steps(pipeline_run: UUID, status: ExecutionStatus) -> None:
    """End the steps that still count as running although their tasks have ended."""
    client = Client()
    for step in client.get_pipeline_run(pipeline_run).steps.values():
        if not step.status.is_finished:
            client.zen_store.update_run_step(step.id, StepRunUpdate(status=status, end_time=utc_now()))
