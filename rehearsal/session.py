"""A rehearsal from start to end: the servers, the workspace as a user would find it, and the variables that a client needs."""

import os
import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from rehearsal.emulator import tracking
from rehearsal.emulator.server import serving
from rehearsal.emulator.workspace import Workspace
from rehearsal.mlflow_server import mlflow_server
from rehearsal.zenml_server import zenml_server
from stackhouse.errors import InfrastructureError

RUNTIMES = {(3, 11): "15.4.x-scala2.12", (3, 12): "16.4.x-scala2.12"}
"""A runtime with the Python of this machine, so that the emulated cluster needs no other."""

CATALOG, SCHEMA, VOLUME, SCOPE = "main", "stackhouse", "artifacts", "stackhouse"

_NOT_PASSED_ON = ("ZENML_", "MLFLOW_", "DATABRICKS_", "STACKHOUSE_")


@dataclass(frozen=True)
class Session:
    """A rehearsal that is going on."""

    workspace: Workspace
    folder: Path
    zenml: dict[str, str]
    """With which variables a client reaches the ZenML server."""

    @property
    def page(self) -> str:
        """Address of the emulator's page for people."""
        return f"{self.workspace.host}/page"

    def environment(self) -> dict[str, str]:
        """Variables of a process whose stack is the rehearsal; nothing of another ZenML, MLflow or workspace reaches it."""
        return (
            clean_environment()
            | self.zenml
            | {
                "ZENML_CONFIG_PATH": str(self.folder / "client"),
                "STACKHOUSE_HOME": str(self.folder),
                "DATABRICKS_HOST": self.workspace.host,
                "DATABRICKS_TOKEN": self.workspace.token,
                "REHEARSAL_RUNTIME": RUNTIMES[sys.version_info[:2]],
            }
        )


def clean_environment() -> dict[str, str]:
    """Return this process's variables without those that name another ZenML, MLflow, workspace or home."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_NOT_PASSED_ON)}


@contextmanager
def rehearsing(folder: Path, schemas: list[tuple[str, str]], environments: Path | None = None) -> Iterator[Session]:
    """Start everything in a folder, which is emptied first, and stop everything at the end.

    `schemas` are the catalogs and schemas that the model's names ask for; on Databricks an administrator has made them.

    Raises:
        InfrastructureError: where another rehearsal goes on in this folder, or a server does not start.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder.with_suffix(".lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise InfrastructureError(
            f"A rehearsal is going on in {folder} already. Wait for its end, or end it; nothing was started."
        ) from None
    try:
        shutil.rmtree(folder)
        folder.mkdir()
        workspace = _workspace(folder, schemas, environments)
        with ExitStack() as stack, ThreadPoolExecutor(2) as pool:
            zenml = pool.submit(stack.enter_context, zenml_server(folder / "zenml_server"))
            mlflow = pool.submit(stack.enter_context, mlflow_server(folder / "mlflow_server", artifacts=tracking.artifacts(workspace)))
            workspace.tracking.uri = mlflow.result().uri
            stack.enter_context(serving(workspace))
            yield Session(workspace, folder, zenml.result())
    finally:
        lock.release()


def _workspace(folder: Path, schemas: list[tuple[str, str]], environments: Path | None) -> Workspace:
    workspace = Workspace(folder / "workspace")
    catalog = workspace.catalog
    for name, schema in dict.fromkeys([(CATALOG, SCHEMA), *schemas]):
        if ("catalog", name) not in catalog.objects:
            catalog.create_catalog(name)
        catalog.create_schema(name, schema)
    catalog.create_volume(CATALOG, SCHEMA, VOLUME)
    workspace.secrets.create_scope(SCOPE)
    if environments:
        workspace.jobs.environments = environments
    return workspace
