"""Runs and versions as rows: how metrics are found under their names, which run is the best, what a table shows, what a frame holds."""

from datetime import UTC, datetime, timedelta
from math import isnan, nan
from typing import Any

import pytest

from stackhouse.errors import ConfigurationError
from stackhouse.evaluation.recorded import RecordedMetric, metrics_of_test_rows
from stackhouse.history import ModelVersion, TrainingRun, best_first, newest_first, runs_frame, shown_metrics

MONDAY = datetime(2026, 11, 16, 9, 0, tzinfo=UTC)


def run(name: str, day: int = 0, *, task: str = "regression", params: dict[str, str] | None = None, **metrics: float) -> TrainingRun:
    return TrainingRun(
        run_id=name,
        run_name=name,
        experiment="/Shared/shop_ml_sales_development",
        model="sales",
        task=task,
        algorithm="xgboost",
        verdict="APPROVED",
        status="FINISHED",
        start_time=MONDAY + timedelta(days=day),
        seconds=2.5,
        params=params or {},
        metrics=metrics,
    )


def names(runs: tuple[TrainingRun, ...]) -> list[str]:
    return [one.run_id for one in runs]


@pytest.mark.parametrize(
    ("asked", "name", "part", "lower_is_better"),
    [
        ("f1", "f1", "test", False),
        ("test_f1_score", "f1", "test", False),
        ("test_auc_roc", "roc_auc", "test", False),
        ("auc_pr", "pr_auc", "test", False),
        ("test_r2", "r2", "test", False),
        ("rmse", "rmse", "test", True),
        ("train_rmse", "rmse", "train", True),
        ("validation_auc_roc", "roc_auc", "validation", False),
        ("random_split_log_loss", "log_loss", "random_split", True),
        ("cv_roc_auc", "roc_auc", "cv", False),
        ("f1_late_arrival", "f1_late_arrival", "test", False),
        ("hamming_loss", "hamming_loss", "test", True),
    ],
)
def test_a_metric_is_known_by_every_spelling(asked: str, name: str, part: str, lower_is_better: bool) -> None:
    metric = RecordedMetric.named(asked)
    assert (metric.name, metric.part, metric.lower_is_better) == (name, part, lower_is_better)


def test_an_unknown_metric_names_those_on_record() -> None:
    with pytest.raises(ConfigurationError, match=r"There is no metric 'beauty'; there are f1, rmse\. Name one of these"):
        RecordedMetric.named("beauty", ["test_rmse", "rmse", "train_mae", "f1_score", "f1_low", "training_samples"])


@pytest.mark.parametrize(
    ("asked", "logged", "value"),
    [
        ("f1", {"f1": 0.4, "test_f1": 0.5}, 0.5),
        ("f1", {"f1": 0.4, "train_f1": 0.9}, 0.4),
        ("f1", {"f1_score": 0.3}, 0.3),
        ("f1", {"test_f1_score": 0.3}, 0.3),
        ("train_f1", {"f1": 0.4, "test_f1": 0.5}, None),
        ("train_f1", {"f1": 0.4, "train_f1": 0.9}, 0.9),
        ("f1", {"train_f1": 0.9}, None),
        ("f1", {"test_f1": nan}, None),
        ("f1", {}, None),
    ],
)
def test_a_value_is_taken_from_the_rows_that_are_meant(asked: str, logged: dict[str, float], value: float | None) -> None:
    assert RecordedMetric.named(asked).value(logged) == value


def test_metrics_of_test_rows_leave_out_other_rows_ends_of_intervals_and_what_is_no_metric() -> None:
    logged = {"test_f1": 0.5, "test_f1_low": 0.4, "test_f1_high": 0.6, "train_f1": 0.9, "f1_low_fare": 0.2, "val_loss": 1.0, "rmse": nan}
    assert metrics_of_test_rows(logged) == {"f1": 0.5, "f1_low_fare": 0.2}


def test_the_best_run_is_the_one_with_the_largest_r2() -> None:
    runs = [run("a", test_r2=0.2), run("b", test_r2=0.9), run("c", test_r2=-3.0)]
    assert names(best_first(runs, RecordedMetric.named("test_r2"))) == ["b", "a", "c"]


def test_the_best_run_is_the_one_with_the_smallest_error() -> None:
    runs = [run("a", rmse=20.0), run("b", rmse=3.0), run("c", rmse=30.0)]
    assert names(best_first(runs, RecordedMetric.named("rmse"))) == ["b", "a", "c"]


def test_runs_without_the_metric_or_with_nan_stand_last_and_ties_stand_newest_first() -> None:
    runs = [run("none", 3), run("nan", 2, rmse=nan), run("older", 0, rmse=1.0), run("newer", 1, rmse=1.0), run("zero", 0, rmse=0.0)]
    assert names(best_first(runs, RecordedMetric.named("rmse"))) == ["zero", "newer", "older", "none", "nan"]


