"""The main job on the local stack: what a run leaves behind."""

import json
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
from mlflow import MlflowClient

from stackhouse.tasks import TASKS
from tests.pipelines.conftest import Runs, versions


def test_the_very_first_run_registers_version_1_and_makes_it_champion(first_run: Runs, mlflow_client: MlflowClient) -> None:
    registration, promotion = first_run.report("register_model", "registration"), first_run.report("promote_model", "promotion")
    assert (registration.version, registration.new) == ("1", True)
    assert promotion.reason == "there was no champion yet, and all gates passed"
    for alias in ("latest-model", "champion"):
        assert str(mlflow_client.get_model_version_by_alias("dev.first.first", alias).version) == "1"


def test_all_four_checks_of_the_version_pass(first_run: Runs) -> None:
    checks = first_run.report("validate_model", "model_checks").checks
    assert [(check.name, check.passed) for check in checks] == [
        ("loads", True),
        ("signature", True),
        ("inference", True),
        ("metadata", True),
    ]


def test_every_test_row_is_later_than_every_training_row(first_run: Runs) -> None:
    train, validation, test = (
        first_run.report("split_dataset", part).collect(["label_time"])["label_time"] for part in ("train", "validation", "test")
    )
    assert train.max() < validation.min()
    assert validation.max() < test.min()


def test_the_certificate_proves_that_no_feature_is_later_than_its_label(first_run: Runs) -> None:
    certificate = first_run.report("load_features", "certificate")
    assert certificate.latest_feature_minus_label_hours <= 0
    assert certificate.matched_rows == first_run.report("load_features", "training_set").count()


def test_neither_label_nor_source_nor_key_reaches_the_model(first_run: Runs) -> None:
    rules = first_run.report("train_model", "model").fitted.rules
    assert not {"late_rate", "high_late_rate", "arrivals", "origin", "dest", "label_time", "known_at"} & set(rules.features)
    assert "late_rate" not in first_run.report("binarize_label", "labelled").columns


def test_the_run_carries_tags_parameters_metrics_and_datasets(first_run: Runs, mlflow_client: MlflowClient) -> None:
    run = mlflow_client.get_run(first_run.report("train_model", "model").record.run_id)
    tags, params, metrics = run.data.tags, run.data.params, run.data.metrics
    assert {name: tags[name] for name in ("project", "domain", "model_name", "model_type", "algorithm", "feature_engineering")} == {
        "project": "stackhouse",
        "domain": "reliability",
        "model_name": "first",
        "model_type": "binary_classification",
        "algorithm": "xgboost",
        "feature_engineering": "unity_catalog",
    }
    assert tags["training_data"] == "dev.first.route_day_features"
    assert tags["verdict"] == "APPROVED"
    assert run.info.run_name.startswith("first_xgboost_v1_")
    assert mlflow_client.get_experiment(run.info.experiment_id).name == "/Shared/stackhouse_ml_first_development"
    assert (params["threshold"], params["test_size"], params["n_features"], params["primary_keys"]) == ("0.2", "0.2", "17", "origin, dest")
    assert set(TASKS["binary_classification"].metrics) <= set(metrics)
    assert metrics["test_f1"] == metrics["f1"]
    contexts = {tag.value for dataset in run.inputs.dataset_inputs for tag in dataset.tags if tag.key == "mlflow.data.context"}
    deltas = {tag.value for dataset in run.inputs.dataset_inputs for tag in dataset.tags if tag.key == "delta.version"}
    assert (contexts, deltas) == ({"training", "testing"}, {"1"})


def test_the_run_holds_the_explanation_of_its_model(first_run: Runs, mlflow_client: MlflowClient) -> None:
    explanation = first_run.report("explain_model", "explanation")
    assert (explanation.withheld, explanation.skipped) == (None, None)
    assert (
        set(explanation.importance)
        == set(explanation.permutation.mean)
        == set(first_run.report("train_model", "model").fitted.rules.features)
    )
    assert explanation.permutation.metric == "roc_auc"
    version = mlflow_client.get_model_version("dev.first.first", "1")
    files = {found.path for found in mlflow_client.list_artifacts(version.run_id)}
    assert {"feature_importance.png", "shap_summary.png", "explanation.json"} <= files


def test_the_version_carries_its_gate_metric_and_origin_as_tags(first_run: Runs, mlflow_client: MlflowClient) -> None:
    tags = mlflow_client.get_model_version("dev.first.first", "1").tags
    assert {"environment", "git_sha", "registered_at", "f1_score", "roc_auc", "trained_until"} <= set(tags)
    assert float(tags["f1_score"]) == first_run.report("evaluate_model", "evaluation").test["f1"]


