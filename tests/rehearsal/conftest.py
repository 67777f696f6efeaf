"""An emulated workspace on loopback, and the real SDK as its client."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from databricks.sdk import WorkspaceClient

from rehearsal.emulator.server import serving
from rehearsal.emulator.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    workspace = Workspace(tmp_path / "workspace")
    with serving(workspace):
        yield workspace


@pytest.fixture
def client(workspace: Workspace) -> WorkspaceClient:
    return WorkspaceClient(host=workspace.host, token=workspace.token)
