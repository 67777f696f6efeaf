"""Who the caller is (SCIM)."""

from typing import Any

from fastapi import APIRouter

from rehearsal.emulator.workspace import Workspace

WORKSPACE_ID = "1000000000000001"


def router(workspace: Workspace) -> APIRouter:
    """Routes of the caller's own record."""
    routes = APIRouter()

    @routes.get("/.well-known/databricks-config")
    def host_metadata() -> dict[str, str]:
        return {"oidc_endpoint": f"{workspace.host}/oidc", "workspace_id": WORKSPACE_ID, "cloud": "AWS"}

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
