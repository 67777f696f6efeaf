"""A real MLflow server on loopback: runs, metrics and models in sqlite, artifacts in a folder. Nothing of it is emulated."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rehearsal.processes import free_port, server

_QUIET = {
    "DO_NOT_TRACK": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # or it starts workers of its own beside the server
}
_OF_CLIENTS = ("MLFLOW_", "DATABRICKS_")
"""Variables of the caller that are meant for clients; the server must not take one for its own setting."""


@dataclass(frozen=True)
class MlflowServer:
    """A running server."""

    uri: str
    artifacts: Path
    """Folder of the artifacts: `<experiment>/<run>/artifacts` and `<experiment>/models/<model>/artifacts`."""


@contextmanager
def mlflow_server(folder: Path, port: int = 0, artifacts: Path | None = None) -> Iterator[MlflowServer]:
    """Run `mlflow server` on 127.0.0.1 with its files in `folder`, and stop it with all its processes.

    A free port is taken where none is named; artifacts lie in a folder below where no other is named. A folder that served before
    keeps what it holds.

    Raises:
        InfrastructureError: where the server ends early or does not answer in time; names its log.
    """
    folder = folder.resolve()
    artifacts, log = (artifacts or folder / "artifacts").resolve(), folder / "mlflow.log"
    for needed in (folder, artifacts):
        needed.mkdir(parents=True, exist_ok=True)
    port = port or free_port()
    uri = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", str(artifacts)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(_OF_CLIENTS)} | _QUIET
    with server("The MLflow server", command, environment, f"{uri}/health", log, folder):
        yield MlflowServer(uri, artifacts)
