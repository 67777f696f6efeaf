"""The Jobs service: jobs, and runs that are started, queued, cancelled and ended. Its routes are in `job_routes.py`.

Simplified: one user; no permissions, notifications, repair or one-time submission; everything is in memory.
"""

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter

from rehearsal.emulator import run_states
from rehearsal.emulator.environments import Environments
from rehearsal.emulator.errors import ApiError
from rehearsal.emulator.execution import Execution
from rehearsal.emulator.job_definitions import Job, updated, with_defaults
from rehearsal.emulator.job_rules import require_job
from rehearsal.emulator.new_runs import new_id, new_run
from rehearsal.emulator.runs import JobRun, TaskRun
from rehearsal.emulator.schedules import Firing, Schedules

if TYPE_CHECKING:
    from rehearsal.emulator.workspace import Workspace

log = logging.getLogger(__name__)

STOP_SECONDS = 15


@dataclass
class Jobs:
    """Jobs and their runs. One lock, that of `changed`, is around all of it; whoever changes a state notifies."""

    environments: Path | None = None
    """Where clean environments are kept; below the workspace's folder where none is named."""
    online: bool = True
    """Whether an environment may be made of packages that have to be downloaded."""
    parallel_tasks: int = 2
    """How many tasks of all runs are under way at once on this machine."""
    jobs: dict[int, Job] = field(default_factory=dict)
    runs: dict[int, JobRun] = field(default_factory=dict)
    """Runs by id, in the order in which they were started."""
    changed: threading.Condition = field(default_factory=threading.Condition, repr=False)
    _tokens: dict[str, int] = field(default_factory=dict)
    _threads: list[threading.Thread] = field(default_factory=list)
    _stopped: bool = False
    _workspace: "Workspace | None" = field(default=None, repr=False)
    _schedules: Schedules | None = field(default=None, repr=False)
    _slots: threading.Semaphore = field(default_factory=threading.Semaphore, repr=False)
    _environments: Environments | None = field(default=None, repr=False)

    def open(self, workspace: "Workspace") -> None:
        """Belong to a workspace from now on."""
        self._workspace = workspace
        self._slots = threading.Semaphore(self.parallel_tasks)
        self._schedules = Schedules(workspace.clock, self.changed, self._fire)

    def environments_of(self, workspace: "Workspace") -> Environments:
        """Return the clean environments."""
        with self.changed:
            if self._environments is None:
                self._environments = Environments(self.environments or workspace.folder / "environments", self.online)
            return self._environments

    def create(self, settings: dict[str, Any]) -> Job:
        """Add a job.

        Raises:
            ApiError: where the definition is not valid; then there is no job.
        """
        require_job(self._home, settings)
        with self.changed:
            clock = self._home.clock.milliseconds()
            job = Job(new_id(), with_defaults(settings), self._home.user_name, clock)
            self.jobs[job.job_id] = job
            self._follow(job)
        return job

    def change(self, job_id: int, settings: dict[str, Any]) -> None:
        """Put another definition in the place of a job's; runs that were started keep the old one.

        Raises:
            ApiError: where there is no such job, or the definition is not valid.
        """
        with self.changed:
            job = self.job(job_id)
            require_job(self._home, settings)
            job.settings = with_defaults(settings)
            self._follow(job)

    def update(self, job_id: int, new: Mapping[str, Any], removed: list[str]) -> None:
        """Replace some fields of a definition; arrays with keys are merged by key.

        Raises:
            ApiError: where there is no such job, or what comes out is not valid.
        """
        with self.changed:
            self.change(job_id, updated(self.job(job_id).settings, new, removed))

    def delete(self, job_id: int) -> None:
        """Delete a job; what runs of it is cancelled.

        Raises:
            ApiError: where there is no such job.
        """
        with self.changed:
            job = self.job(job_id)
            self.cancel_all(job_id)
            self._plans.set(job.job_id, None)
            del self.jobs[job_id]

    def job(self, job_id: int) -> Job:
        """Return a job.

        Raises:
            ApiError: where there is none.
        """
        if job_id not in self.jobs:
            # Its own code, unlike most of what is missing
            raise ApiError(400, "INVALID_PARAMETER_VALUE", f"Job {job_id} does not exist.")
        return self.jobs[job_id]

    def start(
        self,
        job_id: int,
        *,
        token: str | None = None,
        parameters: Mapping[str, str] | None = None,
        overriding: Mapping[str, Any] | None = None,
        queue: bool | None = None,
        firing: Firing | None = None,
    ) -> JobRun:
        """Start a run of a job, or queue or skip it where too many are under way. The same token gives the same run.

        Raises:
            ApiError: where there is no such job, it has no tasks, or the run of the token was deleted.
        """
        with self.changed:
            if self._stopped:
                raise ApiError(503, "TEMPORARILY_UNAVAILABLE", "The workspace is shutting down.")
            job = self.job(job_id)
            if token and token in self._tokens:
                return self.run(self._tokens[token])
            run = new_run(self._home, job, parameters or {}, overriding or {}, firing)
            room = self._has_room(job_id, job.settings)
            self.runs[run.run_id] = run
            if token:
                self._tokens[token] = run.run_id
            wanted = queue if queue is not None else bool((job.settings.get("queue") or {}).get("enabled"))
            if room:
                self._launch(run)
            elif (wanted or (firing and firing.jumped)) and job.settings["max_concurrent_runs"]:
                run.state = run_states.QUEUED
            else:
                run.state, run.end_time, run.tasks = run_states.TOO_MANY, run.start_time, []
            self.changed.notify_all()
            return run

    def run(self, run_id: int) -> JobRun:
        """Return the run of a job by its id or that of one of its tasks.

        Raises:
            ApiError: where there is none.
        """
        if run_id in self.runs:
            return self.runs[run_id]
        for run in list(self.runs.values()):
            if any(attempt.run_id == run_id for attempt in run.tasks):
                return run
        raise ApiError(400, "INVALID_PARAMETER_VALUE", f"Run {run_id} does not exist.")

    def cancel(self, run_id: int) -> None:
        """Cancel a run, or one of its tasks alone; one that has ended stays as it is.

        Raises:
            ApiError: where there is none.
        """
        with self.changed:
            run = self.run(run_id)
            if run_id == run.run_id:
                self._stop_run(run, run_states.CANCELED)
            else:
                next(attempt for attempt in run.tasks if attempt.run_id == run_id).stop = run_states.CANCELED
            self.changed.notify_all()

    def cancel_all(self, job_id: int | None) -> None:
        """Cancel the runs of a job, or of all jobs."""
        with self.changed:
            for run in list(self.runs.values()):
                if job_id in {None, run.job_id}:
                    self._stop_run(run, run_states.CANCELED)
            self.changed.notify_all()

    def delete_run(self, run_id: int) -> JobRun:
        """Forget a run that has ended.

        Raises:
            ApiError: where there is none, or it has not ended.
        """
        with self.changed:
            run = self.run(run_id)
            if not run.state.finished:
                raise ApiError.invalid(f"Run {run.run_id} is active and cannot be deleted.")
            return self.runs.pop(run.run_id)

    def next_attempt(self, run: JobRun, last: TaskRun) -> TaskRun:
        """Add the attempt after `last`. The lock is held."""
        number = last.attempt + 1
        log_file = run.folder / f"{last.key}.{number}.log"
        attempt = TaskRun(new_id(), last.task, log_file, number, last.original_run_id, run_states.WAITING_FOR_RETRY)
        run.tasks.append(attempt)
        self.changed.notify_all()
        return attempt

    def stop(self) -> None:
        """End everything: no schedule fires any more, and of no run a process survives."""
        with self.changed:
            self._stopped = True
            for run in list(self.runs.values()):
                self._stop_run(run, run_states.STOPPED)
            self.changed.notify_all()
        if self._schedules is not None:
            self._schedules.stop()
        for thread in list(self._threads):
            thread.join(STOP_SECONDS)

    @property
    def _home(self) -> "Workspace":
        if self._workspace is None:
            raise RuntimeError("open() comes first")
        return self._workspace

    @property
    def _plans(self) -> Schedules:
        if self._schedules is None:
            raise RuntimeError("open() comes first")
        return self._schedules

    def next_firing(self, job_id: int) -> int | None:
        """Return when a job's schedule fires next, in milliseconds."""
        at = self._plans.next(job_id)
        return int(at.timestamp() * 1000) if at else None

    def _follow(self, job: Job) -> None:
        self._plans.set(job.job_id, job.settings.get("schedule"))

    def _fire(self, firing: Firing) -> None:
        try:
            self.start(firing.job_id, firing=firing)
        except ApiError as error:
            log.warning("The schedule of job %s could not start a run: %s", firing.job_id, error.message)

    def _has_room(self, job_id: int, settings: Mapping[str, Any]) -> bool:
        active = [run for run in self.runs.values() if run.job_id == job_id and not (run.state.finished or run.state == run_states.QUEUED)]
        return len(active) < int(settings["max_concurrent_runs"])

    def _launch(self, run: JobRun) -> None:
        """Start the thread of a run. The lock is held."""
        run.state = run_states.PENDING
        execution = Execution(self._home, run, self._slots)

        def to_end() -> None:
            execution.to_end()
            self._launch_queued(run.job_id)

        thread = threading.Thread(target=to_end, daemon=True, name=f"run {run.run_id}")
        self._threads = [other for other in self._threads if other.is_alive()] + [thread]
        thread.start()

    def _launch_queued(self, job_id: int) -> None:
        with self.changed:
            waiting = [run for run in self.runs.values() if run.job_id == job_id and run.state == run_states.QUEUED]
            if waiting and self._has_room(job_id, waiting[0].settings) and not self._stopped:
                self._launch(waiting[0])

    def _stop_run(self, run: JobRun, state: run_states.State) -> None:
        if run.state.finished:
            return
        run.stop = run.stop or state
        if run.state == run_states.QUEUED:
            run.state, run.end_time = state, self._home.clock.milliseconds()


def router(workspace: "Workspace") -> APIRouter:
    """Routes of the service."""
    from rehearsal.emulator.job_routes import routes

    workspace.jobs.open(workspace)
    return routes(workspace)
