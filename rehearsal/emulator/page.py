"""The page for people: jobs, runs, task graph, states and logs (`/page`)."""

from fastapi import APIRouter

from rehearsal.emulator.workspace import Workspace


def router(workspace: Workspace) -> APIRouter:
    """Routes of the service."""
    return APIRouter()
