"""ZenML's record of a run that goes on elsewhere: its id there, the error that a step raised, and an end where nobody else writes one."""

import logging
import re
from contextlib import suppress
from uuid import UUID

from zenml.client import Client
from zenml.enums import ExecutionStatus
from zenml.exceptions import IllegalOperationError
from zenml.models.v2.core.pipeline_run import PipelineRunUpdate
from zenml.models.v2.core.step_run import StepRunUpdate
from zenml.orchestrators.publish_utils import publish_pipeline_run_status_update
from zenml.utils.time_utils import utc_now

from stackhouse import errors
from stackhouse.errors import StackhouseError

REASON_CHARACTERS = 250
"""So much of a reason fits into ZenML's record."""

log = logging.getLogger(__name__)


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


def record_run_id(pipeline_run: UUID, run_id: int) -> None:
    """Keep the id of the job's run, without which ZenML can neither stop nor refresh it; the first task may have been faster."""
    try:
        Client().zen_store.update_run(pipeline_run, PipelineRunUpdate(orchestrator_run_id=str(run_id)))
    except (IllegalOperationError, RuntimeError) as error:
        log.debug("The run's id is on record already: %s", error)


def end_run(pipeline_run: UUID, status: ExecutionStatus, reason: str) -> None:
    """End the record of a run, and of the steps that still count as running although their tasks have ended.

    Source: ZenML takes STOPPED only from a run that is STOPPING, and refuses to change what has ended meanwhile.
    """
    client = Client()
    if status is ExecutionStatus.STOPPED:
        with suppress(IllegalOperationError):
            publish_pipeline_run_status_update(pipeline_run, ExecutionStatus.STOPPING)
    for step in client.get_pipeline_run(pipeline_run).steps.values():
        if not step.status.is_finished:
            with suppress(IllegalOperationError):
                client.zen_store.update_run_step(step.id, StepRunUpdate(status=status, end_time=utc_now()))
    with suppress(IllegalOperationError):
        publish_pipeline_run_status_update(pipeline_run, status, reason[:REASON_CHARACTERS])
