"""States of runs and tasks, in both forms in which the Jobs API gives them: `state` (2.1) and `status` (2.2).

A run whose task failed ends as INTERNAL_ERROR / FAILED although the task itself is TERMINATED / FAILED: that is what Databricks answers.
Where its documentation does not say, as of the type of a cancelled run, the likely word is given.

Source: comments of RunLifeCycleState, RunResultState and TerminationCodeCode in `databricks.sdk.service.jobs`.
"""

from dataclasses import dataclass
from typing import Any

FINISHED = {"TERMINATED", "SKIPPED", "INTERNAL_ERROR"}
STATUS = {"WAITING_FOR_RETRY": "WAITING", "SKIPPED": "TERMINATED", "INTERNAL_ERROR": "TERMINATED"}
"""Where the newer name of a life cycle state differs."""


@dataclass(frozen=True)
class State:
    """Where a run or a task stands."""

    life_cycle: str
    result: str | None = None
    message: str = ""
    code: str | None = None
    type: str = "CLIENT_ERROR"

    @property
    def finished(self) -> bool:
        """Whether it will not change any more."""
        return self.life_cycle in FINISHED

    @property
    def word(self) -> str:
        """The one word that says most."""
        return self.result or self.life_cycle

    @property
    def fields(self) -> dict[str, Any]:
        """Both forms as JSON."""
        state = {"life_cycle_state": self.life_cycle, "state_message": self.message}
        status: dict[str, Any] = {"state": STATUS.get(self.life_cycle, self.life_cycle)}
        if self.finished:
            state["result_state"] = self.result or "FAILED"
            status["termination_details"] = {"code": self.code, "type": self.type, "message": self.message}
        if self.life_cycle == "QUEUED":
            status["queue_details"] = {"code": "MAX_CONCURRENT_RUNS_REACHED", "message": self.message}
        by_user = {"user_cancelled_or_timedout": self.result in {"CANCELED", "TIMEDOUT"}}
        return {"state": state | by_user, "status": status}


BLOCKED = State("BLOCKED", message="Waiting for the tasks upstream.")
PENDING = State("PENDING", message="Waiting for cluster")
RUNNING = State("RUNNING", message="In run")
QUEUED = State("QUEUED", message="Queued, since the maximum of concurrent runs of this job is reached.")
WAITING_FOR_RETRY = State("WAITING_FOR_RETRY", message="Waiting for the next attempt.")
SUCCESS = State("TERMINATED", "SUCCESS", "", "SUCCESS", "SUCCESS")
SUCCESS_WITH_FAILURES = State("TERMINATED", "SUCCESS_WITH_FAILURES", "Some tasks failed.", "SUCCESS_WITH_FAILURES", "SUCCESS")
FAILED = State("TERMINATED", "FAILED", "Workload failed, see run output for details", "RUN_EXECUTION_ERROR")
UPSTREAM_FAILED = State("TERMINATED", "UPSTREAM_FAILED", "An upstream task failed.", "SKIPPED")
UPSTREAM_CANCELED = State("TERMINATED", "UPSTREAM_CANCELED", "An upstream task was canceled.", "SKIPPED")
EXCLUDED = State("TERMINATED", "EXCLUDED", "The conditions of this task were not met.", "SKIPPED", "SUCCESS")
DISABLED = State("TERMINATED", "DISABLED", "The task is disabled.", "DISABLED", "SUCCESS")
CANCELED = State("TERMINATED", "CANCELED", "Run cancelled.", "USER_CANCELED")
STOPPED = State("TERMINATED", "CANCELED", "The emulator was stopped.", "CANCELED", "INTERNAL_ERROR")
TOO_MANY = State(
    "SKIPPED", "MAXIMUM_CONCURRENT_RUNS_REACHED", "The maximum of concurrent runs of this job is reached.", "MAX_CONCURRENT_RUNS_EXCEEDED"
)


def timed_out(seconds: int) -> State:
    """A limit of time was reached."""
    return State("TERMINATED", "TIMEDOUT", f"Timed out after {seconds} seconds.", "CANCELED")


def broken(code: str, message: str, kind: str = "CLIENT_ERROR") -> State:
    """The service, the cluster or a library failed, before or beside the task's own code."""
    return State("INTERNAL_ERROR", "FAILED", message, code, kind)


def failed_run(task_key: str, message: str) -> State:
    """A run failed because of a task."""
    said = f"Task {task_key} failed with message: {message.rstrip('.')}. This caused all downstream tasks to get skipped."
    return State("INTERNAL_ERROR", "FAILED", said, "RUN_EXECUTION_ERROR")
