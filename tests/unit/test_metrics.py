"""Metrics with numbers that can be checked by hand."""

import math

import numpy as np
import pytest

from stackhouse.evaluation.curves import curves
from stackhouse.evaluation.metrics import better, canonical, rename
from stackhouse.tasks import TASKS

Y = np.array([0, 0, 1, 1])
PROBABILITY = np.array([0.1, 0.4, 0.35, 0.8])
PREDICTED = np.array([0, 0, 0, 1])
BINARY = TASKS["binary_classification"]


def score(y: np.ndarray, probability: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    return BINARY.measure(y, probability, predicted, ("y",))


def test_every_metric_has_the_value_of_its_formula() -> None:
    found = score(Y, PROBABILITY, PREDICTED)
    assert tuple(found) == BINARY.metrics
    assert found == pytest.approx(
        {
            "accuracy": 3 / 4,
            "precision": 1.0,
            "recall": 1 / 2,
            "f1": 2 / 3,
            "roc_auc": 3 / 4,
            "pr_auc": 1 / 2 * 1 + 1 / 2 * 2 / 3,
            "log_loss": -(math.log(0.9) + math.log(0.6) + math.log(0.35) + math.log(0.8)) / 4,
            "brier_score": (0.1**2 + 0.4**2 + 0.65**2 + 0.2**2) / 4,
            "positive_class_ratio": 1 / 2,
        }
    )


@pytest.mark.parametrize("value", [0, 1])
def test_single_class_leaves_roc_auc_and_pr_auc_out(value: int) -> None:
    found = score(np.full(4, value), PROBABILITY, PREDICTED)
    assert set(BINARY.metrics) - set(found) == {"roc_auc", "pr_auc"}
    assert found["positive_class_ratio"] == value


def test_nothing_predicted_positive_gives_zero_and_no_warning() -> None:
    found = score(Y, PROBABILITY, np.zeros(4, dtype=int))
    assert (found["precision"], found["recall"], found["f1"]) == (0, 0, 0)


def test_certain_and_wrong_has_a_finite_log_loss() -> None:
    found = score(np.array([0, 1]), np.array([1.0, 0.0]), np.array([1, 0]))
    assert math.isfinite(found["log_loss"])
    assert found["roc_auc"] == 0.0


@pytest.mark.parametrize(
    ("metric", "candidate", "other", "expected"),
    [
        ("roc_auc", 0.7, 0.6, True),
        ("roc_auc", 0.6, 0.7, False),
        ("roc_auc", 0.6, 0.6, False),
        ("log_loss", 0.6, 0.7, True),
        ("log_loss", 0.7, 0.6, False),
        ("log_loss", 0.6, 0.6, False),
        ("roc_auc", math.nan, 0.6, False),
        ("log_loss", math.nan, 0.6, False),
    ],
)
def test_better_is_strict_and_knows_the_direction(metric: str, candidate: float, other: float, expected: bool) -> None:
    assert better(metric, candidate, other) is expected


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("test_auc_roc", "roc_auc"),
        ("auc", "roc_auc"),
        ("auc_pr", "pr_auc"),
        ("f1_score", "f1"),
        ("test_f1", "f1"),
        ("accuracy", "accuracy"),
    ],
)
def test_spellings_of_the_guides_have_one_name(spelling: str, name: str) -> None:
    assert canonical(spelling) == name


def test_rename_puts_the_prefix_before_each_name() -> None:
    assert rename({"f1": 0.5, "roc_auc": 0.7}, "test_") == {"test_f1": 0.5, "test_roc_auc": 0.7}


def test_curves_run_from_the_strictest_to_the_loosest_threshold() -> None:
    found = curves(Y, PROBABILITY)
    assert (found.false_positive_rate[0], found.true_positive_rate[0]) == (0.0, 0.0)
    assert (found.false_positive_rate[-1], found.true_positive_rate[-1]) == (1.0, 1.0)
    assert found.recall == (0.0, 0.5, 0.5, 1.0, 1.0)
    assert found.precision == pytest.approx((1.0, 1.0, 0.5, 2 / 3, 0.5))


def test_curves_are_thinned_but_keep_both_ends() -> None:
    generator = np.random.default_rng(0)
    y, probability = generator.integers(0, 2, 500), generator.random(500)
    found = curves(y, probability, points=10)
    assert len(found.false_positive_rate) == len(found.true_positive_rate) == len(found.recall) == len(found.precision) == 10
    assert (found.false_positive_rate[0], found.true_positive_rate[-1], found.recall[0], found.recall[-1]) == (0.0, 1.0, 0.0, 1.0)


def test_single_class_has_no_curves() -> None:
    found = curves(np.zeros(3, dtype=int), PROBABILITY[:3])
    assert found.false_positive_rate == found.recall == ()
