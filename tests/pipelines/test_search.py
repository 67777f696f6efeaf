"""A search in the real pipeline: trials nested under the training run, losses by iteration, and a report that the cache keeps."""

import io
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from rich.console import Console

from commands.progress import step_lines
from stacks.home import home
from tests.pipelines.conftest import Runs

FEW = {"n_estimators": {"low": 5, "high": 30}}
TUNING = {
    "metric": "roc_auc",
    "search": {
        "trials": 6,
        "folds": 3,
        "early_stopping_rounds": 5,
        "space": {
            "xgboost": {**FEW, "subsample": None, "class_weight": {"choices": [None, "balanced"]}},
            "lightgbm": {**FEW, "max_depth": {"low": 2, "high": 4}},
        },
    },
}
LISTED = [{"kind": "xgboost", "n_estimators": 20, "max_depth": 3}, {"kind": "lightgbm", "n_estimators": 20, "max_depth": 3}]


@pytest.fixture(scope="module")
def searched(run_small: Callable[..., Runs]) -> Runs:
    return run_small("searched", tuning=TUNING, algorithms=LISTED)


def trials_of(client: MlflowClient, run_id: str) -> list[Any]:
    experiment = client.get_run(run_id).info.experiment_id
    return client.search_runs([experiment], f"tags.mlflow.parentRunId = '{run_id}'")


def test_every_trial_is_a_run_under_the_training_run(searched: Runs, mlflow_client: MlflowClient) -> None:
    report, run_id = searched.report("tune", "tuning"), str(searched.report("train_model", "model").record.run_id)
    runs = {int(run.data.tags["trial"]): run for run in trials_of(mlflow_client, run_id)}
    assert sorted(runs) == list(range(1, 7))
    for position, trial in enumerate(report.trials, 1):
        assert runs[position].info.status == "FINISHED"
        assert runs[position].data.metrics["cv_roc_auc"] == pytest.approx(trial.mean)
        assert runs[position].data.params["max_depth"] == str(trial.algorithm.max_depth)
    assert runs[report.chosen + 1].data.tags["trial.outcome"] == "chosen"


def test_the_space_of_the_file_reaches_the_step_with_its_nulls(searched: Runs) -> None:
    space = searched.report("tune", "tuning").search.space
    assert "subsample" not in space["xgboost"]
    assert space["xgboost"]["class_weight"].choices == (None, "balanced")
    assert (space["lightgbm"]["max_depth"].low, space["lightgbm"]["max_depth"].high) == (2, 4)


def test_folds_lie_in_time_and_hold_training_rows_alone(searched: Runs) -> None:
    search = searched.report("tune", "tuning").search
    rows = searched.training.steps["split_dataset"].outputs["train"][0].load().count()
    assert search.by_time
    assert sum(search.fold_rows[-1]) == rows


def test_the_chosen_one_is_trained_and_its_losses_stand_in_the_training_run(searched: Runs, mlflow_client: MlflowClient) -> None:
    report, model = searched.report("tune", "tuning"), searched.report("train_model", "model")
    assert model.fitted.rules.algorithm == report.trials[report.chosen].algorithm
    for name, values in (("train_loss", report.losses.train), ("val_loss", report.losses.validation)):
        history = mlflow_client.get_metric_history(str(model.record.run_id), name)
        assert [(found.step, found.value) for found in history] == list(enumerate(values, 1))


def test_a_finished_search_is_served_from_the_cache_and_its_trials_are_kept(run_small: Callable[..., Runs], searched: Runs) -> None:
    again = run_small("searched", tuning=TUNING, algorithms=LISTED)
    assert {"tune", "train_model"} <= {*again.cached("training")}
    assert (home() / "studies" / "dev.searched.searched.db").exists()


def test_each_trial_is_a_line_on_the_terminal(tmp_path: Path) -> None:
    written = io.StringIO()
    with step_lines(Console(file=written, width=120), tmp_path / "run.log"):
        logging.getLogger("steps.tune").info("Trial %d of %d: %s", 3, 50, "xgboost, roc_auc 0.6512 (+/- 0.0210), 1.2 s, the best so far")
    assert written.getvalue() == "    trial 3 of 50: xgboost, roc_auc 0.6512 (+/- 0.0210), 1.2 s, the best so far\n"
