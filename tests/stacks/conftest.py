"""An MLflow of its own for each module, and a run on it for each test."""

from pathlib import Path

import pytest
from mlflow import MlflowClient

import stacks.explanation_record
import stacks.tracking
from stackhouse.evaluation.evaluation import Period
from stackhouse.record import TrainingRecord


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> MlflowClient:
    """A client of an MLflow on sqlite with nothing in it."""
    return MlflowClient(f"sqlite:///{tmp_path_factory.mktemp('mlflow')}/mlflow.db")


@pytest.fixture
def record(client: MlflowClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TrainingRecord:
    """The record of a run without metrics and artifacts, to which the tracking layer writes."""
    experiment = client.create_experiment(str(tmp_path), artifact_location=str(tmp_path / "artifacts"))
    for module in (stacks.tracking, stacks.explanation_record):
        monkeypatch.setattr(module, "tracking_client", lambda: client)
    return TrainingRecord(run_id=client.create_run(experiment).info.run_id, algorithm="xgboost", train_period=Period(rows=9))


def artifacts(client: MlflowClient, record: TrainingRecord) -> set[str]:
    """Paths of what lies beside the run."""
    return {found.path for found in client.list_artifacts(str(record.run_id))}
