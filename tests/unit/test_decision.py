"""The decision threshold: no other threshold serves the goal better, and none is chosen where the rows cannot tell."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from sklearn import metrics

from stackhouse.errors import DataError
from stackhouse.evaluation.decision import (
    DecisionGoal,
    FixedThreshold,
    LargestF1,
    LeastCost,
    PrecisionAtRecall,
    choose_threshold,
    describe_goal,
)

GOALS = (
    LargestF1(),
    PrecisionAtRecall(recall=0.8),
    LeastCost(false_positive=1, false_negative=5),
    LeastCost(false_positive=7, false_negative=2),
)


def worth(y: np.ndarray, probability: np.ndarray, threshold: float, goal: object) -> float:
    """What a threshold is worth; larger is better."""
    answers = (probability >= threshold).astype(int)
    if isinstance(goal, LargestF1):
        return float(metrics.f1_score(y, answers, zero_division=0))
    if isinstance(goal, PrecisionAtRecall):
        enough = metrics.recall_score(y, answers) >= goal.recall - 1e-12
        return float(metrics.precision_score(y, answers, zero_division=0)) if enough else -np.inf
    false_positives, false_negatives = np.sum((y == 0) & (answers == 1)), np.sum((y == 1) & (answers == 0))
    return -float(goal.false_positive * false_positives + goal.false_negative * false_negatives)


@pytest.mark.parametrize("goal", GOALS, ids=lambda goal: goal.model_dump_json())
@pytest.mark.parametrize("seed", range(5))
def test_no_threshold_is_better_than_the_chosen_one(goal: object, seed: int) -> None:
    generator = np.random.default_rng(seed)
    y = generator.integers(0, 2, 80)
    probability = np.clip(y * 0.2 + generator.normal(0.4, 0.2, 80), 0.01, 0.99).round(2)
    chosen = choose_threshold(y, probability, goal)
    everywhere = [worth(y, probability, threshold, goal) for threshold in np.arange(0.005, 1, 0.01)]
    assert worth(y, probability, chosen, goal) == max(everywhere)


@given(
    rows=st.lists(
        st.tuples(st.integers(0, 1), st.sampled_from([0.0, 1e-300, 0.25, 0.5, np.nextafter(0.5, 1), 1.0])), min_size=2, max_size=12
    ),
    goal=st.sampled_from(GOALS),
)
def test_chosen_threshold_lies_inside_and_is_the_best_for_any_probabilities(rows: list[tuple[int, float]], goal: object) -> None:
    y, probability = np.array([one for one, _ in rows]), np.array([other for _, other in rows])
    if len(set(y.tolist())) < 2:
        with pytest.raises(DataError, match="of one class"):
            choose_threshold(y, probability, goal)
        return
    tried = [value for value in (5e-301, 1e-300, 0.1, 0.25, 0.3, 0.5, np.nextafter(0.5, 1), 0.75, 1 - 1e-16) if 0 < value < 1]
    best = max(worth(y, probability, threshold, goal) for threshold in tried)
    if best == -np.inf:
        with pytest.raises(DataError, match=r"No threshold above 0 reaches a recall of 0.8 .* Ask for less under model.decision"):
            choose_threshold(y, probability, goal)
        return
    chosen = choose_threshold(y, probability, goal)
    assert 0 < chosen < 1
    assert worth(y, probability, chosen, goal) == best


def test_threshold_lies_halfway_between_two_probabilities() -> None:
    assert choose_threshold(np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.6, 0.8]), LargestF1()) == pytest.approx(0.4)


def test_probabilities_without_a_number_between_them_are_still_told_apart() -> None:
    y, probability = np.array([0, 1]), np.array([0.5, np.nextafter(0.5, 1)])
    assert ((probability >= choose_threshold(y, probability, LargestF1())) == y).all()


def test_of_equal_thresholds_the_one_that_warns_least_is_taken() -> None:
    y, probability = np.array([1, 0, 1, 0]), np.array([0.9, 0.8, 0.7, 0.6])
    assert choose_threshold(y, probability, LeastCost(false_positive=1, false_negative=1)) == pytest.approx(0.85)


@pytest.mark.parametrize(("recall", "threshold"), [(0.5, 0.8), (0.51, 0.3)])
def test_recall_that_is_asked_for_is_inclusive(recall: float, threshold: float) -> None:
    y, probability = np.array([1, 0, 1, 0]), np.array([0.9, 0.7, 0.5, 0.1])
    assert choose_threshold(y, probability, PrecisionAtRecall(recall=recall)) == pytest.approx(threshold)


def test_dear_misses_lower_the_threshold_and_dear_alarms_raise_it() -> None:
    generator = np.random.default_rng(3)
    y = generator.integers(0, 2, 500)
    probability = np.clip(y * 0.2 + generator.normal(0.4, 0.15, 500), 0.01, 0.99)
    misses = choose_threshold(y, probability, LeastCost(false_positive=1, false_negative=10))
    alarms = choose_threshold(y, probability, LeastCost(false_positive=10, false_negative=1))
    assert misses < choose_threshold(y, probability, LeastCost(false_positive=1, false_negative=1)) < alarms


def test_given_threshold_is_taken_whatever_the_rows_say() -> None:
    assert choose_threshold(np.zeros(3, dtype=int), np.full(3, 0.5), FixedThreshold(threshold=0.3)) == 0.3


@pytest.mark.parametrize("value", [0, 1])
def test_rows_of_one_class_are_refused(value: int) -> None:
    with pytest.raises(DataError, match=r"All 3 validation rows are of one class; .* Raise model.split.validation_size"):
        choose_threshold(np.full(3, value), np.array([0.1, 0.5, 0.9]), LargestF1())


@pytest.mark.parametrize(
    "goal",
    [
        {"kind": "fixed", "threshold": 0},
        {"kind": "fixed", "threshold": 1},
        {"kind": "precision_at_recall"},
        {"kind": "precision_at_recall", "recall": 0},
        {"kind": "precision_at_recall", "recall": 1.01},
        {"kind": "cost", "false_positive": 1},
        {"kind": "cost", "false_positive": 0, "false_negative": 1},
        {"kind": "cost", "false_positive": 1, "false_negative": float("inf")},
        {"kind": "f1", "recall": 0.5},
        {"kind": "youden"},
    ],
    ids=str,
)
def test_goal_that_cannot_be_reached_or_does_not_exist_is_refused(goal: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(DecisionGoal).validate_python(goal)


def test_goals_are_told_in_words() -> None:
    assert [describe_goal(goal) for goal in (FixedThreshold(), *GOALS[:3])] == [
        "given, not chosen",
        "largest F1, on the validation rows",
        "largest precision with a recall of 0.8 at least, on the validation rows",
        "least cost, where a false 1 costs 1 and a missed 1 5, on the validation rows",
    ]
