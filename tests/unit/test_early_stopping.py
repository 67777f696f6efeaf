"""Fits that are watched are the same fits, and fits that stop early stop where the loss on held-out rows is smallest."""

from typing import Any

import numpy as np
import pytest
from sklearn.metrics import log_loss, root_mean_squared_error

from stackhouse.algorithms import Design, GradientBoosting, IsolationForest, LightGBM, RandomForest, XGBoost
from stackhouse.tasks import TaskName

GENERATOR = np.random.default_rng(5)
X = GENERATOR.uniform(-1, 1, (400, 3))
NOISE = GENERATOR.standard_normal(400)
LABELS: dict[TaskName, Any] = {
    "binary_classification": (X[:, 0] + NOISE > 0).astype(np.int64),
    "multiclass_classification": np.digitize(X[:, 0] + 0.5 * NOISE, [-0.3, 0.3]).astype(np.int64),
    "multilabel_classification": np.column_stack([X[:, 0] + NOISE > 0, X[:, 1] > 0]).astype(np.int64),
    "regression": X[:, 0] + 0.3 * NOISE,
}
FIT, HELD = slice(0, 300), slice(300, 400)
FEATURES = Design(("a", "b", "c"))
WATCHED = [XGBoost(n_estimators=30), LightGBM(n_estimators=30), GradientBoosting(n_estimators=30, max_depth=3)]
CASES = [(algorithm, task) for algorithm in WATCHED for task in LABELS if task in algorithm.tasks]


def named(value: Any) -> str:
    return str(getattr(value, "kind", value))


def loss_of(algorithm: Any, estimator: Any, rows: slice, task: TaskName) -> float:
    y, scores = LABELS[task][rows], algorithm.scores(estimator, X[rows], task)
    if task == "regression":
        return float(root_mean_squared_error(y, scores))
    if task == "multilabel_classification":
        return float(np.mean([log_loss(y[:, label], scores[:, label]) for label in range(2)]))
    return float(log_loss(y, scores))


def smallest_before_two_without_a_better(losses: tuple[float, ...]) -> int:
    best = 0
    for position, loss in enumerate(losses):
        if loss < losses[best]:
            best = position
        elif position - best >= 2:
            break
    return best + 1


@pytest.mark.parametrize(("algorithm", "task"), CASES, ids=named)
def test_watching_changes_nothing_and_the_last_losses_are_those_of_the_model(algorithm: Any, task: TaskName) -> None:
    y = LABELS[task]
    estimator, losses = algorithm.fit_watched(X[FIT], y[FIT], FEATURES, task, (X[HELD], y[HELD]))
    plain = algorithm.fit(X[FIT], y[FIT], FEATURES, task)
    assert algorithm.scores(estimator, X, task).tolist() == algorithm.scores(plain, X, task).tolist()
    assert (len(losses.train), len(losses.validation)) == (30, 30)
    assert losses.name == ("rmse" if task == "regression" else "log_loss")
    assert losses.train[-1] == pytest.approx(loss_of(algorithm, plain, FIT, task), rel=1e-5)
    assert losses.validation[-1] == pytest.approx(loss_of(algorithm, plain, HELD, task), rel=1e-5)
    assert losses.train[0] > losses.train[-1]


@pytest.mark.parametrize(("algorithm", "task"), [(a, t) for a, t in CASES if a.stops_early], ids=named)
def test_a_booster_stops_at_its_smallest_loss_on_held_out_rows(algorithm: Any, task: TaskName) -> None:
    y, many = LABELS[task], algorithm.model_copy(update={"n_estimators": 200, "learning_rate": 0.3})
    held_out = (X[HELD], y[HELD])
    estimator, rounds = many.fit_stopped(X[FIT], y[FIT], FEATURES, task, held_out, 2)
    _, losses = many.fit_watched(X[FIT], y[FIT], FEATURES, task, held_out)
    assert rounds < 150
    assert losses.validation[rounds - 1] == min(losses.validation[: rounds + 2])
    assert rounds == smallest_before_two_without_a_better(losses.validation)
    shorter = many.model_copy(update={"n_estimators": rounds})
    same = shorter.fit(X[FIT], y[FIT], FEATURES, task)
    assert many.scores(estimator, X, task).tolist() == shorter.scores(same, X, task).tolist()


@pytest.mark.parametrize("algorithm", [RandomForest(n_estimators=5), IsolationForest(n_estimators=5)], ids=named)
def test_a_forest_has_no_iterations_to_follow(algorithm: Any) -> None:
    task = "binary_classification" if algorithm.kind == "random_forest" else "anomaly_detection"
    y = LABELS["binary_classification"]
    assert algorithm.fit_watched(X[FIT], y[FIT], FEATURES, task, (X[HELD], y[HELD]))[1] is None
    assert not algorithm.stops_early
