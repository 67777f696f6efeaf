"""Trials of a search on record: each a run of its own, nested under the run that trained the model."""

from datetime import UTC, datetime

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID, MLFLOW_RUN_NAME

from stackhouse.algorithms import Losses
from stackhouse.evaluation.metrics import rename
from stackhouse.record import RunTags
from stackhouse.tuning.comparison import Trial, TuningReport

MOST_STEPS = 500
"""Iterations whose losses are logged at most, evenly spaced, the last one among them: one request takes 1,000 metrics."""


def log_trials(client: MlflowClient, run_id: str, report: TuningReport, run_tags: RunTags) -> None:
    """Log each trial of a search as a finished run under the given one: hyperparameters, folds, what became of it, and that run's tags.

    A run has the metric of fold k at step k, from 1 on, and its mean and two standard deviations as `cv_METRIC` and `cv_METRIC_2std`.
    A comparison of listed candidates alone has no trials to log. Three requests a trial, and no more than one of them large.
    """
    if report.search is None:
        return
    experiment = client.get_run(run_id).info.experiment_id
    for position, trial in enumerate(report.trials):
        tags = {
            MLFLOW_PARENT_RUN_ID: run_id,
            MLFLOW_RUN_NAME: f"trial_{position + 1:03d}_{trial.algorithm.kind}",
            **run_tags.model_dump(),
            "algorithm": trial.algorithm.kind,
            "trial": str(position + 1),
            "trial.origin": "drawn" if trial.drawn else "listed",
            "trial.outcome": "pruned" if trial.pruned else "chosen" if position == report.chosen else "finished",
        }
        run = client.create_run(experiment, tags=tags).info.run_id
        parameters = [Param(name, str(value)) for name, value in trial.algorithm.hyperparameters.items()]
        client.log_batch(run, metrics=_metrics(trial, report.metric), params=parameters)
        client.set_terminated(run)


def log_losses(client: MlflowClient, run_id: str, losses: Losses | None) -> None:
    """Log `train_loss` and `val_loss` by iteration, from 1 on, and which loss it is; nothing for an algorithm without iterations."""
    if losses is None or not losses.train:
        return
    now, count = _now(), len(losses.train)
    steps = sorted({round(1 + (count - 1) * number / (min(count, MOST_STEPS) - 1 or 1)) for number in range(min(count, MOST_STEPS))})
    named = (("train_loss", losses.train), ("val_loss", losses.validation))
    metrics = [Metric(name, values[step - 1], now, step) for name, values in named for step in steps]
    client.log_batch(run_id, metrics=metrics, tags=[RunTag("loss", losses.name)])


def _metrics(trial: Trial, metric: str) -> list[Metric]:
    now = _now()
    by_fold = [Metric(f"cv_{metric}_fold", value, now, fold) for fold, value in enumerate(trial.folds, 1)]
    summary = {f"cv_{metric}": trial.mean, f"cv_{metric}_2std": trial.spread, **rename(trial.metrics, "validation_")}
    return by_fold + [Metric(name, value, now, 0) for name, value in summary.items()]


def _now() -> int:
    return int(datetime.now(UTC).timestamp() * 1000)
