"""Routes of the Jobs service, `/api/2.1/jobs/…` and `/api/2.2/jobs/…`: what is asked for, pages, answers.

Both versions are the same but for arrays, which 2.2 gives in pages of a hundred. Lists answer in pages that are told by the last id
shown, so that a run which starts meanwhile shifts nothing.

Source: https://docs.databricks.com/api/workspace/jobs, and `databricks.sdk.service.jobs`.
"""

import shutil
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Body

from rehearsal.emulator.errors import ApiError
from rehearsal.emulator.job_definitions import KEYED, Job
from rehearsal.emulator.job_fields import without_nulls
from rehearsal.emulator.runs import PAGE_ITEMS, job_run_fields, output_fields, task_run_fields

if TYPE_CHECKING:
    from rehearsal.emulator.workspace import Workspace

Json = Annotated[dict[str, Any], Body()]

JOBS_LIMIT, RUNS_LIMIT, TOKEN_LENGTH = 100, 25, 64
RUN_NOW = {"job_id", "idempotency_token", "job_parameters", "python_params", "python_named_params", "queue"}


def routes(workspace: "Workspace") -> APIRouter:
    """Return the routes of both versions."""
    both = APIRouter()
    for version, page in (("2.1", None), ("2.2", PAGE_ITEMS)):
        one = APIRouter(prefix=f"/api/{version}/jobs")
        _add_definitions(one, workspace)
        _add_lookups(one, workspace, page)
        _add_run_changes(one, workspace)
        _add_run_lookups(one, workspace, page)
        both.include_router(one)
    return both


def _add_definitions(routes: APIRouter, workspace: "Workspace") -> None:
    jobs = workspace.jobs

    @routes.post("/create")
    def create(body: Json) -> dict[str, Any]:
        return {"job_id": jobs.create(without_nulls(body)).job_id}

    @routes.post("/reset")
    def reset(body: Json) -> dict[str, Any]:
        jobs.change(_integer(body, "job_id"), without_nulls(_object(body, "new_settings")))
        return {}

    @routes.post("/update")
    def update(body: Json) -> dict[str, Any]:
        removed = _list(body, "fields_to_remove")
        jobs.update(_integer(body, "job_id"), without_nulls(_object(body, "new_settings", {})), removed)
        return {}

    @routes.post("/delete")
    def delete(body: Json) -> dict[str, Any]:
        jobs.delete(_integer(body, "job_id"))
        return {}


def _add_lookups(routes: APIRouter, workspace: "Workspace", page: int | None) -> None:
    jobs = workspace.jobs

    @routes.get("/get")
    def get(job_id: int, page_token: str = "") -> dict[str, Any]:
        with jobs.changed:
            job = jobs.job(job_id)
            first = _position(page_token)
            last = first + page if page else None
            more = last is not None and any(len(job.settings.get(name) or []) > last for name in KEYED)
            return _job(job, slice(first, last)) | ({"next_page_token": str(last)} if more else {})

    @routes.get("/list")
    def list_jobs(
        limit: int = 20,
        offset: int = 0,
        name: str | None = None,
        expand_tasks: bool = False,  # noqa: FBT001, FBT002 - names of the API
        page_token: str = "",
    ) -> dict[str, Any]:
        if not 0 < limit <= JOBS_LIMIT:
            raise ApiError.invalid(f"limit must be between 1 and {JOBS_LIMIT}.")
        with jobs.changed:
            wanted = [job for job in reversed(jobs.jobs.values()) if name is None or job.settings.get("name", "").lower() == name.lower()]
            shown, following = _page([job.job_id for job in wanted], page_token, limit, offset)
            some = [_job(jobs.jobs[job_id], slice(0, page) if expand_tasks else None) for job_id in shown]
            return {"jobs": some} | following


def _add_run_changes(routes: APIRouter, workspace: "Workspace") -> None:
    jobs = workspace.jobs

    @routes.post("/run-now")
    def run_now(body: Json) -> dict[str, Any]:
        given = without_nulls(body)
        if unknown := given.keys() - RUN_NOW:
            raise ApiError.invalid(f"The emulator does not take {', '.join(sorted(unknown))} in run-now.")
        token = str(given.get("idempotency_token", ""))
        if len(token) > TOKEN_LENGTH:
            raise ApiError.invalid(f"idempotency_token is longer than {TOKEN_LENGTH} characters.")
        run = jobs.start(
            _integer(given, "job_id"),
            token=token or None,
            parameters=_texts(_object(given, "job_parameters", {}), "job_parameters"),
            overriding=_overriding(given),
            queue=_object(given, "queue").get("enabled") is True if "queue" in given else None,
        )
        return {"run_id": run.run_id, "number_in_job": run.run_id}

    @routes.post("/runs/cancel")
    def cancel(body: Json) -> dict[str, Any]:
        jobs.cancel(_integer(body, "run_id"))
        return {}

    @routes.post("/runs/cancel-all")
    def cancel_all(body: Json) -> dict[str, Any]:
        job_id = None if body.get("all_queued_runs") and body.get("job_id") is None else _integer(body, "job_id")
        if job_id is not None:
            jobs.job(job_id)
        jobs.cancel_all(job_id)
        return {}

    @routes.post("/runs/delete")
    def delete_run(body: Json) -> dict[str, Any]:
        shutil.rmtree(jobs.delete_run(_integer(body, "run_id")).folder, ignore_errors=True)
        return {}