def test_another_process_scores_raw_rows_as_the_pipeline_does(first_run: Runs, mlflow_client: MlflowClient, tmp_path: Path) -> None:
    """Loaded by alias through MLflow alone; rows hold NaN, ±Inf and null, and come back in their order, none dropped."""
    from stacks.tracking import tracking_client

    tracking_client()
    fitted = first_run.report("train_model", "model").fitted
    rows = first_run.report("split_dataset", "test").collect(fitted.rules.features).to_native().head(50)
    rows = rows.with_columns(
        pl.when(pl.int_range(pl.len()) == 0).then(float("nan")).otherwise(pl.col(rows.columns[0])).alias(rows.columns[0])
    )
    rows = rows.with_columns(
        pl.when(pl.int_range(pl.len()) == 1).then(float("inf")).otherwise(pl.col(rows.columns[1])).alias(rows.columns[1])
    )
    rows = rows.with_columns(
        pl.when(pl.int_range(pl.len()) == 2).then(float("-inf")).otherwise(pl.col(rows.columns[2])).alias(rows.columns[2])
    )
    rows = rows.with_columns(pl.when(pl.int_range(pl.len()) == 3).then(None).otherwise(pl.col(rows.columns[3])).alias(rows.columns[3]))
    rows.write_parquet(tmp_path / "rows.parquet")
    script = """
        import json, sys
        import mlflow, pandas
        model = mlflow.pyfunc.load_model("models:/dev.first.first@champion")
        rows = pandas.read_parquet("rows.parquet")
        classes, probabilities = model.predict(rows), model.predict(rows, params={"predict_method": "predict_proba"})
        print(json.dumps([classes.tolist(), str(classes.dtype), probabilities.tolist()]))
    """
    environment = {**os.environ, "MLFLOW_TRACKING_URI": os.environ["MLFLOW_TRACKING_URI"]}
    answer = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    classes, dtype, probabilities = json.loads(answer.stdout.splitlines()[-1])
    expected = fitted.scores(rows.to_pandas())
    assert dtype == "int64"
    assert np.array_equal(probabilities, expected)
    assert np.array_equal(classes, (expected >= 0.5).astype(int))


def test_nothing_that_a_run_keeps_is_a_pickle(first_run: Runs) -> None:
    """Pickles of protocol 2 and later begin with the byte 0x80; older ones are not written by any library in use."""
    files = [file for file in (Path(os.environ["STACKHOUSE_HOME"]) / "artifacts").rglob("*") if file.is_file()]
    assert len(files) > 50
    suspects = [file.name for file in files if file.suffix in {".pkl", ".pickle", ".joblib"} or "cloudpickle" in file.name]
    suspects += [file.name for file in files if file.read_bytes()[:1] == b"\x80"]
    assert suspects == []


def test_every_artifact_has_a_page_and_no_page_shows_raw_rows(first_run: Runs) -> None:
    pages: list[Path] = []
    for run in (first_run.features, first_run.training):
        for step in run.steps.values():
            for artifact in (version for versions_ in step.outputs.values() for version in versions_):
                assert [page.type.value for page in artifact.visualizations] == ["html"], artifact.name
                pages += Path(artifact.uri).rglob("*.html")
    routes = first_run.report("split_dataset", "test").collect(["dest"])["dest"].unique().to_list()
    routes.remove("ROC")  # Rochester, and a curve
    assert len(pages) > 20
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert not re.search(rf"\b({'|'.join(routes)})\b", text), page


def test_a_model_below_its_gate_is_rejected_and_not_registered(run_small: Callable[..., Runs], mlflow_client: MlflowClient) -> None:
    runs = run_small("rejected", gates={"minimum": {"roc_auc": 0.99}, "baseline_f1": 0.01})
    verdict, registration = runs.report("evaluate_model", "verdict"), runs.report("register_model", "registration")
    assert verdict.outcome == "REJECTED"
    assert "has to be >= 0.9900" in verdict.reasons[0]
    assert registration.version is None
    assert versions(mlflow_client, "rejected") == {}
    assert runs.report("promote_model", "promotion").promoted is False


def test_a_label_of_one_class_is_skipped_and_not_a_crash(run_small: Callable[..., Runs], mlflow_client: MlflowClient) -> None:
    rule = {"kind": "threshold", "source": "late_rate", "name": "high_late_rate", "threshold": 1.5, "maximum": 2.0}
    runs = run_small("skipped", label={"table": "route_day_labels", "rule": rule})
    verdict = runs.report("evaluate_model", "verdict")
    assert verdict.outcome == "SKIPPED"
    assert verdict.reasons == ("all training rows are of class 0; a classifier needs both",)
    assert versions(mlflow_client, "skipped") == {}
    assert mlflow_client.get_run(runs.report("train_model", "model").record.run_id).data.tags["verdict"] == "SKIPPED"
