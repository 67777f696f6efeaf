"""The registry of Unity Catalog as the MLflow client speaks to it (`/api/2.0/mlflow/unity-catalog/…`)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi import APIRouter

if TYPE_CHECKING:
    from rehearsal.emulator.workspace import Workspace


@dataclass
class Models:
    """Registered models, their versions, aliases and tags."""


def router(workspace: "Workspace") -> APIRouter:
    """Routes of the service."""
    return APIRouter()
