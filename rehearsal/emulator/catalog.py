"""Unity Catalog: catalogs, schemas, volumes, registered models' owners and grants (`/api/2.1/unity-catalog/…`)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi import APIRouter

if TYPE_CHECKING:
    from rehearsal.emulator.workspace import Workspace


@dataclass
class Catalog:
    """The objects of Unity Catalog and who may do what with them."""


def router(workspace: "Workspace") -> APIRouter:
    """Routes of the service."""
    return APIRouter()
