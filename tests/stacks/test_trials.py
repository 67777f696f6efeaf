"""Trials on record: each a finished run under the training run, and losses by iteration in the training run itself."""

from typing import Any

import pytest
from mlflow import MlflowClient

from stackhouse.algorithms import Losses
from stackhouse.record import RunTags
from stacks.trials import MOST_STEPS, log_losses, log_trials
from tests.reports import SEARCHED

TAGS = RunTags(
    project="contract",
    domain="performance",
    model_name="delay",
    model_type="binary_classification",
    algorithm="xgboost",
    use_case="Will it be late?",
    feature_engineering="unity_catalog",
    training_data="main.default.days",
)


@pytest.fixture
def run_id(client: MlflowClient, request: pytest.FixtureRequest) -> str:
    return str(client.create_run(client.create_experiment(request.node.name)).info.run_id)


def nested(client: MlflowClient, run_id: str) -> list[Any]:
    experiment = client.get_run(run_id).info.experiment_id
    found = client.search_runs([experiment], f"tags.mlflow.parentRunId = '{run_id}'")
    return sorted(found, key=lambda run: int(run.data.tags["trial"]))


def test_each_trial_is_a_finished_run_under_the_training_run(client: MlflowClient, run_id: str) -> None:
    log_trials(client, run_id, SEARCHED, TAGS)
    runs = nested(client, run_id)
    assert [run.info.run_name for run in runs] == ["trial_001_xgboost", "trial_002_xgboost", "trial_003_xgboost", "trial_004_lightgbm"]
    assert [run.info.status for run in runs] == ["FINISHED"] * 4
    assert [(run.data.tags["trial.origin"], run.data.tags["trial.outcome"]) for run in runs] == [
        ("listed", "finished"),
        ("drawn", "pruned"),
        ("drawn", "chosen"),
        ("drawn", "finished"),
    ]
    assert [run.data.params["max_depth"] for run in runs] == ["6", "3", "4", "5"]
    assert runs[2].data.metrics == pytest.approx(
        {"cv_roc_auc": 0.65, "cv_roc_auc_2std": 0.1, "cv_roc_auc_fold": 0.7, "validation_roc_auc": 0.66}
    )
    history = client.get_metric_history(runs[2].info.run_id, "cv_roc_auc_fold")
    assert [(found.step, found.value) for found in history] == [(1, 0.6), (2, 0.7)]


def test_each_trial_carries_the_eight_tags_with_its_own_algorithm(client: MlflowClient, run_id: str) -> None:
    log_trials(client, run_id, SEARCHED, TAGS)
    for run, trial in zip(nested(client, run_id), SEARCHED.trials, strict=True):
        assert {name: run.data.tags[name] for name in TAGS.model_dump()} == {**TAGS.model_dump(), "algorithm": trial.algorithm.kind}


def test_a_comparison_without_a_search_has_no_trials_to_log(client: MlflowClient, run_id: str) -> None:
    log_trials(client, run_id, SEARCHED.model_copy(update={"search": None}), TAGS)
    assert nested(client, run_id) == []


def test_losses_stand_at_their_iterations(client: MlflowClient, run_id: str) -> None:
    log_losses(client, run_id, Losses(name="rmse", train=(3.0, 2.0, 1.0), validation=(4.0, 3.5, 3.75)))
    for name, values in (("train_loss", [3.0, 2.0, 1.0]), ("val_loss", [4.0, 3.5, 3.75])):
        assert [(found.step, found.value) for found in client.get_metric_history(run_id, name)] == list(enumerate(values, 1))
    assert client.get_run(run_id).data.tags["loss"] == "rmse"


@pytest.mark.parametrize("count", [1, MOST_STEPS, MOST_STEPS + 1, 9999])
def test_many_losses_are_thinned_to_one_request_with_the_first_and_the_last(client: MlflowClient, run_id: str, count: int) -> None:
    values = tuple(float(number) for number in range(1, count + 1))
    log_losses(client, run_id, Losses(name="log_loss", train=values, validation=values))
    history = client.get_metric_history(run_id, "val_loss")
    assert len(history) == min(count, MOST_STEPS)
    assert [found.step for found in history] == [int(found.value) for found in history]
    assert (history[0].step, history[-1].step) == (1, count)


@pytest.mark.parametrize("losses", [None, Losses(name="log_loss", train=(), validation=())])
def test_an_algorithm_without_iterations_logs_no_losses(client: MlflowClient, run_id: str, losses: Losses | None) -> None:
    log_losses(client, run_id, losses)
    assert client.get_run(run_id).data.metrics == {}
