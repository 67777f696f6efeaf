"""The registry's API as MLflow's client of `databricks-uc` speaks to it (`/api/2.0/mlflow/unity-catalog/…`).

Source: `mlflow.store._unity_catalog.registry.rest_store` and `databricks_uc_registry_messages.proto` of MLflow 3.17; the client's other
dialect (MLFLOW_ENABLE_UC_NATIVE_MODEL_REGISTRY, off by default) is not emulated.
"""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from fastapi import APIRouter
from pydantic import BaseModel, Field

from rehearsal.emulator import models
from rehearsal.emulator.errors import ApiError

if TYPE_CHECKING:
    from rehearsal.emulator.workspace import Workspace

Entry = TypeVar("Entry")
_FILTER = re.compile(r"""\s*name\s*=\s*(['"])(.+?)\1\s*""")
"""The one filter of a search. A model that does not exist has no versions."""


class Tag(BaseModel):
    """A tag."""

    key: str
    value: str = ""


class Asked(BaseModel, extra="allow"):
    """The body of a request; each call reads the fields that it has."""

    name: str
    version: str = ""
    alias: str = ""
    description: str = ""
    new_name: str = ""
    source: str = ""
    run_id: str = ""
    model_id: str = ""
    operation: str = ""
    key: str = ""
    value: str = ""
    tags: list[Tag] = Field(default_factory=list)

    @property
    def tag_values(self) -> dict[str, str]:
        """The tags by their keys."""
        return {tag.key: tag.value for tag in self.tags}


def router(workspace: "Workspace") -> APIRouter:
    """Routes of the registry."""
    routes = APIRouter(prefix="/api/2.0/mlflow/unity-catalog")
    _add_models(routes, workspace)
    _add_aliases(routes, workspace)
    _add_versions(routes, workspace)
    _add_tags(routes, workspace)
    _add_files(routes, workspace)
    return routes


def _add_models(routes: APIRouter, workspace: "Workspace") -> None:
    def shown(name: str) -> dict[str, Any]:
        return {"registered_model": _model_json(workspace, name)}

    @routes.post("/registered-models/create")
    def create(asked: Asked) -> dict[str, Any]:
        models.create(workspace, asked.name, asked.description, asked.tag_values)
        return shown(asked.name)

    @routes.get("/registered-models/get")
    def get(name: str) -> dict[str, Any]:
        models.registered(workspace, name)
        models.require(workspace, "model", name, "EXECUTE")
        return shown(name)

    @routes.patch("/registered-models/update")
    def update(asked: Asked) -> dict[str, Any]:
        found = models.registered(workspace, asked.name)
        models.require_owner(workspace, asked.name)
        if asked.new_name:
            raise ApiError(501, "NOT_IMPLEMENTED", "The emulator does not rename registered models.")
        found.description, found.updated = asked.description, workspace.clock.milliseconds()
        return shown(asked.name)

    @routes.delete("/registered-models/delete")
    def delete(asked: Asked) -> dict[str, Any]:
        models.delete(workspace, asked.name)
        return {}

    @routes.get("/registered-models/search")
    def search(max_results: int | None = None, page_token: str | None = None) -> dict[str, Any]:
        names = sorted(name for kind, name in workspace.catalog.objects if kind == "model")
        return _page(workspace, names, lambda name: _model_json(workspace, name), "registered_models", max_results, page_token)


def _add_aliases(routes: APIRouter, workspace: "Workspace") -> None:
    @routes.post("/registered-models/alias")
    def set_alias(asked: Asked) -> dict[str, Any]:
        name, alias = asked.name, asked.alias
        found = models.version(workspace, name, asked.version)
        models.require_owner(workspace, name)
        models.require_alias(alias)
        models.registered(workspace, name).aliases[alias.lower()] = found.number
        return {}

    @routes.get("/registered-models/alias")
    def by_alias(name: str, alias: str) -> dict[str, Any]:
        found = models.registered(workspace, name)
        models.require(workspace, "model", name, "EXECUTE")
        if alias.lower() not in found.aliases:
            raise ApiError.missing(f"Alias '{alias}' of registered model '{name.lower()}'")
        return {"model_version": _version_json(workspace, name, found.versions[found.aliases[alias.lower()]])}

    @routes.delete("/registered-models/alias")
    def delete_alias(asked: Asked) -> dict[str, Any]:
        found = models.registered(workspace, asked.name)
        models.require_owner(workspace, asked.name)
        found.aliases.pop(asked.alias.lower(), None)
        return {}


