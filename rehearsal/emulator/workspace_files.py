"""Workspace files: mkdirs, import, export, list, get-status, delete (`/api/2.0/workspace/…`)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi import APIRouter

if TYPE_CHECKING:
    from rehearsal.emulator.workspace import Workspace


@dataclass
class WorkspaceFiles:
    """Files of the workspace tree, kept under one folder of this machine."""


def router(workspace: "Workspace") -> APIRouter:
    """Routes of the service."""
    return APIRouter()
