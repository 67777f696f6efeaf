"""A run of a job that is followed to its end: progress step by step, and a clear error where it fails."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from databricks.sdk import WorkspaceClient
from databricks.sdk.service.jobs import Run, RunResultState, RunTask, TerminationCodeCode, TerminationTypeType
from zenml.enums import ExecutionStatus

from stackhouse.errors import InfrastructureError
from stacks.databricks.client import asked

log = logging.getLogger("zenml.stackhouse.databricks")
"""Below ZenML's logger: our commands turn its lines into their own."""

FAILURES_TOLERATED = 10
"""How often in a row the workspace may not answer before following ends; the run itself goes on."""

_STATES = {
    "BLOCKED": ExecutionStatus.PROVISIONING,
    "PENDING": ExecutionStatus.PROVISIONING,
    "QUEUED": ExecutionStatus.PROVISIONING,
    "WAITING": ExecutionStatus.PROVISIONING,
    "RUNNING": ExecutionStatus.RUNNING,
    "TERMINATING": ExecutionStatus.RUNNING,
}


def status_of(run: Run | RunTask) -> ExecutionStatus:
    """Return ZenML's word for the state of a run or a task."""
    state = run.status.state.value if run.status and run.status.state else "PENDING"
    if state != "TERMINATED":
        return _STATES.get(state, ExecutionStatus.RUNNING)
    details = run.status.termination_details if run.status else None
    if details and details.type is TerminationTypeType.SUCCESS:
        return ExecutionStatus.COMPLETED
    if run.state and run.state.result_state is RunResultState.TIMEDOUT:
        return ExecutionStatus.FAILED  # its code is CANCELED, as that of a run which somebody cancelled
    if details and details.code in {TerminationCodeCode.CANCELED, TerminationCodeCode.USER_CANCELED}:
        return ExecutionStatus.STOPPED
    return ExecutionStatus.FAILED


def last_attempts(run: Run) -> list[RunTask]:
    """Return the last attempt of each task; a run lists them all."""
    last: dict[str, RunTask] = {}
    for task in run.tasks or []:
        if task.task_key not in last or _attempt(task) >= _attempt(last[task.task_key]):
            last[task.task_key] = task
    return list(last.values())


def is_tried_again(task: RunTask) -> bool:
    """Say whether an attempt that failed is followed by another; -1 retries are without end, and a timeout is retried on request alone."""
    retries = task.max_retries or 0
    left = retries < 0 or _attempt(task) < retries
    return left and (_code(task) in {"", "FAILED"} or (_code(task) == "TIMEDOUT" and bool(task.retry_on_timeout)))


def reason(run: Run) -> str:
    """Say why a run did not succeed: the tasks that failed by themselves, with what the workspace says of each."""
    failed = [task for task in last_attempts(run) if status_of(task) is ExecutionStatus.FAILED]
    own = [task for task in failed if _code(task) not in {"UPSTREAM_FAILED", "SKIPPED"} and not _waited(task)] or failed
    said = [f"{task.task_key}: {_message(task)}" for task in own]
    return "; ".join(said) or _message(run)


@dataclass
class Following:
    """One run that is followed."""

    client: WorkspaceClient
    run_id: int
    poll_seconds: float
    start_timeout_seconds: float
    fail_fast: bool = True
    sleep: Callable[[float], None] = time.sleep
    cancelled: str | None = None
    """Why this following wanted the run cancelled, also where the answer to that was lost; None where it did not."""
    _cancelling: bool = False
    """Whether the workspace has taken the cancellation."""
    _seen: dict[tuple[str, int], ExecutionStatus] = field(default_factory=dict)
    """Status of each attempt of each task at the last look."""

    def to_end(self) -> Run:
        """Look at the run until it has ended, print what changes, and return it.

        With `fail_fast` the rest is cancelled as soon as one task has failed and is not tried again. A run whose compute does not start is
        cancelled. Where the workspace does not take a cancellation, it is asked again at the next look.

        Raises:
            InfrastructureError: where the workspace no longer answers; the run may still be going on.
        """
        begun, failures = time.monotonic(), 0
        while True:
            try:
                with asked(f"Run {self.run_id} cannot be followed"):
                    run = self.client.jobs.get_run(self.run_id)
                failures = 0
            except InfrastructureError:
                failures += 1
                if failures >= FAILURES_TOLERATED:
                    raise
                self.sleep(self.poll_seconds)
                continue
            self._tell(run)
            if status_of(run).is_finished:
                return run
            if not self._cancelling and (why := self._hopeless(run, time.monotonic() - begun)):
                self._cancel(why)
            self.sleep(self.poll_seconds)

    def _cancel(self, why: str) -> None:
        self.cancelled = why
        log.warning("Cancelling run %s: %s", self.run_id, why)
        try:
            with asked(f"Run {self.run_id} cannot be cancelled"):
                self.client.jobs.cancel_run(self.run_id)
            self._cancelling = True
        except InfrastructureError as error:
            log.warning("%s", error)

    def _hopeless(self, run: Run, seconds: float) -> str | None:
        """Say why there is no point in going on, or None."""
        if self.fail_fast and any(status_of(task) is ExecutionStatus.FAILED and not is_tried_again(task) for task in last_attempts(run)):
            return "a step has failed"
        waiting = all(status is ExecutionStatus.PROVISIONING for status in self._seen.values())
        if waiting and seconds > self.start_timeout_seconds:
            return f"its compute did not start within {self.start_timeout_seconds:g} s"
        return None

    def _tell(self, run: Run) -> None:
        for task in run.tasks or []:
            status, attempt = status_of(task), (task.task_key, _attempt(task))
            if status is self._seen.get(attempt):
                continue
            self._seen[attempt] = status
            if status is ExecutionStatus.COMPLETED:
                log.info("Step `%s` has finished in `%.1fs`.", task.task_key, _seconds(task))
            elif status is ExecutionStatus.RUNNING:
                log.info("Step `%s` has started.", task.task_key)
            elif status is ExecutionStatus.FAILED and is_tried_again(task):
                log.warning("Step `%s` has failed at attempt %d and is tried again: %s", task.task_key, _attempt(task) + 1, _message(task))
            elif status is ExecutionStatus.FAILED:
                log.error("Step `%s` has failed: %s", task.task_key, _message(task))


def _seconds(task: RunTask) -> float:
    return ((task.end_time or 0) - (task.start_time or 0)) / 1000


def _attempt(task: RunTask) -> int:
    return task.attempt_number or 0


def _code(task: RunTask) -> str:
    state = task.state.result_state if task.state else None
    return state.value if state else ""


def _waited(task: RunTask) -> bool:
    return "upstream" in _message(task).lower()


def _message(run: Run | RunTask) -> str:
    details = run.status.termination_details if run.status else None
    said = (run.state.state_message if run.state else None) or (details.message if details else None)
    code = details.code.value if details and details.code else "no reason given"
    return f"{said} ({code})" if said else code
