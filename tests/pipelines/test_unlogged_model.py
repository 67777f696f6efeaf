"""A model that MLflow does not take is not lost: the next run of the same rows and rules logs it, and fits nothing."""

from collections.abc import Callable
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from zenml.client import Client

from stackhouse.errors import InfrastructureError
from stackhouse.fitted import FittedModel
from stacks import tracking
from stacks.unlogged import kept
from tests.pipelines.conftest import Runs, versions

pytestmark = pytest.mark.slow

REFUSED = "API request to http://127.0.0.1:1/api/2.0/mlflow/logged-models failed: connection refused"


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """MLflow ends while the model is logged."""

    def fail(*_: Any, **__: Any) -> None:
        raise MlflowException(REFUSED)

    monkeypatch.setattr(tracking, "log_model", fail)
    return monkeypatch


def test_model_is_kept_and_the_next_run_logs_it_without_a_fit(
    run_small: Callable[..., Runs], mlflow_client: MlflowClient, refusing: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InfrastructureError, match=r"MLflow did not take the training run: .*refused.* The fitted model is kept: run again"):
        run_small("unlogged")
    assert versions(mlflow_client, "unlogged") == {}
    refusing.undo()
    fits = []
    original = FittedModel.fit.__func__  # type: ignore[attr-defined]
    refusing.setattr(FittedModel, "fit", classmethod(lambda cls, *given: fits.append(given) or original(cls, *given)))
    runs = run_small("unlogged")
    model = runs.report("train_model", "model")
    metadata = runs.training.steps["train_model"].run_metadata
    assert metadata["fitted_by_an_earlier_run"] is True
    assert versions(mlflow_client, "unlogged") == {1: model.record.run_id}
    assert runs.report("validate_model", "model_checks").passed
    (artifact,) = Client().list_artifacts(name="startswith:unlogged_unlogged_").items
    assert Client().get_artifact_version(artifact.name).load().fitted.rules == model.fitted.rules


def test_other_lookups_in_the_same_tables_are_fitted_anew(run_small: Callable[..., Runs], refusing: pytest.MonkeyPatch) -> None:
    lookup = {
        "table_name": "dev.looked_back.route_day_features",
        "lookup_key": ["origin", "dest"],
        "feature_names": ["late_rate_7d", "flights_7d"],
        "timestamp_lookup_key": "label_time",
    }
    with pytest.raises(InfrastructureError, match="The fitted model is kept"):
        run_small("looked_back", lookups=[lookup])
    refusing.undo()
    runs = run_small("looked_back", lookups=[lookup | {"default_values": {"late_rate_7d": 0.0, "flights_7d": 0.0}}])
    assert runs.training.steps["train_model"].run_metadata["fitted_by_an_earlier_run"] is False


def test_nothing_is_kept_of_another_model_or_under_another_key(run_small: Callable[..., Runs]) -> None:
    assert kept("nowhere", "0" * 16) is None
