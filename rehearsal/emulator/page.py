"""The page for people: jobs, runs, task graph, states and logs (`/page`). It takes no token, shows, and changes nothing.

What it shows is put together in `page_views.py`; a page of something that is under way asks the browser to come again.
"""

from typing import TypeVar

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, Response

from rehearsal.emulator.errors import ApiError
from rehearsal.emulator.workspace import Workspace

Thing = TypeVar("Thing")

REFRESH_SECONDS = 2
LOOPBACK = {"127.0.0.1", "localhost"}
SAFE = {"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}


def router(workspace: Workspace) -> APIRouter:
    """Routes of the service."""
    routes = APIRouter(prefix="/page")
    jobs = workspace.jobs

    @routes.get("")
    def overview(request: Request) -> Response:
        from rehearsal.emulator import page_views

        with jobs.changed:
            active = any(not run.state.finished for run in jobs.runs.values())
            return _html(request, page_views.overview(workspace), active=active)

    @routes.get("/jobs/{job_id}")
    def job(request: Request, job_id: int) -> Response:
        from rehearsal.emulator import page_views

        with jobs.changed:
            found = _found(job_id, jobs.jobs, "Job")
            active = any(not run.state.finished for run in jobs.runs.values() if run.job_id == job_id)
            return _html(request, page_views.job(workspace, found), active=active)

    @routes.get("/runs/{run_id}")
    def run(request: Request, run_id: int) -> Response:
        from rehearsal.emulator import page_views

        with jobs.changed:
            found = _found(run_id, jobs.runs, "Run")
            return _html(request, page_views.run(workspace, found), active=not found.state.finished)

    @routes.get("/runs/{run_id}/{task_run_id}/log")
    def log(request: Request, run_id: int, task_run_id: int) -> Response:
        with jobs.changed:
            found = _found(run_id, jobs.runs, "Run")
            attempt = _found(task_run_id, {attempt.run_id: attempt for attempt in found.tasks}, "Task run")
        _require_loopback(request)
        return PlainTextResponse(attempt.log_tail()[0], headers=SAFE)

    return routes


def _html(request: Request, page: str, *, active: bool) -> Response:
    _require_loopback(request)
    return HTMLResponse(page, headers=SAFE | ({"Refresh": str(REFRESH_SECONDS)} if active else {}))


def _require_loopback(request: Request) -> None:
    """Refuse a name other than this machine's, by which a page of somebody else could read ours."""
    if request.url.hostname not in LOOPBACK:
        raise ApiError.denied("The page is for this machine alone: open it under 127.0.0.1.")


def _found(key: int, things: dict[int, Thing], what: str) -> Thing:
    if key not in things:
        raise ApiError.missing(f"{what} {key}")
    return things[key]