def _add_run_lookups(routes: APIRouter, workspace: "Workspace", page: int | None) -> None:
    jobs = workspace.jobs

    @routes.get("/runs/get")
    def get_run(run_id: int, page_token: str = "") -> dict[str, Any]:
        with jobs.changed:
            run = jobs.run(run_id)
            for attempt in run.tasks:
                if attempt.run_id == run_id:
                    shown = task_run_fields(attempt, run, workspace.host)
                    return job_run_fields(run, workspace.host) | shown | {"tasks": [shown]}
            first = _position(page_token)
            last = first + page if page else None
            more = last is not None and len(run.tasks) > last
            found = job_run_fields(run, workspace.host, tasks=slice(first, last)) | ({"next_page_token": str(last)} if more else {})
            # The client joins these of all pages, and needs them to be there
            return found | {"repair_history": []} | ({"job_parameters": []} if first else {})

    @routes.get("/runs/get-output")
    def get_output(run_id: int) -> dict[str, Any]:
        with jobs.changed:
            run = jobs.run(run_id)
            attempts = run.tasks if run_id == run.run_id and len(run.tasks) == 1 else [one for one in run.tasks if one.run_id == run_id]
            if not attempts:
                raise ApiError.invalid("Of a run with several tasks the output is that of each task: ask for it by the task's own run_id.")
            return output_fields(attempts[0], run, workspace.host)

    @routes.get("/runs/list")
    def list_runs(
        job_id: int | None = None,
        active_only: bool = False,  # noqa: FBT001, FBT002 - names of the API
        completed_only: bool = False,  # noqa: FBT001, FBT002
        expand_tasks: bool = False,  # noqa: FBT001, FBT002
        limit: int = 20,
        offset: int = 0,
        page_token: str = "",
        run_type: str = "JOB_RUN",
        start_time_from: int = 0,
        start_time_to: int = 2**62,
    ) -> dict[str, Any]:
        if active_only and completed_only:
            raise ApiError.invalid("Only one of active_only and completed_only may be true.")
        if not 0 <= limit <= RUNS_LIMIT:
            raise ApiError.invalid(f"limit must be between 0 and {RUNS_LIMIT}.")
        with jobs.changed:
            wanted = [
                run.run_id
                for run in reversed(jobs.runs.values())
                if job_id in {None, run.job_id}
                and not (active_only and run.state.finished)
                and not (completed_only and not run.state.finished)
                and start_time_from <= run.start_time <= start_time_to
                and run_type == "JOB_RUN"
            ]
            shown, following = _page(wanted, page_token, limit or RUNS_LIMIT, offset)
            tasks = slice(0, page) if expand_tasks else None
            return {"runs": [job_run_fields(jobs.runs[run_id], workspace.host, tasks=tasks) for run_id in shown]} | following


def _job(job: Job, arrays: slice | None) -> dict[str, Any]:
    """Return a job as JSON, with the part of its arrays that is asked for."""
    settings = {name: value for name, value in job.settings.items() if name not in KEYED}
    if arrays is not None:
        settings |= {name: (job.settings.get(name) or [])[arrays] for name in KEYED}
    shown = {
        "job_id": job.job_id,
        "creator_user_name": job.creator,
        "run_as_user_name": job.creator,
        "created_time": job.created_time,
        "settings": settings,
    }
    if arrays is not None and arrays.stop is not None:
        shown["has_more"] = any(len(job.settings.get(name) or []) > arrays.stop for name in KEYED)
    return shown


def _page(ids: Sequence[int], token: str, limit: int, offset: int) -> tuple[Sequence[int], dict[str, Any]]:
    """Return the ids after the one of a token, and the fields that lead to those after them."""
    first = offset
    if token:
        last = _position(token)
        if last not in ids:
            raise ApiError.invalid(f"Invalid page token: {token}")
        first = ids.index(last) + 1
    shown = ids[first : first + limit]
    more = len(ids) > first + limit
    return shown, {"has_more": more} | ({"next_page_token": str(shown[-1])} if more else {})


def _position(token: str) -> int:
    if token and not token.isdecimal():
        raise ApiError.invalid(f"Invalid page token: {token}")
    return int(token or 0)


def _overriding(given: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if parameters := _list(given, "python_params"):
        found["python_params"] = parameters
    if named := _object(given, "python_named_params", {}):
        found["python_named_params"] = _texts(named, "python_named_params")
    return found


def _integer(body: Mapping[str, Any], name: str) -> int:
    value = body.get(name)
    if isinstance(value, bool) or not str(value).isdecimal():
        raise ApiError.invalid(f"{name} must be an integer." if name in body else f"Missing required field: {name}")
    return int(str(value))


def _object(body: Mapping[str, Any], name: str, default: dict[str, Any] | None = None) -> dict[str, Any]:
    value = body.get(name, default)
    if not isinstance(value, dict):
        raise ApiError.invalid(f"{name} must be an object." if name in body else f"Missing required field: {name}")
    return value


def _list(body: Mapping[str, Any], name: str) -> list[str]:
    value = body.get(name) or []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ApiError.invalid(f"{name} must be an array of strings.")
    return value


def _texts(values: dict[str, Any], name: str) -> dict[str, str]:
    if not all(isinstance(value, str) for value in values.values()):
        raise ApiError.invalid(f"The values of {name} must be strings.")
    return values
