"""What the emulator's pages show: all jobs and runs, one job, one run with its tasks and their logs. Every value is escaped."""

import json
import shlex
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from materializers.pages.layout import Html, facts, figures, page, section, table, tag
from rehearsal.emulator.job_definitions import Job
from rehearsal.emulator.job_rules import upstream_keys
from rehearsal.emulator.page_graph import graph
from rehearsal.emulator.run_states import State
from rehearsal.emulator.runs import JobRun, TaskRun

if TYPE_CHECKING:
    from rehearsal.emulator.workspace import Workspace

KIND = "Stackhouse rehearsal · an emulated workspace on this machine"
RUNS_SHOWN, LOG_SHOWN = 100, 30_000
GOOD, BAD = {"SUCCESS"}, {"FAILED", "TIMEDOUT", "UPSTREAM_FAILED", "INTERNAL_ERROR"}
_LOG_STYLE = "max-height:460px;overflow:auto;white-space:pre-wrap;overflow-wrap:anywhere"


def overview(workspace: "Workspace") -> str:
    """Show jobs, runs, and what was asked for that the emulator does not have."""
    jobs = [
        (
            _link(f"/page/jobs/{job.job_id}", _name(job)),
            len(job.settings.get("tasks") or []),
            _schedule(workspace, job),
            _moment(job.created_time),
        )
        for job in reversed(workspace.jobs.jobs.values())
    ]
    unknown = [(request.method, request.path) for request in workspace.unknown_requests if not request.path.startswith("/.well-known/")]
    asked = section("Requests that the emulator does not know", table(("method", "path"), unknown)) if unknown else Html()
    runs = list(reversed(workspace.jobs.runs.values()))
    parts = (
        figures({"jobs": len(jobs), "runs": len(runs), "under way": sum(not run.state.finished for run in runs)}),
        section("Runs", _runs(workspace, runs[:RUNS_SHOWN])),
        section("Jobs", table(("job", "tasks", "schedule", "created"), jobs)),
        asked,
    )
    return page(KIND, "Jobs and runs", *parts)


def job(workspace: "Workspace", shown: Job) -> str:
    """Show a job, its runs and its definition."""
    runs = [run for run in reversed(workspace.jobs.runs.values()) if run.job_id == shown.job_id]
    known = {"job id": str(shown.job_id), "schedule": _schedule(workspace, shown), "created": _moment(shown.created_time)}
    runs_table = section("Runs", _runs(workspace, runs[:RUNS_SHOWN]))
    return page(KIND, _name(shown), _back(), facts(known), runs_table, _definition(shown.settings))


def run(workspace: "Workspace", shown: JobRun) -> str:
    """Show a run: how it stands, the graph of its tasks, and each task with its log."""
    latest, now = shown.latest, workspace.clock.milliseconds()
    numbers = {
        "state": _word(shown.state),
        "duration": _duration(shown.start_time, shown.end_time or now),
        "tasks": f"{sum(attempt.state.result == 'SUCCESS' for attempt in latest.values())} of {len(latest)} succeeded",
    }
    known = {
        "job": _link(f"/page/jobs/{shown.job_id}", shown.name) if shown.job_id in workspace.jobs.jobs else shown.name,
        "run id": str(shown.run_id),
        "trigger": "schedule" if shown.trigger == "PERIODIC" else "run now",
        "started": _moment(shown.start_time),
        **({"message": shown.state.message} if shown.state.message else {}),
        **shown.parameters,
    }
    states = {key: (attempt.state.word, f"{attempt.state.word} {_spent(attempt, now)}") for key, attempt in latest.items()}
    drawn = graph({key: upstream_keys(attempt.task) for key, attempt in latest.items()}, states)
    tasks = [_task(shown, attempt, now) for attempt in shown.tasks]
    return page(KIND, shown.name, _back(), figures(numbers), facts(known), section("Tasks", drawn), *tasks, _definition(shown.settings))


def _runs(workspace: "Workspace", runs: Iterable[JobRun]) -> Html:
    now = workspace.clock.milliseconds()
    rows = [
        (
            _link(f"/page/runs/{run.run_id}", run.run_id),
            run.name,
            _word(run.state),
            "schedule" if run.trigger == "PERIODIC" else "run now",
            _moment(run.start_time),
            _duration(run.start_time, run.end_time or now),
        )
        for run in runs
    ]
    return table(("run", "job", "state", "trigger", "started", "duration"), rows)


def _task(run: JobRun, attempt: TaskRun, now: int) -> Html:
    name = attempt.key if attempt.attempt == 0 else f"{attempt.key}, attempt {attempt.attempt + 1}"
    spent = tag("span", f" {_spent(attempt, now)}", class_="dim")
    title = tag("h2", f"{name} ", _word(attempt.state), spent, id=attempt.key, style="font-size:15px;margin:24px 0 4px")
    known: dict[str, object] = {
        "message": attempt.state.message,
        "error": attempt.error,
        "parameters": shlex.join(attempt.parameters or []),
    }
    if attempt.condition:
        operator = attempt.task["condition_task"]["op"]
        known["condition"] = f"{attempt.condition['left']!r} {operator} {attempt.condition['right']!r}: {attempt.condition['outcome']}"
    if values := run.values.get(attempt.key):
        known["task values"] = ", ".join(f"{name} = {json.dumps(value)}" for name, value in values.items())
    told = {name: value for name, value in known.items() if value}
    return tag("section", title, facts(told) if told else Html(), _log(run, attempt))


def _log(run: JobRun, attempt: TaskRun) -> Html:
    text, _more = attempt.log_tail()
    if not text:
        return Html()
    whole = tag("p", _link(f"/page/runs/{run.run_id}/{attempt.run_id}/log", "the log alone"), class_="note")
    shown = tag("pre", text[-LOG_SHOWN:], style=_LOG_STYLE)
    # A log that matters is open
    opened = {"open": "open"} if attempt.state.word in BAD | {"RUNNING"} else {}
    return tag("details", tag("summary", "Log"), shown, whole, **opened)


def _definition(settings: object) -> Html:
    text = json.dumps(settings, indent=2, ensure_ascii=False)
    return section("Definition", tag("details", tag("summary", "The job as it was sent"), tag("pre", text, style=_LOG_STYLE)))


def _back() -> Html:
    return tag("p", _link("/page", "← all jobs and runs"), class_="note")


def _link(address: str, words: object) -> Html:
    return tag("a", str(words), href=address)


def _name(job: Job) -> str:
    return str(job.settings.get("name", "Untitled"))


def _word(state: State) -> Html:
    if not state.finished:
        return tag("span", state.word, style="color:var(--accent);font-weight:600")
    return tag("span", state.word, class_="pass" if state.word in GOOD else "fail" if state.word in BAD else "dim")


def _schedule(workspace: "Workspace", job: Job) -> str | None:
    schedule = job.settings.get("schedule")
    if not schedule:
        return None
    coming = workspace.jobs.next_firing(job.job_id)
    following = f"next {_moment(coming)}" if coming else "paused"
    return f"{schedule['quartz_cron_expression']} ({schedule['timezone_id']}), {following}"


def _moment(milliseconds: int) -> str:
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _spent(attempt: TaskRun, now: int) -> str:
    spent = attempt.setup_duration + attempt.execution_duration
    if not attempt.state.finished and attempt.start_time:
        return _duration(attempt.start_time, now)
    return _duration(0, spent) if spent else ""


def _duration(start: int, end: int) -> str:
    seconds = max(0, end - start) / 1000
    return f"{seconds:.1f} s" if seconds < 60 else f"{seconds // 60:.0f} min {seconds % 60:.0f} s"
