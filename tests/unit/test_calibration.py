"""Calibration, residuals and imbalance: what a page draws of the test rows, and how far from balance the classes are."""

import math

import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from stackhouse.evaluation.calibration import calibrations
from stackhouse.evaluation.imbalance import imbalance_ratio, is_severe
from stackhouse.evaluation.predicted import Predicted
from stackhouse.evaluation.residuals import residuals
from stackhouse.tasks import TASKS

GENERATOR = np.random.default_rng(4)
PROBABILITY = GENERATOR.random((2000, 2))
LABELS = (GENERATOR.random((2000, 2)) < PROBABILITY * np.array([1.0, 0.5])).astype(int)


def binary(y: np.ndarray, probability: np.ndarray) -> Predicted:
    return Predicted(TASKS["binary_classification"], y, probability, (probability >= 0.5).astype(int), ("late",))


def numbers(y: np.ndarray, answers: np.ndarray) -> Predicted:
    return Predicted(TASKS["regression"], y, answers, answers, ("minutes",))


def test_curve_is_that_of_scikit_learn_and_its_bins_hold_equally_many_rows() -> None:
    [found] = calibrations(binary(LABELS[:, 0], PROBABILITY[:, 0]))
    observed, predicted = calibration_curve(LABELS[:, 0], PROBABILITY[:, 0], n_bins=10, strategy="quantile")
    assert (found.label, found.observed, found.predicted) == ("late", tuple(observed), tuple(predicted))
    assert np.abs(np.subtract(found.observed, found.predicted)).max() < 0.1


def test_probabilities_that_promise_too_much_lie_below_the_diagonal() -> None:
    [found] = calibrations(binary(LABELS[:, 1], PROBABILITY[:, 1]))
    assert np.divide(found.observed, found.predicted)[1:] == pytest.approx(0.5, abs=0.15)


def test_each_of_several_labels_has_a_curve() -> None:
    rows = Predicted(TASKS["multilabel_classification"], LABELS, PROBABILITY, (PROBABILITY >= 0.5).astype(int), ("a", "b"))
    a, b = calibrations(rows)
    assert (a.label, b.label) == ("a", "b")
    assert b.observed == calibrations(binary(LABELS[:, 1], PROBABILITY[:, 1]))[0].observed


@pytest.mark.parametrize("value", [0, 1])
def test_rows_of_one_class_have_a_curve_and_no_warning(value: int) -> None:
    [found] = calibrations(binary(np.full(50, value), PROBABILITY[:50, 0]))
    assert set(found.observed) == {float(value)}


def test_numbers_have_no_calibration_and_classes_no_residuals() -> None:
    assert calibrations(numbers(np.ones(3), np.ones(3))) == ()
    assert residuals(binary(np.array([0, 1]), np.array([0.2, 0.7]))) is None


def test_residual_is_what_was_measured_less_what_was_answered() -> None:
    found = residuals(numbers(np.array([5.0, 1.0, 3.0]), np.array([4.0, 2.0, 3.0])))
    assert (found.predicted, found.residual) == ((2.0, 3.0, 4.0), (-1.0, 0.0, 1.0))


def test_residuals_are_thinned_with_the_smallest_and_the_largest_answer_kept() -> None:
    answers = np.arange(10_000.0)
    found = residuals(numbers(np.zeros(10_000), answers), points=100)
    assert (len(found.predicted), found.predicted[0], found.predicted[-1]) == (100, 0.0, 9999.0)


@pytest.mark.parametrize(
    ("task", "y", "ratio"),
    [
        ("binary_classification", [0, 0, 0, 1], 3.0),
        ("binary_classification", [1, 1, 1], math.inf),
        ("multiclass_classification", [0, 1, 1, 2, 2, 2], 3.0),
        ("multilabel_classification", [[0, 1], [1, 1], [0, 1], [1, 0]], 3.0),
        ("regression", [0.0, 1.0], None),
        ("anomaly_detection", [0, 1], None),
        ("binary_classification", [], None),
    ],
)
def test_imbalance_is_that_of_the_worst_label(task: str, y: list[object], ratio: float | None) -> None:
    assert imbalance_ratio(np.array(y), task) == ratio


@pytest.mark.parametrize(("ratio", "severe"), [(10.0, False), (10.01, True), (math.inf, True), (None, False)])
def test_imbalance_is_severe_above_ten(ratio: float | None, severe: bool) -> None:
    assert is_severe(ratio) is severe