def test_sorting_by_a_metric_that_no_run_has_names_those_that_they_have() -> None:
    with pytest.raises(ConfigurationError, match=r"No run of these has the metric 'f1'; they have mae, rmse\."):
        best_first([run("a", rmse=1.0, test_mae=2.0, train_f1=0.5)], RecordedMetric.named("f1"))


def test_of_no_runs_none_is_the_best() -> None:
    assert best_first([], RecordedMetric.named("f1")) == ()


@pytest.mark.parametrize("name", ["positive_class_ratio", "score_min", "train_anomaly_rate"])
def test_a_metric_whose_values_are_not_better_or_worse_is_no_order(name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"No value of '{name}' is better than another"):
        RecordedMetric.named(name).require_order()


def test_newest_first_goes_by_the_time_of_the_start() -> None:
    assert names(newest_first([run("a", 1), run("b", 3), run("c", 2)])) == ["b", "c", "a"]


def test_a_frame_has_a_row_a_run_and_a_column_for_each_parameter_and_metric() -> None:
    runs = [
        run("a", params={"n_estimators": "20", "max_depth": "3"}, test_r2=0.2),
        run("b", params={"max_depth": "6"}, test_r2=0.5, mae=1.0),
    ]
    frame = runs_frame(runs)
    compared = frame[["run_id", "n_estimators", "max_depth", "test_r2"]].sort_values("test_r2", ascending=False)
    assert compared.values.tolist() == [["b", None, "6", 0.5], ["a", "20", "3", 0.2]]
    assert isnan(frame["mae"][0])
    assert {name: str(frame[name].dtype) for name in ("seconds", "test_r2", "mae")} == dict.fromkeys(
        ("seconds", "test_r2", "mae"), "float64"
    )
    assert frame["start_time"].tolist() == [MONDAY, MONDAY]


def test_names_that_stand_for_two_things_are_told_apart_in_a_frame() -> None:
    frame = runs_frame([run("a", params={"algorithm": "xgb", "size": "small"}, size=3.0)])
    assert frame.loc[0, ["algorithm", "params.algorithm", "params.size", "metrics.size"]].tolist() == ["xgboost", "xgb", "small", 3.0]
    assert "size" not in frame


def test_a_frame_of_no_runs_has_the_columns_of_a_run() -> None:
    assert runs_frame([]).shape == (0, len(TrainingRun.model_fields) - 2)


CLASSIFIED: dict[str, Any] = {"task": "binary_classification", "test_roc_auc": 0.7, "test_f1": 0.5, "test_accuracy": 0.8}


@pytest.mark.parametrize(
    ("rows", "asked", "shown"),
    [
        ([run("a", **CLASSIFIED)], [], ["roc_auc", "f1"]),
        ([run("a", test_rmse=1.0, test_r2=0.5)], [], ["rmse"]),
        ([run("a", **CLASSIFIED), run("b", test_rmse=1.0)], [], ["roc_auc", "f1", "rmse"]),
        ([run("a", task="", recall=0.1, positive_class_ratio=0.4, test_auc_roc=0.7)], [], ["recall", "roc_auc"]),
        ([run("a", **CLASSIFIED)], ["test_accuracy", "f1_score"], ["accuracy", "f1"]),
        ([run("killed", task="binary_classification")], [], []),
        ([], ["f1"], ["f1"]),
        ([], [], []),
    ],
    ids=["binary", "regression", "both", "task not known", "asked for", "nothing measured", "no rows, one asked for", "no rows"],
)
def test_shown_are_metrics_that_are_asked_for_or_decide_on_such_models(rows: list[TrainingRun], asked: list[str], shown: list[str]) -> None:
    assert [metric.label for metric in shown_metrics(rows, asked)] == shown


def test_the_metric_that_rows_are_sorted_by_is_shown_first_and_once() -> None:
    shown = shown_metrics([run("a", **CLASSIFIED, train_f1=0.9)], first=RecordedMetric.named("f1"))
    assert [metric.label for metric in shown] == ["f1", "roc_auc"]


def test_a_metric_that_is_asked_for_and_that_no_row_has_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"No row of these has the metric 'rmse'; they have accuracy, f1, roc_auc\."):
        shown_metrics([run("a", **CLASSIFIED)], ["rmse"])


def test_versions_are_shown_by_the_metrics_of_their_task() -> None:
    version = ModelVersion(
        name="dev.shop.churn",
        version=1,
        registered_at=MONDAY,
        task="binary_classification",
        algorithm="xgboost",
        environment="dev",
        git_sha="0123456789",
        run_id="a",
        metrics={"roc_auc": 0.7, "f1": 0.5, "accuracy": 0.8},
    )
    assert [metric.label for metric in shown_metrics([version])] == ["roc_auc", "f1"]
