"""The Jobs API (`/api/2.1/jobs/…`, `/api/2.2/jobs/…`): definitions, runs, schedules."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi import APIRouter

if TYPE_CHECKING:
    from rehearsal.emulator.workspace import Workspace


@dataclass
class Jobs:
    """Jobs and their runs."""


def router(workspace: "Workspace") -> APIRouter:
    """Routes of the service."""
    return APIRouter()
