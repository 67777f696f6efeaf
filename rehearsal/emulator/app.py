"""The HTTP face of the workspace: token, planned faults, errors, unknown routes."""

import logging
from collections.abc import Awaitable, Callable

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from rehearsal.emulator import (
    catalog,
    compute,
    files,
    identity,
    jobs,
    models,
    page,
    quality,
    secrets,
    serving,
    tracking,
    workspace_files,
)
from rehearsal.emulator.errors import ApiError
from rehearsal.emulator.workspace import Request as Answered
from rehearsal.emulator.workspace import Workspace

log = logging.getLogger(__name__)

SERVICES = (identity, workspace_files, secrets, compute, catalog, files, jobs, models, tracking, serving, quality, page)
"""The first that has a route answers it; `models` stands before `tracking`, which passes on whatever else is MLflow's."""

OPEN = ("/.well-known/", "/presigned/", "/page", "/ml/")
"""Paths that take no token: the page for people, addresses that are signed themselves, and what the SDK asks before it has one."""


def create_app(workspace: Workspace) -> FastAPI:
    """Return the app of a workspace."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    for service in SERVICES:
        app.include_router(service.router(workspace))

    @app.exception_handler(ApiError)
    def answer(_request: Request, error: ApiError) -> JSONResponse:
        return JSONResponse(error.body, error.status)

    @app.exception_handler(RequestValidationError)
    def malformed(request: Request, error: RequestValidationError) -> JSONResponse:
        wrong = sorted({".".join(str(part) for part in found["loc"]) for found in error.errors()})
        return answer(request, ApiError.invalid(f"Wrong or missing: {', '.join(wrong)}."))

    @app.exception_handler(HTTPException)
    def unknown(request: Request, _error: HTTPException) -> JSONResponse:
        workspace.unknown_requests.append(Answered(request.method, request.url.path, 404))
        log.warning("No such route: %s %s", request.method, request.url.path)
        return answer(request, ApiError.unknown_route(request.method, request.url.path))

    @app.middleware("http")
    async def gate(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        method, path = request.method, request.url.path
        response = await _through(workspace, request, call_next)
        workspace.requests.append(Answered(method, path, response.status_code))
        return response

    return app


async def _through(workspace: Workspace, request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    fault = workspace.faults.take(request.method, request.url.path)
    if fault == "429":
        return JSONResponse({"error_code": "REQUEST_LIMIT_EXCEEDED", "message": "Too many requests."}, 429, {"Retry-After": "0"})
    if fault == "503":
        return JSONResponse({"error_code": "TEMPORARILY_UNAVAILABLE", "message": "Try again later."}, 503, {"Retry-After": "0"})
    if fault == "drop_before":
        return _broken()
    if not request.url.path.startswith(OPEN) and request.headers.get("authorization") != f"Bearer {workspace.token}":
        error = ApiError.unauthenticated()
        return JSONResponse(error.body, error.status)
    response = await call_next(request)
    return _broken() if fault == "drop_after" else response


def _broken() -> Response:
    """Promise more bytes than are sent: the server closes the connection, and the client sees it break."""
    return Response(b"", headers={"content-length": "1000"})
