"""Serving endpoints (`/api/2.0/serving-endpoints`)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi import APIRouter

if TYPE_CHECKING:
    from rehearsal.emulator.workspace import Workspace


@dataclass
class Serving:
    """Serving endpoints by name."""


def router(workspace: "Workspace") -> APIRouter:
    """Routes of the service."""
    return APIRouter()
