"""One run of a job from beginning to end: which task is next, its attempts, and how all of it ends.

A thread follows the graph, and one more each task that is under way. They share one lock, that of `jobs.changed`, around all state.
How a single attempt is prepared and run is in `task_process.py`.
"""

import logging
import shutil
import threading
import time
from collections.abc import Callable
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING

from rehearsal.emulator import process_group, references, run_states
from rehearsal.emulator.conditions import decide, holds
from rehearsal.emulator.job_rules import upstream_keys
from rehearsal.emulator.run_states import State
from rehearsal.emulator.runs import JobRun, TaskRun
from rehearsal.emulator.task_process import TaskProcess, reference_values

if TYPE_CHECKING:
    from rehearsal.emulator.workspace import Workspace

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.1
MOST_THREADS = 16
"""How many tasks of a run may have begun to wait for their turn."""

SECONDS_BETWEEN_LOOKS = 1.0


class Execution:
    """A run that is under way."""

    def __init__(self, workspace: "Workspace", run: JobRun, slots: threading.Semaphore) -> None:
        """Take the run, and how many tasks of all runs may be under way at once."""
        self._workspace, self._run, self._slots = workspace, run, slots
        self._changed = workspace.jobs.changed
        self._threads: list[threading.Thread] = []
        keys = {attempt.key: attempt for attempt in run.tasks}
        self._order = list(TopologicalSorter({key: upstream_keys(attempt.task) for key, attempt in keys.items()}).static_order())

    def to_end(self) -> None:
        """Run all tasks, end what is left of them, and set the state of the run."""
        try:
            self._follow()
            for thread in self._threads:
                thread.join()
        finally:
            home = self._run.folder / "home"
            process_group.sweep("HOME", str(home))
            for folder in (home, self._run.folder / "work"):
                shutil.rmtree(folder, ignore_errors=True)
            with self._changed:
                self._run.state = self._run.outcome()
                self._run.end_time = self._workspace.clock.milliseconds()
                self._changed.notify_all()

    def _follow(self) -> None:
        limit, begun = self._run.settings.get("timeout_seconds") or 0, time.monotonic()
        with self._changed:
            self._run.state = run_states.RUNNING
            while True:
                left = limit - (time.monotonic() - begun)
                if limit and left <= 0 and not self._run.stop:
                    self._run.stop = run_states.timed_out(limit)
                for key in self._order:  # upstream first, so that one pass carries an end through the whole graph
                    attempt = self._run.latest[key]
                    if attempt.state == run_states.BLOCKED:
                        self._consider(attempt)
                if all(attempt.state.finished for attempt in self._run.latest.values()):
                    return
                self._changed.wait(min(left, SECONDS_BETWEEN_LOOKS) if limit and left > 0 else SECONDS_BETWEEN_LOOKS)

    def _consider(self, attempt: TaskRun) -> None:
        """Start a task, or end it, as soon as those before it have ended."""
        latest = self._run.latest
        needed = attempt.task.get("depends_on") or []
        if stop := attempt.stop or self._run.stop:
            self._end(attempt, stop)
        elif all(latest[one["task_key"]].state.finished for one in needed):
            ends = [latest[one["task_key"]].end_for(one.get("outcome")) for one in needed]
            decision = decide(attempt.task.get("run_if", "ALL_SUCCESS"), ends)
            if decision != "run":
                self._end(attempt, getattr(run_states, decision))
            elif attempt.task.get("disabled"):
                self._end(attempt, run_states.DISABLED)
            elif "condition_task" in attempt.task:
                self._end(attempt, self._evaluate(attempt))
            elif sum(thread.is_alive() for thread in self._threads) < MOST_THREADS:
                attempt.state = run_states.PENDING
                thread = threading.Thread(target=self._perform, args=[attempt], daemon=True, name=f"task {attempt.key}")
                self._threads.append(thread)
                thread.start()

    def _evaluate(self, attempt: TaskRun) -> State:
        condition = attempt.task["condition_task"]
        values = reference_values(self._workspace, self._run, attempt)
        try:
            left, right = (references.resolve(condition[side], values) for side in ("left", "right"))
            outcome = holds(left, condition["op"], right)
        except KeyError as error:
            return run_states.broken("INVALID_RUN_CONFIGURATION", f"{error.args[0]} has no value in this run")
        except ValueError as error:
            return run_states.broken("INVALID_RUN_CONFIGURATION", f"The condition needs numbers: {error}")
        attempt.condition = {"left": left, "right": right, "outcome": str(outcome).lower()}
        return run_states.SUCCESS

    def _perform(self, attempt: TaskRun) -> None:
        """Try a task until it succeeds or no attempt is left."""
        while True:
            begun = time.monotonic()
            try:
                state = self._attempt(attempt)
            except Exception as error:  # a fault of the emulator must end the run, not hang it
                log.exception("Task %s of run %s", attempt.key, self._run.run_id)
                state = run_states.broken("INTERNAL_ERROR", f"The emulator failed: {error!r}", "INTERNAL_ERROR")
            with self._changed:
                self._end(attempt, state)
                if self._stop_of(attempt)() or not _is_tried_again(attempt):
                    return
                attempt = self._workspace.jobs.next_attempt(self._run, attempt)
                pause = begun + (attempt.task.get("min_retry_interval_millis") or 0) / 1000 - time.monotonic()
                self._changed.wait_for(self._stop_of(attempt), max(pause, 0))

    def _attempt(self, attempt: TaskRun) -> State:
        stop = self._stop_of(attempt)
        while not self._slots.acquire(timeout=LOOK_SECONDS):
            if state := stop():
                return state
        try:
            limit, begun = attempt.task.get("timeout_seconds") or 0, time.monotonic()

            def stop_or_late() -> State | None:
                late = limit and time.monotonic() - begun > limit
                return stop() or (run_states.timed_out(limit) if late else None)

            with self._changed:
                attempt.start_time = self._workspace.clock.milliseconds()
                attempt.state = run_states.PENDING
            return TaskProcess(self._workspace, self._run, attempt, stop_or_late).to_end()
        finally:
            self._slots.release()

    def _stop_of(self, attempt: TaskRun) -> Callable[[], State | None]:
        return lambda: attempt.stop or self._run.stop

    def _end(self, attempt: TaskRun, state: State) -> None:
        """Set the last state of an attempt. The lock is held."""
        attempt.state = state
        attempt.end_time = self._workspace.clock.milliseconds()
        attempt.start_time = attempt.start_time or attempt.end_time
        self._changed.notify_all()


def _is_tried_again(attempt: TaskRun) -> bool:
    retries = attempt.task.get("max_retries") or 0
    wanted = attempt.state.result == "FAILED" or (attempt.state.result == "TIMEDOUT" and attempt.task.get("retry_on_timeout"))
    return bool(wanted) and (retries < 0 or attempt.attempt < retries)
