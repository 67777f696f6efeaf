"""Tasks: how scores become answers, and each metric against scikit-learn's on the same predictions or by hand."""

import math

import numpy as np
import pytest
from sklearn import metrics

from stackhouse.evaluation.metrics import METRICS
from stackhouse.tasks import TASKS

GENERATOR = np.random.default_rng(7)
CLASSES = GENERATOR.integers(0, 3, 300)
SHARES = GENERATOR.dirichlet(np.ones(3), 300)
LABELS = GENERATOR.integers(0, 2, (300, 2))
PROBABILITIES = GENERATOR.random((300, 2))


def test_several_classes_are_measured_as_scikit_learn_does() -> None:
    task = TASKS["multiclass_classification"]
    answers = task.answer(SHARES, 0.5)
    assert answers.tolist() == SHARES.argmax(axis=1).tolist()
    assert task.measure(CLASSES, SHARES, answers, ("class",)) == pytest.approx(
        {
            "accuracy": metrics.accuracy_score(CLASSES, answers),
            "weighted_f1": metrics.f1_score(CLASSES, answers, average="weighted"),
            "macro_f1": metrics.f1_score(CLASSES, answers, average="macro"),
            "log_loss": metrics.log_loss(CLASSES, SHARES),
        }
    )


def test_class_without_a_row_counts_with_f1_of_zero() -> None:
    scores = np.array([[0.9, 0.1, 0.0], [0.2, 0.8, 0.0]])
    found = TASKS["multiclass_classification"].measure(np.array([0, 1]), scores, np.array([0, 1]), ("class",))
    assert (found["accuracy"], found["macro_f1"]) == (1.0, pytest.approx(2 / 3))


def test_several_labels_are_measured_as_scikit_learn_does() -> None:
    task = TASKS["multilabel_classification"]
    answers = task.answer(PROBABILITIES, 0.5)
    assert task.measure(LABELS, PROBABILITIES, answers, ("a", "b")) == pytest.approx(
        {
            "subset_accuracy": metrics.accuracy_score(LABELS, answers),
            "micro_f1": metrics.f1_score(LABELS, answers, average="micro"),
            "macro_f1": metrics.f1_score(LABELS, answers, average="macro"),
            "hamming_loss": metrics.hamming_loss(LABELS, answers),
            "f1_a": metrics.f1_score(LABELS[:, 0], answers[:, 0]),
            "f1_b": metrics.f1_score(LABELS[:, 1], answers[:, 1]),
            "roc_auc": metrics.roc_auc_score(LABELS, PROBABILITIES, average="macro"),
            "roc_auc_a": metrics.roc_auc_score(LABELS[:, 0], PROBABILITIES[:, 0]),
            "roc_auc_b": metrics.roc_auc_score(LABELS[:, 1], PROBABILITIES[:, 1]),
        }
    )


def test_label_of_one_class_leaves_its_roc_auc_and_the_mean_out() -> None:
    labels = np.column_stack([LABELS[:, 0], np.ones(300, dtype=np.int64)])
    found = TASKS["multilabel_classification"].measure(labels, PROBABILITIES, (PROBABILITIES >= 0.5).astype(int), ("a", "b"))
    assert "roc_auc_a" in found
    assert {"roc_auc", "roc_auc_b"}.isdisjoint(found)


def test_numbers_are_measured_in_their_unit_and_mape_masks_zeros() -> None:
    y, predicted = np.array([0.0, 2.0, 4.0]), np.array([1.0, 1.0, 5.0])
    found = TASKS["regression"].measure(y, predicted, predicted, ("y",))
    assert found == pytest.approx({"r2": 1 - 3 / 8, "rmse": 1.0, "mae": 1.0, "mape": (1 / 2 + 1 / 4) / 2, "mape_masked": 1.0})


def test_mape_of_zeros_alone_and_r2_of_one_value_are_left_out() -> None:
    found = TASKS["regression"].measure(np.zeros(3), np.ones(3), np.ones(3), ("y",))
    assert found == {"rmse": 1.0, "mae": 1.0, "mape_masked": 3.0}


def test_anomalies_are_rows_with_a_score_below_zero() -> None:
    scores = np.array([-0.2, -0.1, 0.0, 0.3])
    task = TASKS["anomaly_detection"]
    answers = task.answer(scores, 0.5)
    assert answers.tolist() == [-1, -1, 1, 1]
    assert task.measure(np.empty(0), scores, answers, ()) == pytest.approx(
        {
            "anomaly_rate": 0.5,
            "avg_anomaly_score": -0.15,
            "avg_normal_score": 0.15,
            "score_min": -0.2,
            "score_max": 0.3,
            "score_std": float(np.std(scores)),
        }
    )


def test_known_anomalies_judge_the_detector() -> None:
    scores = np.array([-0.2, -0.1, 0.0, 0.3])
    found = TASKS["anomaly_detection"].measure(np.array([1, 0, 1, 0]), scores, np.array([-1, -1, 1, 1]), ("planted",))
    assert (found["precision"], found["recall"], found["f1"], found["roc_auc"]) == (0.5, 0.5, 0.5, 0.75)


@pytest.mark.parametrize("answers", [np.array([1, 1]), np.array([-1, -1])])
def test_detector_that_answers_alike_everywhere_has_one_average(answers: np.ndarray) -> None:
    found = TASKS["anomaly_detection"].measure(np.empty(0), np.array([0.1, 0.2]), answers, ())
    assert len({"avg_anomaly_score", "avg_normal_score"} & set(found)) == 1
    assert all(math.isfinite(value) for value in found.values())


@pytest.mark.parametrize("task", TASKS.values(), ids=lambda task: task.name)
def test_every_metric_of_a_task_is_described_and_the_deciding_one_compares(task: object) -> None:
    assert set(task.metrics) <= set(METRICS)
    assert METRICS[task.deciding].comparable


@pytest.mark.parametrize(
    ("task", "y", "reason"),
    [
        ("binary_classification", [1, 1], "all training rows are of class 1; a classifier needs both"),
        ("multiclass_classification", [2, 2], "all training rows are of class 2; a classifier needs two at least"),
        ("multilabel_classification", [[0, 1], [1, 1]], "label 2 of 2 has a single class in the training rows; each needs both"),
        ("regression", [3.5, 3.5], "all training rows have the value 3.5; there is nothing to learn"),
        *((task, [], "no training rows") for task in ("binary_classification", "multiclass_classification", "regression")),
    ],
)
def test_labels_that_teach_nothing_are_told(task: str, y: list[object], reason: str) -> None:
    assert TASKS[task].unlearnable(np.array(y), "training") == reason


@pytest.mark.parametrize(
    ("task", "y"),
    [("binary_classification", [0, 1]), ("multiclass_classification", [0, 2]), ("regression", [1.0, 2.0]), ("anomaly_detection", [])],
)
def test_labels_that_teach_something_pass(task: str, y: list[float]) -> None:
    assert TASKS[task].unlearnable(np.array(y), "training") is None


@pytest.mark.parametrize("y", [[0, 1, 1, 0, 1], [1, 1, 1, 1, 1]])
def test_one_metric_alone_is_that_among_all(y: list[int]) -> None:
    task, labels, scores = TASKS["binary_classification"], np.array(y), np.array([0.2, 0.7, 0.4, 0.6, 0.9])
    answers = task.answer(scores, 0.5)
    found = task.measure(labels, scores, answers, ("y",))
    assert {name: task.value(name, labels, scores, answers, ("y",)) for name in task.metrics} == {
        name: found.get(name) for name in task.metrics
    }
