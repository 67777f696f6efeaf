"""The workspace: what all its services share."""

import secrets
from dataclasses import dataclass, field
from pathlib import Path

from rehearsal.emulator.catalog import Catalog
from rehearsal.emulator.clock import Clock
from rehearsal.emulator.compute import Compute
from rehearsal.emulator.faults import Faults
from rehearsal.emulator.files import Files
from rehearsal.emulator.jobs import Jobs
from rehearsal.emulator.models import Models
from rehearsal.emulator.quality import Quality
from rehearsal.emulator.secrets import Secrets
from rehearsal.emulator.serving import Serving
from rehearsal.emulator.tracking import Tracking
from rehearsal.emulator.workspace_files import WorkspaceFiles


@dataclass(frozen=True)
class Request:
    """A request that was answered."""

    method: str
    path: str
    status: int


@dataclass
class Workspace:
    """The state of one emulated workspace. Files lie under `folder`; everything else is in memory and ends with the process."""

    folder: Path
    token: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    """Token of the user of the workspace."""
    user_name: str = "rehearsal@localhost"
    clock: Clock = field(default_factory=Clock)
    faults: Faults = field(default_factory=Faults)
    requests: list[Request] = field(default_factory=list)
    unknown_requests: list[Request] = field(default_factory=list)
    """Requests to routes that the emulator does not have."""
    host: str = ""
    """Address of the server, `http://127.0.0.1:PORT`, once it is up."""
    catalog: Catalog = field(default_factory=Catalog)
    compute: Compute = field(default_factory=Compute)
    files: Files = field(default_factory=Files)
    jobs: Jobs = field(default_factory=Jobs)
    models: Models = field(default_factory=Models)
    quality: Quality = field(default_factory=Quality)
    secrets: Secrets = field(default_factory=Secrets)
    serving: Serving = field(default_factory=Serving)
    tracking: Tracking = field(default_factory=Tracking)
    workspace_files: WorkspaceFiles = field(default_factory=WorkspaceFiles)
