"""Cluster policies, node types and runtimes (`/api/2.0/policies/clusters/…`, `/api/2.1/clusters/…`)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi import APIRouter

if TYPE_CHECKING:
    from rehearsal.emulator.workspace import Workspace


@dataclass
class Compute:
    """What clusters can be made of."""


def router(workspace: "Workspace") -> APIRouter:
    """Routes of the service."""
    return APIRouter()
