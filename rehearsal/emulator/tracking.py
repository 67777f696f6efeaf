"""MLflow tracking (`/api/2.0/mlflow/…`, `/api/3.0/mlflow/…`), passed on to a real MLflow server, and the artifacts of runs.

What differs from that server is done here: the names of experiments, where artifacts lie, and who may reach them how. Clients put
artifacts through the Files API (`/WorkspaceInternal/Mlflow/Artifacts/…`) and fall back to signed addresses where that fails.
Simplified: an experiment is no node of the workspace tree; a signed address takes a file of any size in one request.
Source: `mlflow.store.artifact.databricks_tracking_artifact_repo` and `databricks_artifact_repo` of MLflow 3.17, the messages of a
workspace as issues quote them.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import requests
from fastapi import APIRouter, Body, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from rehearsal.emulator import signed_urls
from rehearsal.emulator.errors import ApiError
from rehearsal.emulator.workspace_files import canonical

if TYPE_CHECKING:
    from rehearsal.emulator.workspace import Workspace

WORKSPACE_ID = "1"
SECONDS = 60
"""How long the server may take to answer."""
INTERNAL = "/WorkspaceInternal/Mlflow/Artifacts"
"""The tree of this service: the Files API serves what lies below a run or a logged model."""
ROOT = "dbfs:/databricks/mlflow-tracking"

Asked = Annotated[dict[str, Any], Body()]

_SERVER_URI = re.compile(rb"mlflow-artifacts:/(\d+)(/models(?=/))?")
_NOT_PASSED = {"host", "authorization", "content-length", "connection", "accept-encoding", "transfer-encoding"}
_LEGACY_REGISTRY = re.compile(r"(registered-models|model-versions)(/|$)")


@dataclass
class Tracking:
    """Where tracking requests are passed on to."""

    uri: str | None = None
    """Address of the MLflow server. None: MLflow is switched off in this workspace."""


def artifacts(workspace: "Workspace") -> Path:
    """Return the folder of all artifacts. A server that is told to keep its own there shows those of the workspace on its pages."""
    return workspace.files.local(workspace, INTERNAL)


def router(workspace: "Workspace") -> APIRouter:
    """Routes of the service."""
    routes = APIRouter()
    _add_credentials(routes, workspace)

    @routes.get("/ml/{page:path}")
    def show(page: str) -> RedirectResponse:
        """Lead from the addresses that clients print to the pages of the server."""
        return RedirectResponse(f"{_server(workspace)}/#/{page}")

    @routes.api_route("/api/{edition}/mlflow/{call:path}", methods=["GET", "POST", "PATCH", "PUT", "DELETE"])
    async def pass_on(edition: str, call: str, request: Request) -> Response:
        if edition not in {"2.0", "3.0"}:
            raise ApiError.unknown_route(request.method, request.url.path)
        if _LEGACY_REGISTRY.match(call):
            raise ApiError(404, "FEATURE_DISABLED", "The workspace model registry is disabled. Set the registry URI to 'databricks-uc'.")
        body = await request.body()
        if request.method == "POST" and call in {"experiments/create", "experiments/update"}:
            body = _with_workspace_path(workspace, body)
        return await run_in_threadpool(_passed, workspace, request, body, call)

    return routes


def _passed(workspace: "Workspace", request: Request, body: bytes, call: str) -> Response:
    uri = _server(workspace)
    headers = {name: value for name, value in request.headers.items() if name not in _NOT_PASSED}
    try:
        answer = requests.request(
            request.method,
            uri + request.url.path,
            params=request.query_params.multi_items(),
            data=body,
            headers=headers,
            timeout=SECONDS,
            allow_redirects=False,
        )
    except requests.RequestException as error:
        raise ApiError(503, "TEMPORARILY_UNAVAILABLE", "The MLflow server behind the workspace does not answer.") from error
    content = _SERVER_URI.sub(_as_workspace_uri, answer.content)
    if answer.status_code == 200 and request.method == "POST" and call in {"runs/create", "logged-models"}:
        _prepare(workspace, json.loads(content))
    if answer.status_code == 404 and not content.lstrip().startswith(b"{"):
        from rehearsal.emulator.workspace import Request as Answered  # not above: that module has the state of this one

        workspace.unknown_requests.append(Answered(request.method, request.url.path, 404))
    return Response(
        content, answer.status_code, {"x-databricks-org-id": WORKSPACE_ID}, media_type=answer.headers.get("content-type", "text/plain")
    )


def _as_workspace_uri(found: re.Match[bytes]) -> bytes:
    return f"{ROOT}/".encode() + found[1] + (b"/logged_models" if found[2] else b"")


def _server(workspace: "Workspace") -> str:
    if workspace.tracking.uri is None:
        raise ApiError(404, "FEATURE_DISABLED", "This workspace runs without MLflow. Give it the address of an MLflow server.")
    return workspace.tracking.uri


def _with_workspace_path(workspace: "Workspace", body: bytes) -> bytes:
    """Return the request with the experiment's name as the workspace keeps it.

    Raises:
        ApiError: where the name is no absolute path or its folder does not exist, or artifacts are to lie where they cannot.
    """
    try:
        asked: dict[str, Any] = json.loads(body)
    except ValueError as error:
        raise ApiError(400, "MALFORMED_REQUEST", "The body is not JSON.") from error
    key = "name" if "name" in asked else "new_name"
    if key not in asked:
        return body
    name = canonical(str(asked[key]))
    if not re.fullmatch(r"(/[^/]+)+", name):
        raise ApiError.invalid(
            f"Got an invalid experiment name '{asked[key]}'. An experiment name must be an absolute path within the Databricks workspace, "
            "e.g. '/Users/<some-username>/my-experiment'."
        )
    parent = name.rpartition("/")[0] or "/"
    if not _is_directory(workspace, parent):
        raise ApiError(404, "RESOURCE_DOES_NOT_EXIST", f"Parent directory {parent} does not exist.")
    if _is_directory(workspace, name):
        raise ApiError.exists(f"A directory named '{name}'")
    if location := asked.get("artifact_location"):
        _require_volume(workspace, str(location))
    return json.dumps(asked | {key: name}).encode()


def _is_directory(workspace: "Workspace", path: str) -> bool:
    return workspace.workspace_files.local(workspace, path).is_dir()


def _require_volume(workspace: "Workspace", location: str) -> None:
    levels = location.removeprefix("dbfs:").split("/")
    if not location.startswith("dbfs:/Volumes/") or len(levels) < 6 or not all(levels[1:]):
        raise ApiError.invalid(
            f"Artifacts cannot lie at '{location}': name a folder of a volume, dbfs:/Volumes/<catalog>/<schema>/<volume>/…."
        )
    workspace.catalog.require_volume(*levels[2:5])


def _prepare(workspace: "Workspace", answer: Mapping[str, Any]) -> None:
    """Make one folder of a new run or logged model, under the path of the Files API and under that of the server."""
    info = answer["run"]["info"] if "run" in answer else answer["model"]["info"]
    if not str(info["artifact_uri"]).startswith(f"{ROOT}/"):
        return
    top = artifacts(workspace) / str(info["experiment_id"])
    kind, own, name = ("Runs", top, info["run_id"]) if "run" in answer else ("LoggedModels", top / "models", info["model_id"])
    (own / name).mkdir(parents=True, exist_ok=True)
    (top / kind).mkdir(exist_ok=True)
    if not (top / kind / name).is_symlink():
        (top / kind / name).symlink_to(own / name, target_is_directory=True)


def _api_path(experiment: str, run_id: str | None, model_id: str | None, path: str) -> str:
    place = f"{INTERNAL}/{experiment}/" + (f"Runs/{run_id}" if run_id else f"LoggedModels/{model_id}")
    return f"{place}/{path}".rstrip("/")


def _add_credentials(routes: APIRouter, workspace: "Workspace") -> None:
    def signed(uri: str, paths: list[str], operation: str, **ids: str) -> list[dict[str, Any]]:
        """Sign addresses of artifacts below the root of a run or logged model."""
        found = re.fullmatch(rf"{ROOT}/(\d+)/(?:logged_models/)?([^/]+)/(artifacts)", uri)
        if found is None:
            raise ApiError.invalid(f"Artifacts at {uri} have no signed addresses; reach them through the Files API.")
        experiment, until = found[1], workspace.clock.now() + signed_urls.LONGEST
        infos: list[dict[str, Any]] = []
        for path in paths:
            place = _api_path(experiment, ids.get("run_id"), ids.get("model_id"), f"{found[3]}/{path}")
            workspace.files.local(workspace, place)  # refuses a path that leads elsewhere
            address = signed_urls.sign(workspace, place, operation, until)
            infos.append({"path": path, "signed_uri": address, "type": "GCP_SIGNED_URL", "headers": []})
        return infos

    def of_run(body: dict[str, Any], operation: str) -> dict[str, Any]:
        run_id = str(body.get("run_id", ""))
        uri = _asked(workspace, f"/api/2.0/mlflow/runs/get?run_id={run_id}")["run"]["info"]["artifact_uri"]
        return {"credential_infos": [info | {"run_id": run_id} for info in signed(uri, body.get("path", []), operation, run_id=run_id)]}

    def of_model(model_id: str, body: dict[str, Any], operation: str) -> dict[str, Any]:
        uri = _asked(workspace, f"/api/2.0/mlflow/logged-models/{model_id}")["model"]["info"]["artifact_uri"]
        infos = signed(uri, body.get("paths", []), operation, model_id=model_id)
        return {"credentials": [{"model_id": model_id, "credential_info": info} for info in infos]}

    @routes.post("/api/2.0/mlflow/artifacts/credentials-for-read")
    def read_run(body: Asked) -> dict[str, Any]:
        return of_run(body, "download")

    @routes.post("/api/2.0/mlflow/artifacts/credentials-for-write")
    def write_run(body: Asked) -> dict[str, Any]:
        return of_run(body, "upload")

    @routes.post("/api/2.0/mlflow/logged-models/{model_id}/artifacts/credentials-for-download")
    def read_model(model_id: str, body: Asked) -> dict[str, Any]:
        return of_model(model_id, body, "download")

    @routes.post("/api/2.0/mlflow/logged-models/{model_id}/artifacts/credentials-for-upload")
    def write_model(model_id: str, body: Asked) -> dict[str, Any]:
        return of_model(model_id, body, "upload")


def _asked(workspace: "Workspace", path: str) -> dict[str, Any]:
    """Ask the server itself.

    Raises:
        ApiError: as the server answers.
    """
    answer = requests.get(_server(workspace) + path, timeout=SECONDS)
    found: dict[str, Any] = json.loads(_SERVER_URI.sub(_as_workspace_uri, answer.content))
    if answer.status_code != 200:
        raise ApiError(answer.status_code, str(found.get("error_code", "INTERNAL_ERROR")), str(found.get("message", "")))
    return found
