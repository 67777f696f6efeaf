"""A real MLflow server on loopback: runs, metrics and models in sqlite, artifacts in a folder. Nothing of it is emulated."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from stackhouse.errors import InfrastructureError

START_SECONDS = 120
STOP_SECONDS = 10
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
    port = port or _free_port()
    uri = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", str(artifacts)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(_OF_CLIENTS)} | _QUIET
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 - this interpreter, with arguments of our own
            command, env=environment, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    try:
        _wait(process, uri, log)
        yield MlflowServer(uri, artifacts)
    finally:
        _stop(process)


def _wait(process: subprocess.Popen[bytes], uri: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise InfrastructureError(f"The MLflow server ended with code {process.returncode} before it answered. Its log is {log}.")
        try:
            with urlopen(f"{uri}/health", timeout=2) as answer:  # noqa: S310 - http on loopback
                if answer.status == 200:
                    return
        except (URLError, OSError):
            time.sleep(0.1)
    raise InfrastructureError(f"The MLflow server did not answer at {uri} within {START_SECONDS} s. Its log is {log}.")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the whole process group: the command starts the server as a process of its own."""
    for kind in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, kind)
            process.wait(STOP_SECONDS)
        except ProcessLookupError:
            break
        except subprocess.TimeoutExpired:
            continue
    process.wait(STOP_SECONDS)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
