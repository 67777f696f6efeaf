"""MLflow tracking: what a training run and its evaluation put on record. Works on the tracker of the active stack."""

from collections.abc import Mapping
from datetime import UTC, datetime
from math import isfinite
from typing import Any

import mlflow
import pandas as pd
from mlflow import MlflowClient
from mlflow.data.delta_dataset_source import DeltaDatasetSource
from mlflow.data.pandas_dataset import from_pandas
from mlflow.entities import DatasetInput, InputTag, Metric, Param, RunTag
from zenml.client import Client
from zenml.integrations.mlflow.flavors.mlflow_experiment_tracker_flavor import is_databricks_tracking_uri

from stackhouse.errors import DataError, InfrastructureError
from stackhouse.evaluation.evaluation import Evaluation, imbalance_of, period
from stackhouse.evaluation.metrics import rename
from stackhouse.fitted import FittedModel, ScoringRules
from stackhouse.labels.rules import ThresholdLabel
from stackhouse.record import ModelIdentity, RunTags, TableVersion, TrainingData, TrainingRecord, features_sample, run_name
from stackhouse.registrable import FAILED, GATE, PASSED
from stackhouse.splits import RandomSplit, TimeSplit
from stackhouse.table import Table
from stackhouse.tuning.comparison import TuningReport
from stackhouse.verdict import Verdict
from stacks.figures import log_figures
from stacks.mlflow_failures import recording
from stacks.mlflow_model import FEATURE_LOOKUPS, log_model
from stacks.provenance import PROVENANCE, provenance
from stacks.registry import TRAINED_UNTIL, Registry
from stacks.trials import log_losses, log_trials
from stacks.version_control import git_sha

EXAMPLE_ROWS = 5

REGISTERED_NAME = "registered_name"
"""Tag of a run: the name under which its model is registered, or would be."""


def tracking_client() -> MlflowClient:
    """Return a client of the active stack's MLflow, for tracking and registry; the global MLflow settings follow it.

    On Databricks the registry is Unity Catalog's, as the tracker's setting `enable_unity_catalog` says.

    Raises:
        InfrastructureError: where the stack has no MLflow experiment tracker, or one of Databricks without Unity Catalog.
    """
    stack = Client().active_stack
    tracker: Any = stack.experiment_tracker
    if tracker is None or tracker.flavor != "mlflow":
        raise InfrastructureError(f"The active stack '{stack.name}' has no MLflow experiment tracker. Run `stackhouse stack up local`.")
    tracker.configure_mlflow()
    uri = tracker.get_tracking_uri()
    if is_databricks_tracking_uri(uri):
        if not tracker.config.enable_unity_catalog:
            raise InfrastructureError(
                f"The experiment tracker '{tracker.name}' would register models in the workspace's old registry. Run "
                f"`zenml experiment-tracker update {tracker.name} --enable_unity_catalog=true`."
            )
    else:
        mlflow.set_registry_uri(uri)  # or MLFLOW_REGISTRY_URI of the user's shell would name another registry
    return MlflowClient()


def artifact_location() -> str | None:
    """Return where a new experiment of the active stack keeps files: beside ZenML's on this machine; None where an MLflow server says it.

    Source: ZenML's MLflow experiment tracker, which does the same for experiments that it makes.
    """
    tracker: Any = Client().active_stack.experiment_tracker
    return f"file:{tracker.local_path}" if tracker.local_path else None


