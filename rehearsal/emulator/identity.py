"""Who the caller is (SCIM)."""

from typing import Any

from fastapi import APIRouter

from rehearsal.emulator.errors import ApiError
from rehearsal.emulator.workspace import Workspace


def router(workspace: Workspace) -> APIRouter:
    """Routes of the caller's own record."""
    routes = APIRouter()

    @routes.get("/.well-known/databricks-config")
    def host_metadata() -> None:
        """A workspace need not have it: the client goes on with what it was told."""
        raise ApiError.unknown_route("GET", "/.well-known/databricks-config")

    @routes.get("/api/2.0/preview/scim/v2/Me")
    def me() -> dict[str, Any]:
        return {
            "id": "1",
            "userName": workspace.user_name,
            "displayName": "Rehearsal",
            "active": True,
            "emails": [{"type": "work", "value": workspace.user_name, "primary": True}],
        }

    return routes
