"""MLflow tracking (`/api/2.0/mlflow/…`), passed on to a real MLflow server, and the artifacts of runs."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi import APIRouter

if TYPE_CHECKING:
    from rehearsal.emulator.workspace import Workspace


@dataclass
class Tracking:
    """Where tracking requests are passed on to."""


def router(workspace: "Workspace") -> APIRouter:
    """Routes of the service."""
    return APIRouter()