def _add_versions(routes: APIRouter, workspace: "Workspace") -> None:
    def shown(name: str, version: models.Version) -> dict[str, Any]:
        return {"model_version": _version_json(workspace, name, version)}

    @routes.post("/model-versions/create")
    def create(asked: Asked) -> dict[str, Any]:
        new = models.Version(0, asked.source, asked.run_id, asked.model_id, asked.description, asked.tag_values)
        return shown(asked.name, models.create_version(workspace, asked.name, new))

    @routes.post("/model-versions/finalize")
    def finalize(asked: Asked) -> dict[str, Any]:
        return shown(asked.name, models.finalize(workspace, asked.name, asked.version))

    @routes.get("/model-versions/get")
    def get(name: str, version: str) -> dict[str, Any]:
        found = models.version(workspace, name, version)
        models.require(workspace, "model", name, "EXECUTE")
        return shown(name, found)

    @routes.patch("/model-versions/update")
    def update(asked: Asked) -> dict[str, Any]:
        found = models.version(workspace, asked.name, asked.version)
        models.require_owner(workspace, asked.name)
        found.description, found.updated = asked.description, workspace.clock.milliseconds()
        return shown(asked.name, found)

    @routes.delete("/model-versions/delete")
    def delete(asked: Asked) -> dict[str, Any]:
        models.delete_version(workspace, asked.name, asked.version)
        return {}

    @routes.get("/model-versions/search")
    def search(filter: str = "", max_results: int | None = None, page_token: str | None = None) -> dict[str, Any]:  # noqa: A002 - the API's word
        condition = _FILTER.fullmatch(filter)
        if not condition:
            raise ApiError.invalid(f"Unsupported filter '{filter}': give name = '<catalog>.<schema>.<model>', and nothing else.")
        name = condition.group(2).lower()
        models.require_name(name)
        known = ("model", name) in workspace.catalog.objects
        found = [*reversed(models.registered(workspace, name).versions.values())] if known else []
        return _page(
            workspace, found, lambda one: _version_json(workspace, name, one, brief=True), "model_versions", max_results, page_token
        )


def _add_tags(routes: APIRouter, workspace: "Workspace") -> None:
    def tags_of(asked: Asked) -> dict[str, str]:
        found = models.version(workspace, asked.name, asked.version) if asked.version else models.registered(workspace, asked.name)
        models.require(workspace, "model", asked.name, "APPLY_TAG")
        return found.tags

    for path in ("registered-models", "model-versions"):

        @routes.post(f"/{path}/set-tag", name=f"{path} set-tag")
        def set_tag(asked: Asked) -> dict[str, Any]:
            tags, new = tags_of(asked), {asked.key: asked.value}
            models.require_tags(tags | new)
            tags |= new
            return {}

        @routes.delete(f"/{path}/delete-tag", name=f"{path} delete-tag")
        def delete_tag(asked: Asked) -> dict[str, Any]:
            tags_of(asked).pop(asked.key, None)
            return {}


def _add_files(routes: APIRouter, workspace: "Workspace") -> None:
    @routes.get("/registered-models:is-databricks-sdk-models-artifact-repository-enabled")
    def by_sdk() -> dict[str, Any]:
        return {"is_databricks_sdk_models_artifact_repository_enabled": workspace.models.upload == "sdk"}

    @routes.post("/model-versions/generate-temporary-credentials")
    def credentials(asked: Asked) -> dict[str, Any]:
        """Say that the workspace keeps the files itself: the client then asks for signed addresses, file by file."""
        found = models.version(workspace, asked.name, asked.version)
        if asked.operation == "MODEL_VERSION_OPERATION_READ_WRITE":
            models.require_owner(workspace, asked.name)
            if found.status == models.READY:
                raise ApiError(400, "INVALID_STATE", f"Model version {found.number} is finalized; its files cannot be changed.")
        else:
            models.require(workspace, "model", asked.name, "EXECUTE")
        expiry = workspace.clock.milliseconds() + 3_600_000
        return {"credentials": {"storage_mode": "DEFAULT_STORAGE", "expiration_time": expiry}}

    @routes.get("/model-versions/get-download-uri")
    def download_uri(name: str, version: str) -> dict[str, Any]:
        found = models.version(workspace, name, version)
        return {"artifact_uri": _storage(name, found.number)}

    @routes.post("/model-versions/emit-lineage")
    def lineage(asked: Asked) -> dict[str, Any]:
        models.version(workspace, asked.name, asked.version)
        workspace.models.lineage.append(asked.model_dump(exclude_unset=True))
        return {}


def _page(
    workspace: "Workspace",
    entries: list[Entry],
    shown: Callable[[Entry], dict[str, Any]],
    key: str,
    max_results: int | None,
    token: str | None,
) -> dict[str, Any]:
    first = int(token or 0)
    last = first + min(max_results or workspace.models.page, workspace.models.page)
    answer: dict[str, Any] = {key: [shown(entry) for entry in entries[first:last]]}
    return answer | ({"next_page_token": str(last)} if last < len(entries) else {})


def _model_json(workspace: "Workspace", name: str) -> dict[str, Any]:
    found = models.registered(workspace, name)
    return {
        "name": name.lower(),
        "creation_timestamp": found.created,
        "last_updated_timestamp": found.updated,
        "user_id": workspace.catalog.get("model", name).owner,
        "description": found.description,
        "aliases": [{"alias": alias, "version": str(number)} for alias, number in found.aliases.items()],
        "tags": _tags_json(found.tags),
    }


def _version_json(workspace: "Workspace", name: str, version: models.Version, *, brief: bool = False) -> dict[str, Any]:
    """Return a version as its message; a search answers without aliases and tags."""
    status = version.status
    if version.shown_pending:
        version.shown_pending -= 1
        status = models.PENDING
    message = {
        "name": name.lower(),
        "version": str(version.number),
        "creation_timestamp": version.created,
        "last_updated_timestamp": version.updated,
        "user_id": version.user,
        "description": version.description,
        "source": version.source,
        "run_id": version.run_id,
        "model_id": version.model_id,
        "status": status,
        "storage_location": _storage(name, version.number),
    }
    if not brief:
        aliases = models.registered(workspace, name).aliases
        message["aliases"] = [{"alias": alias, "version": str(at)} for alias, at in aliases.items() if at == version.number]
        message["tags"] = _tags_json(version.tags)
    return message


def _tags_json(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in tags.items()]


def _storage(name: str, number: int) -> str:
    return f"dbfs:/Models/{name.lower().replace('.', '/')}/{number}"
