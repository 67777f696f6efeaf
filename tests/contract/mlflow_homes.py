"""Where our MLflow layer has to behave the same: a file, a server, and the emulated workspace with both of its ways to move files."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import mlflow
import pytest
from mlflow import MlflowClient
from zenml.enums import StackComponentType
from zenml.integrations.mlflow.experiment_trackers import MLFlowExperimentTracker
from zenml.integrations.mlflow.flavors.mlflow_experiment_tracker_flavor import MLFlowExperimentTrackerConfig

import stacks.tracking
from rehearsal.emulator import tracking
from rehearsal.emulator.server import serving
from rehearsal.emulator.workspace import Workspace
from rehearsal.mlflow_server import mlflow_server
from stacks.tracking import tracking_client

EXPERIMENT = "/Shared/contract_ml_delay_development"
ON_A_SERVER = pytest.param("server", marks=pytest.mark.slow)
ON_UNITY_CATALOG = ["uc-sdk", pytest.param("uc-presigned", marks=pytest.mark.slow)]
KINDS = ["sqlite", ON_A_SERVER, *ON_UNITY_CATALOG]


@dataclass
class Backends:
    """One MLflow server, and a workspace before it."""

    server: str
    workspace: Workspace


@dataclass
class Home:
    """An MLflow that the active stack's tracker points at."""

    kind: str
    client: MlflowClient
    backends: Backends

    @property
    def workspace(self) -> Workspace:
        """The emulated workspace."""
        return self.backends.workspace

    @property
    def environment(self) -> dict[str, str]:
        """What another process needs to reach it."""
        return os.environ | {"MLFLOW_TRACKING_URI": mlflow.get_tracking_uri(), "MLFLOW_REGISTRY_URI": mlflow.get_registry_uri()}


@contextmanager
def backends(folder: Path) -> Iterator[Backends]:
    """Start both."""
    workspace = Workspace(folder / "workspace")
    with ExitStack() as stack:
        server = stack.enter_context(mlflow_server(folder / "mlflow", artifacts=tracking.artifacts(workspace)))
        workspace.tracking.uri = server.uri
        stack.enter_context(serving(workspace))
        yield Backends(server.uri, workspace)


@contextmanager
def home(kind: str, backends: Backends, folder: Path) -> Iterator[Home]:
    """Make one of the kinds that of the active stack, as ZenML's own tracker sets it up."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("DATABRICKS_", "MLFLOW_TRACKING_", "MLFLOW_REGISTRY_"))]:
            patch.delenv(name)
        for name in ("DATABRICKS_HOST", "DATABRICKS_TOKEN", "MLFLOW_TRACKING_URI", "MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_INSECURE_TLS"):
            patch.setenv(name, "")  # so that what the tracker sets is undone
            patch.delenv(name)
        tracker = _tracker(**_configuration(kind, backends, folder))
        active = SimpleNamespace(name=kind, experiment_tracker=tracker)
        patch.setattr(stacks.tracking, "Client", lambda: SimpleNamespace(active_stack=active))
        client = tracking_client()
        if kind.startswith("uc"):
            backends.workspace.models.upload = kind.removeprefix("uc-")
        if kind == "sqlite":
            client.create_experiment(EXPERIMENT, artifact_location=str(folder / "artifacts"))
        tracker._set_active_experiment(EXPERIMENT)
        yield Home(kind, client, backends)
        mlflow.set_tracking_uri("")
        mlflow.set_registry_uri("")


def _configuration(kind: str, backends: Backends, folder: Path) -> dict[str, Any]:
    if kind == "sqlite":
        return {"tracking_uri": f"sqlite:///{folder}/mlflow.db"}
    if kind == "server":
        return {"tracking_uri": backends.server, "tracking_token": "unused"}
    workspace = backends.workspace
    return {
        "tracking_uri": "databricks",
        "databricks_host": workspace.host,
        "tracking_token": workspace.token,
        "enable_unity_catalog": True,
    }


def _tracker(**configuration: Any) -> MLFlowExperimentTracker:
    now = datetime.now(UTC)
    return MLFlowExperimentTracker(
        name="tracker",
        id=uuid4(),
        config=MLFlowExperimentTrackerConfig(**configuration),
        flavor="mlflow",
        type=StackComponentType.EXPERIMENT_TRACKER,
        user=uuid4(),
        created=now,
        updated=now,
    )
