"""Where the smoke suite runs: a workspace that somebody has, named by environment variables, or the emulator of this machine."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from databricks.sdk import WorkspaceClient

from rehearsal.session import CATALOG, RUNTIMES, SCHEMA, SCOPE, VOLUME, clean_environment, rehearsing
from tests.conftest import CLUSTER_ENVIRONMENTS, PROJECT

PREFIX = "STACKHOUSE_LIVE_"
NEEDED = ("HOST", "TOKEN", "CATALOG", "SCHEMA", "ZENML_URL", "ZENML_API_KEY")
DEFAULTS = {"VOLUME": "artifacts", "SCOPE": "stackhouse", "RUNTIME": "16.4.x-cpu-ml-scala2.12"}
WORK_SECONDS = 1800


@dataclass(frozen=True)
class Place:
    """A workspace, a ZenML server, and where in both the suite may write. Everything that it makes carries `mark` in its name."""

    kind: str
    """`emulator` or `live`."""
    host: str
    token: str = field(repr=False)
    catalog: str
    schema: str
    volume: str
    scope: str
    runtime: str
    zenml: dict[str, str] = field(repr=False)
    """Variables with which a client reaches the ZenML server."""
    folder: Path
    mark: str = field(default_factory=lambda: f"smoke_{uuid4().hex[:8]}")

    @property
    def client(self) -> WorkspaceClient:
        """The SDK's client."""
        return WorkspaceClient(host=self.host, token=self.token)

    def environment(self) -> dict[str, str]:
        """Variables of a client's process; nothing of another ZenML, MLflow or workspace reaches it."""
        own = {"STACKHOUSE_HOME": str(self.folder), "ZENML_CONFIG_PATH": str(self.folder / "client"), "REHEARSAL_RUNTIME": self.runtime}
        return clean_environment() | self.zenml | own | {"DATABRICKS_HOST": self.host, "DATABRICKS_TOKEN": self.token}

    def work(self, what: str) -> dict[str, Any]:
        """Do something of `working.py` in a process of its own, since a process has one ZenML store; return what it says."""
        said = {name: getattr(self, name) for name in ("kind", "catalog", "schema", "volume", "scope", "runtime", "mark")}
        told = self._python("-m", "tests.live.working", what, json.dumps(said))
        lines = [line for line in told.stdout.splitlines() if line.startswith("RESULT ")]
        assert lines, f"{told.stdout[-2000:]}\n{told.stderr[-4000:]}".replace(self.token, "…")
        found: dict[str, Any] = json.loads(lines[-1].removeprefix("RESULT "))
        return found

    def command(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run our command."""
        return self._python("-m", "commands.main", *words)

    def _python(self, *words: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, *words]
        return subprocess.run(
            command, cwd=PROJECT, env=self.environment(), capture_output=True, text=True, timeout=WORK_SECONDS, check=False
        )


def live(folder: Path) -> Place:
    """The workspace that the environment names; skips where it names none, and fails where it names half of one."""
    given = {name: os.environ.get(PREFIX + name, "") for name in (*NEEDED, *DEFAULTS)}
    missing = [PREFIX + name for name in NEEDED if not given[name]]
    if len(missing) == len(NEEDED):
        pytest.skip(f"no workspace: {PREFIX}HOST and its like are not set (docs/databricks.md)")
    if missing:
        pytest.fail(f"half a workspace: {', '.join(missing)} not set (docs/databricks.md)")
    chosen = {name: given[name] or default for name, default in DEFAULTS.items()}
    zenml = {"ZENML_STORE_URL": given["ZENML_URL"], "ZENML_STORE_API_KEY": given["ZENML_API_KEY"]}
    return Place(
        *("live", given["HOST"], given["TOKEN"], given["CATALOG"], given["SCHEMA"]),
        *(chosen["VOLUME"], chosen["SCOPE"], chosen["RUNTIME"], zenml, folder),
    )


@contextmanager
def emulator(folder: Path) -> Iterator[Place]:
    """An emulated workspace with the servers of a rehearsal."""
    with rehearsing(folder, [], CLUSTER_ENVIRONMENTS) as session:
        workspace, runtime = session.workspace, RUNTIMES[sys.version_info[:2]]
        yield Place("emulator", workspace.host, workspace.token, CATALOG, SCHEMA, VOLUME, SCOPE, runtime, session.zenml, folder)
