"""Runs of jobs and of their tasks: what is known of each, and how the API shows it. Who changes them is `execution.py`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rehearsal.emulator import run_states
from rehearsal.emulator.conditions import End
from rehearsal.emulator.job_rules import upstream_keys
from rehearsal.emulator.run_states import State

PAGE_ITEMS = 100
"""How many tasks or clusters one answer of version 2.2 holds."""

LOG_BYTES = 5 * 1024**2
"""How much of the end of a log `get-output` gives. Source: comment of RunOutput.logs."""


@dataclass
class TaskRun:
    """One attempt of a task."""

    run_id: int
    task: dict[str, Any]
    """Its definition."""
    log: Path
    attempt: int = 0
    original_run_id: int = 0
    state: State = run_states.BLOCKED
    start_time: int = 0
    end_time: int = 0
    setup_duration: int = 0
    execution_duration: int = 0
    """Times in milliseconds."""
    error: str | None = None
    error_trace: str | None = None
    condition: dict[str, str] | None = None
    """Operands as they were resolved, and the outcome, of a condition task."""
    parameters: list[str] | None = None
    """Parameters as they were resolved."""
    stop: State | None = None
    """Where somebody wants it to end."""

    @property
    def key(self) -> str:
        """Key of the task."""
        return str(self.task["task_key"])

    def end_for(self, outcome: str | None = None) -> End:
        """Return how it ended, for a task that waits for it, and for a certain outcome of it where it is a condition."""
        if self.state.result == "SUCCESS":
            return "success" if outcome is None or (self.condition or {}).get("outcome") == outcome else "excluded"
        if self.state.result in {"EXCLUDED", "DISABLED"}:
            return "excluded"
        return "canceled" if self.state.result in {"CANCELED", "UPSTREAM_CANCELED"} else "failed"

    def log_tail(self) -> tuple[str, bool]:
        """Return the end of the log, and whether there is more before it."""
        if not self.log.is_file():
            return "", False
        with self.log.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - LOG_BYTES))
            return file.read(LOG_BYTES).decode(errors="replace"), size > LOG_BYTES


@dataclass
class JobRun:
    """One run of a job."""

    run_id: int
    job_id: int
    creator: str
    settings: dict[str, Any]
    """The job's definition when the run was started."""
    folder: Path
    trigger: str
    trigger_time: int
    start_time: int
    parameters: dict[str, str] = field(default_factory=dict)
    """The job's parameters in this run."""
    overriding: dict[str, Any] = field(default_factory=dict)
    """What the caller of run-now gave for this run alone."""
    state: State = run_states.PENDING
    end_time: int = 0
    tasks: list[TaskRun] = field(default_factory=list)
    """All attempts of all tasks, those of one task in their order."""
    values: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Task values by task and name; replaced as a whole, so that it can be read without the lock."""
    stop: State | None = None
    """Where somebody wants it to end."""

    @property
    def name(self) -> str:
        """Name of the job."""
        return str(self.settings.get("name", "Untitled"))

    @property
    def latest(self) -> dict[str, TaskRun]:
        """The last attempt of each task."""
        return {attempt.key: attempt for attempt in self.tasks}

    def outcome(self) -> State:
        """Return the state of the whole run by those of its tasks, once all have ended: the last tasks of the graph decide."""
        latest = self.latest
        if self.stop and any(attempt.state == self.stop for attempt in latest.values()):
            return self.stop
        needed = {key for attempt in latest.values() for key in upstream_keys(attempt.task)}
        ends = {key: attempt.end_for() for key, attempt in latest.items()}
        last = {ends[key] for key in latest if key not in needed}
        own = [attempt for key, attempt in latest.items() if ends[key] == "failed" and attempt.state.result != "UPSTREAM_FAILED"]
        if "failed" in last:
            return run_states.failed_run(own[0].key, own[0].state.message)
        if "canceled" in last:
            return run_states.CANCELED
        return run_states.SUCCESS_WITH_FAILURES if own else run_states.SUCCESS


def job_run_fields(run: JobRun, host: str, *, tasks: slice | None = None) -> dict[str, Any]:
    """Return a run as JSON, with the attempts of its tasks that `tasks` selects."""
    clusters = run.settings.get("job_clusters") or []
    shown = {
        "job_id": run.job_id,
        "run_id": run.run_id,
        "job_run_id": run.run_id,
        "number_in_job": run.run_id,
        "original_attempt_run_id": run.run_id,
        "creator_user_name": run.creator,
        "run_name": run.name,
        "run_type": "JOB_RUN",
        "format": "MULTI_TASK",
        "run_page_url": f"{host}/page/runs/{run.run_id}",
        "trigger": run.trigger,
        "start_time": run.start_time,
        "end_time": run.end_time,
        "run_duration": max(0, run.end_time - run.start_time),
        **dict.fromkeys(("setup_duration", "execution_duration", "cleanup_duration"), 0),
        "job_parameters": _parameters(run),
        "overriding_parameters": run.overriding,
        **run.state.fields,
    }
    if run.trigger == "PERIODIC":
        shown["schedule"] = run.settings.get("schedule")
    if tasks is not None:
        shown |= {"tasks": [task_run_fields(attempt, run, host) for attempt in run.tasks[tasks]], "job_clusters": clusters[tasks]}
        shown["has_more"] = tasks.stop is not None and len(run.tasks) > tasks.stop
    return shown


def task_run_fields(attempt: TaskRun, run: JobRun, host: str) -> dict[str, Any]:
    """Return one attempt of a task as JSON."""
    times = ("start_time", "end_time", "setup_duration", "execution_duration")
    shown = {
        **attempt.task,
        "run_id": attempt.run_id,
        "attempt_number": attempt.attempt,
        "original_attempt_run_id": attempt.original_run_id,
        "run_page_url": f"{host}/page/runs/{run.run_id}#{attempt.key}",
        "cleanup_duration": 0,
        **{name: getattr(attempt, name) for name in times},
        **attempt.state.fields,
    }
    if attempt.condition:
        shown["condition_task"] = attempt.task["condition_task"] | attempt.condition
    if attempt.parameters is not None:
        shown["resolved_values"] = {"python_wheel_task": {"parameters": attempt.parameters}}
    return shown


def output_fields(attempt: TaskRun, run: JobRun, host: str) -> dict[str, Any]:
    """Return the output of one attempt of a task as JSON."""
    logs, truncated = attempt.log_tail()
    metadata = job_run_fields(run, host) | task_run_fields(attempt, run, host) | {"tasks": [task_run_fields(attempt, run, host)]}
    shown = {"metadata": metadata, "logs": logs, "logs_truncated": truncated, "error": attempt.error, "error_trace": attempt.error_trace}
    return {name: value for name, value in shown.items() if value is not None}


def _parameters(run: JobRun) -> list[Mapping[str, str]]:
    defaults = {parameter["name"]: parameter["default"] for parameter in run.settings.get("parameters") or []}
    return [{"name": name, "default": defaults.get(name, ""), "value": value} for name, value in run.parameters.items()]
