"""The Files API for volumes and models (`/api/2.0/fs/…`), and the addresses that are signed."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi import APIRouter

if TYPE_CHECKING:
    from rehearsal.emulator.workspace import Workspace


@dataclass
class Files:
    """Files of volumes and registered models, kept under one folder of this machine."""


def router(workspace: "Workspace") -> APIRouter:
    """Routes of the service."""
    return APIRouter()
