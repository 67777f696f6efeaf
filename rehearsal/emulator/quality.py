"""Data quality monitors (`/api/data-quality/v1/…`)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi import APIRouter

if TYPE_CHECKING:
    from rehearsal.emulator.workspace import Workspace


@dataclass
class Quality:
    """Monitors of tables."""


def router(workspace: "Workspace") -> APIRouter:
    """Routes of the service."""
    return APIRouter()
