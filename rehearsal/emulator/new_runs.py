"""A new run of a job: its parameters, its folder, and a first attempt of each task."""

import copy
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rehearsal.emulator.errors import ApiError
from rehearsal.emulator.job_definitions import Job
from rehearsal.emulator.job_rules import parameters_of
from rehearsal.emulator.runs import JobRun, TaskRun
from rehearsal.emulator.schedules import Firing

if TYPE_CHECKING:
    from rehearsal.emulator.workspace import Workspace


def new_id() -> int:
    """Return an id as Databricks gives them. It is not counted, so that no two workspaces on one MLflow or ZenML server share any."""
    return secrets.randbelow(9 * 10**14) + 10**14


def new_run(
    workspace: "Workspace", job: Job, parameters: Mapping[str, str], overriding: Mapping[str, Any], firing: Firing | None
) -> JobRun:
    """Return a run that has not begun; runs that were started keep the definition that the job had then.

    Raises:
        ApiError: where the job has no tasks, or not these parameters.
    """
    tasks = job.settings.get("tasks") or []
    if not tasks:
        raise ApiError.invalid(f"Job {job.job_id} has no tasks.")
    defaults = parameters_of(job.settings)
    if unknown := parameters.keys() - defaults.keys():
        raise ApiError.invalid(f"The job has no parameters {', '.join(sorted(unknown))}.")
    run_id, now = new_id(), workspace.clock.milliseconds()
    folder = workspace.folder.resolve() / "runs" / str(run_id)
    folder.mkdir(parents=True)
    attempts = []
    for task in copy.deepcopy(tasks):
        task_run_id = new_id()
        attempts.append(TaskRun(task_run_id, task, folder / f"{task['task_key']}.log", original_run_id=task_run_id))
    return JobRun(
        run_id,
        job.job_id,
        job.creator,
        copy.deepcopy(job.settings),
        folder,
        trigger="PERIODIC" if firing else "ONE_TIME",
        trigger_time=int(firing.due.timestamp() * 1000) if firing else now,
        start_time=now,
        parameters=defaults | dict(parameters),
        overriding=dict(overriding),
        tasks=attempts,
    )