@recording("the training run")
def log_training(
    fitted: FittedModel, train: Table, identity: ModelIdentity, data: TrainingData, split: TimeSplit | RandomSplit, tuning: TuningReport
) -> str:
    """Log a fitted model to the run that the stack's tracker has opened, and return its URI, `models:/m-…`."""
    client, run_id = tracking_client(), open_run()
    rules = fitted.rules
    name = run_name(identity.name, rules.algorithm.kind, Registry(client).next_version(identity.registered_name), datetime.now(UTC))
    tags = RunTags(
        project=identity.project,
        domain=identity.domain,
        model_name=identity.name,
        model_type=rules.task.name,
        algorithm=rules.algorithm.kind,
        use_case=identity.use_case,
        feature_engineering="unity_catalog",
        training_data=data.features.name,
    )
    versions = {f"delta.version.{table.name}": str(table.version) for table in data.every_table}
    belongs_to = {REGISTERED_NAME: identity.registered_name, "environment": identity.environment, "git_sha": git_sha()}
    if (until := period(train).last) is not None:
        belongs_to[TRAINED_UNTIL] = until.isoformat()
    _set_tags(client, run_id, {"mlflow.runName": name, **tags.model_dump(), **belongs_to, **versions})
    _log_params(client, run_id, _parameters(rules, train, data, split))
    log_metrics(client, run_id, rename(tuning.trials[tuning.chosen].metrics, "validation_") if tuning.trials else {})
    log_losses(client, run_id, tuning.losses)
    log_dataset(client, run_id, train, data.features, "training")
    example = _example(train, fitted)
    mlflow.log_dict(
        {"feature_names": list(rules.features), "primary_keys": list(data.features.primary_keys), "model_type": rules.task.name},
        "config.json",
    )
    info = log_model(fitted, identity.name, example, _metadata(rules, data) | {PROVENANCE: provenance(data, split)})
    log_trials(client, run_id, tuning, tags)
    return str(info.model_uri)


@recording("the evaluation")
def log_evaluation(record: TrainingRecord, evaluation: Evaluation, verdict: Verdict, test: Table, data: TrainingData) -> None:
    """Add metrics, the verdict, figures, slices and the test rows to the run that trained the model.

    Metrics stand under their canonical names and as `test_*`, the ends of their intervals as `test_*_low` and `test_*_high`; those of
    the random split are named so, for comparison only.

    Raises:
        DataError: where a metric is not finite; MLflow would store another number in its place.
    """
    client, run_id = tracking_client(), str(record.run_id)
    named = {
        **evaluation.test,
        **rename(evaluation.test, "test_"),
        **rename(evaluation.train, "train_"),
        **rename(evaluation.random_split, "random_split_"),
        **rename(evaluation.reference, "reference_"),
        **{f"test_{name}_low": interval.low for name, interval in evaluation.intervals.items()},
        **{f"test_{name}_high": interval.high for name, interval in evaluation.intervals.items()},
    }
    log_metrics(client, run_id, named)
    log_figures(client, run_id, evaluation)
    if evaluation.slices:
        client.log_dict(run_id, evaluation.model_dump(mode="json", include={"slice_metric", "slices"}), "slices.json")
    if evaluation.test_period:
        log_metrics(client, run_id, {"test_samples": float(evaluation.test_period.rows)})
        log_dataset(client, run_id, test, data.test or data.features, "testing")
    judged = {"verdict": verdict.outcome, "verdict.reasons": "; ".join(verdict.reasons)}
    _set_tags(client, run_id, judged | {GATE: PASSED if verdict.approved else FAILED})


def open_run() -> str:
    """Return the id of the run that the stack's experiment tracker has opened for this step.

    Raises:
        InfrastructureError: where there is none, because the step does not ask for the tracker.
    """
    run = mlflow.active_run()
    if run is None:
        raise InfrastructureError("No MLflow run is open. The step has to be declared with @step(experiment_tracker=True).")
    return str(run.info.run_id)


@recording("that no model was trained")
def tag_skipped(run_id: str, reason: str) -> None:
    """Say on a run that no model was trained, and why."""
    _set_tags(MlflowClient(), run_id, {"verdict": "SKIPPED", "verdict.reasons": reason})


def log_metrics(client: MlflowClient, run_id: str, values: Mapping[str, float]) -> None:
    """Log finite metrics in one request.

    Raises:
        DataError: naming the metrics that are not finite. Source: MLflow stores infinity as 1.8e308.
    """
    if wrong := [name for name, value in values.items() if not isfinite(value)]:
        raise DataError(f"The metrics {wrong} are not finite and cannot be put on record. Look for empty or degenerate test data.")
    now = int(datetime.now(UTC).timestamp() * 1000)
    client.log_batch(run_id, metrics=[Metric(name, value, now, 0) for name, value in values.items()])


