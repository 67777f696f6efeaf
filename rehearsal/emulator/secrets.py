"""Secret scopes and secrets (`/api/2.0/secrets/…`), and the references to them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi import APIRouter

if TYPE_CHECKING:
    from rehearsal.emulator.workspace import Workspace


@dataclass
class Secrets:
    """Scopes with their secrets; values never leave but to a cluster."""


def router(workspace: "Workspace") -> APIRouter:
    """Routes of the service."""
    return APIRouter()
