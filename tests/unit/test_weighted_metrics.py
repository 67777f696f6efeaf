"""Metrics of resamples are, to the last digits, what the task measures on the drawn rows."""

import numpy as np
import pytest

from stackhouse.evaluation.metrics import METRICS, describe_metric
from stackhouse.evaluation.predicted import Predicted
from stackhouse.evaluation.weighted_metrics import measure_resamples
from stackhouse.tasks import TASKS

ROWS = 60
RESAMPLES = 20


def predicted(task: str, seed: int = 5) -> Predicted:
    """Some rows of a task; scores are rounded, so that several rows share one."""
    generator = np.random.default_rng(seed)
    kind = TASKS[task]
    if task == "binary_classification":
        scores, y, labels = generator.random(ROWS).round(1), generator.integers(0, 2, ROWS), ("y",)
    elif task == "multiclass_classification":
        scores, y, labels = generator.dirichlet(np.ones(3), ROWS), generator.integers(0, 3, ROWS), ("y",)
    elif task == "multilabel_classification":
        scores, y, labels = generator.random((ROWS, 2)).round(1), generator.integers(0, 2, (ROWS, 2)), ("a", "b")
    elif task == "regression":
        y = generator.normal(100, 3, ROWS).round() * generator.integers(0, 2, ROWS)
        scores, labels = y + generator.normal(0, 2, ROWS), ("y",)
    else:
        scores, y, labels = generator.normal(0.1, 0.2, ROWS).round(1), generator.integers(0, 2, ROWS), ("known",)
    return Predicted(kind, y, scores, kind.answer(scores, 0.5), labels)


@pytest.mark.parametrize("task", TASKS)
def test_each_resample_has_the_metrics_of_its_rows(task: str) -> None:
    rows = predicted(task)
    drawn = np.random.default_rng(1).integers(0, ROWS, (RESAMPLES, ROWS))
    counts = np.stack([np.bincount(one, minlength=ROWS) for one in drawn]).astype(float)
    comparable = {name for name in rows.metrics if describe_metric(name).comparable}
    found = measure_resamples(rows, counts, comparable)
    assert set(found) == comparable
    for number, one in enumerate(drawn):
        expected = {name: value for name, value in rows.take(one).metrics.items() if name in comparable}
        assert {name: values[number] for name, values in found.items()} == pytest.approx(expected, rel=1e-9)


def test_every_metric_by_which_a_task_compares_models_is_computed() -> None:
    for task in TASKS.values():
        names = {name for name in task.metrics if METRICS[name].comparable}
        assert set(measure_resamples(predicted(task.name), np.ones((1, ROWS)), names)) == names


def test_only_what_is_wanted_is_returned() -> None:
    assert set(measure_resamples(predicted("binary_classification"), np.ones((1, ROWS)), ("f1",))) == {"f1"}


@pytest.mark.parametrize("value", [0, 1])
def test_resample_of_one_class_has_no_area(value: int) -> None:
    rows = predicted("binary_classification")
    found = measure_resamples(rows, (rows.y == value).astype(float)[None, :], ("roc_auc", "pr_auc", "accuracy"))
    assert np.isnan(found["roc_auc"]).all()
    assert np.isnan(found["pr_auc"]).all()
    assert np.isfinite(found["accuracy"]).all()


def test_resample_of_one_value_has_no_r2_and_of_zeros_no_mape() -> None:
    rows = predicted("regression")
    zeros = (rows.y == 0).astype(float)[None, :]
    found = measure_resamples(rows, zeros, ("r2", "mape", "rmse"))
    assert np.isnan([found["r2"][0], found["mape"][0]]).all()
    assert found["rmse"][0] == pytest.approx(rows.take(rows.y == 0).metrics["rmse"])


def test_nothing_answered_with_one_gives_zero_and_not_nan() -> None:
    rows = predicted("binary_classification")
    none = Predicted(rows.task, rows.y, rows.scores, np.zeros(ROWS, dtype=int), rows.labels)
    found = measure_resamples(none, np.ones((1, ROWS)), ("precision", "recall", "f1"))
    assert {name: values[0] for name, values in found.items()} == {"precision": 0, "recall": 0, "f1": 0}


def test_detector_without_known_anomalies_has_nothing_to_resample() -> None:
    rows = predicted("anomaly_detection")
    unknown = Predicted(rows.task, np.empty(0), rows.scores, rows.answers, ())
    assert measure_resamples(unknown, np.ones((1, ROWS)), ("roc_auc", "f1")) == {}