def log_dataset(
    client: MlflowClient, run_id: str, table: Table, source: TableVersion, context: str, made_of: Mapping[str, str] = {}
) -> None:
    """Log a dataset as input of the run, with the Delta version of the feature table that it was made of.

    The version is a tag as well, since MLflow's source drops version 0; `made_of` are further tags.
    """
    rows: pd.DataFrame = table.collect([*table.roles.features, *table.roles.labels]).to_pandas()
    rows = rows.astype({name: "float64" for name in rows if pd.api.types.is_numeric_dtype(rows[name])})
    origin = DeltaDatasetSource(path=source.uri, delta_table_version=source.version)
    dataset = from_pandas(rows, source=origin, targets=table.roles.label or None, name=source.name.rpartition(".")[2])
    tags = [InputTag("mlflow.data.context", context), InputTag("delta.version", str(source.version))]
    tags += [InputTag(key, value) for key, value in made_of.items()]
    entity = dataset._to_mlflow_entity()  # noqa: SLF001 - as `mlflow.log_input` does, which needs an active run
    client.log_inputs(run_id, [DatasetInput(entity, tags)])


def _parameters(rules: ScoringRules, train: Table, data: TrainingData, split: TimeSplit | RandomSplit) -> dict[str, Any]:
    """Parameters of a run under the names of the guides."""
    return {
        **rules.algorithm.hyperparameters,
        "algorithm": rules.algorithm.kind,
        "training_samples": train.count(),
        "feature_count": len(rules.features),
        "n_features": len(rules.features),
        "features_sample": features_sample(rules.features),
        "feature_table": data.features.name,
        "feature_engineering_version": data.features.version,
        "primary_keys": ", ".join(data.features.primary_keys),
        "test_size": split.test_size,
        "split": split.kind,
        "stratify": isinstance(split, RandomSplit) and split.stratify,
        "threshold": rules.label.threshold if isinstance(rules.label, ThresholdLabel) else "none",
        **_decision(rules, imbalance_of(train, rules.task.name)),
    }


def _decision(rules: ScoringRules, imbalance: float | None) -> dict[str, Any]:
    """From which probability on a classifier of two classes answers with 1, and how far from balance the classes are."""
    found: dict[str, Any] = {} if imbalance is None else {"imbalance_ratio": round(imbalance, 4)}
    if rules.task.name == "binary_classification":
        found |= {"decision": rules.decision.kind, "decision_threshold": rules.decision_threshold}
    return found


def _example(train: Table, fitted: FittedModel) -> pd.DataFrame:
    """A few training rows as a caller would send them: numbers as float64, categories and times as they are."""
    rows: pd.DataFrame = train.with_frame(train.frame.head(EXAMPLE_ROWS)).collect(fitted.rules.features).to_pandas()
    doubles = [
        column.name for column in fitted.encoding.columns if column.name in rows and pd.api.types.is_numeric_dtype(rows[column.name])
    ]
    return rows.astype(dict.fromkeys((*doubles, *(name for name in fitted.encoding.numbers if name in rows)), "float64"))


def _metadata(rules: ScoringRules, data: TrainingData) -> dict[str, Any]:
    """What scoring from keys needs, inside the model: feature lookups, cleaning rule, label rule."""
    versions = data.versions
    return {
        FEATURE_LOOKUPS: [{**lookup.model_dump(mode="json"), "table_version": versions[lookup.table_name]} for lookup in data.lookups],
        "cleaning": rules.cleaning.model_dump(mode="json"),
        "label": rules.label.model_dump(mode="json"),
    }


def _set_tags(client: MlflowClient, run_id: str, tags: Mapping[str, str]) -> None:
    client.log_batch(run_id, tags=[RunTag(key, value) for key, value in tags.items()])


def _log_params(client: MlflowClient, run_id: str, parameters: Mapping[str, Any]) -> None:
    client.log_batch(run_id, params=[Param(key, str(value)) for key, value in parameters.items()])
