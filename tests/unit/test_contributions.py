"""Contributions: for every algorithm and task, base and SHAP values add up to what the library itself predicts."""

import math
import warnings
from typing import Any

import numpy as np
import pytest
from scipy.special import expit, softmax

from stackhouse.algorithms import Dummy, GradientBoosting, IsolationForest, LightGBM, Matrix, RandomForest, XGBoost
from stackhouse.explanation.contributions import Contributions, contributions, leaves
from stackhouse.fitted import FittedModel, to_arrays
from stackhouse.tasks import TaskName
from tests.unit.explained import EVERY_KIND, FEATURES, fitted, new_examples

BINARY: TaskName = "binary_classification"
OUTPUTS: dict[TaskName, int] = {"multiclass_classification": 3, "multilabel_classification": 2}
SHAP_EXPLAINS = [  # of scikit-learn's gradient boosting, the shap library explains two classes and numbers alone
    (algorithm, task)
    for algorithm, task in EVERY_KIND
    if isinstance(algorithm, RandomForest | IsolationForest)
    or (isinstance(algorithm, GradientBoosting) and task != "multiclass_classification")
]


def by_name(value: Any) -> str:
    return str(getattr(value, "kind", value))


def encoded(model: FittedModel, task: TaskName) -> Matrix:
    return to_arrays(new_examples(task), model.encoding, model.rules)[0]


def raw_prediction(model: FittedModel, X: Matrix, task: TaskName) -> Any:
    """What the library itself calls its raw prediction, shape (n_rows, n_outputs)."""
    match model.rules.algorithm:
        case XGBoost():
            raw = model.estimator.predict(X, output_margin=True)
        case LightGBM():
            raw = model.estimator.predict(X, raw_score=True)
        case GradientBoosting():
            raw = model.estimator.predict(X) if task == "regression" else model.estimator.decision_function(X)
        case IsolationForest():
            raw = np.log2(-model.estimator.score_samples(X)) * -c_of(int(model.estimator.max_samples_))
        case _:
            raw = model.scores_of_matrix(X)
    return np.asarray(raw, dtype=np.float64).reshape(len(X), -1)


def c_of(rows: int) -> float:
    """Mean length of an unsuccessful search among so many rows, as scikit-learn computes it: the harmonic number by its logarithm."""
    return 2 * (math.log(rows - 1) + np.euler_gamma) - 2 * (rows - 1) / rows


@pytest.mark.parametrize(("algorithm", "task"), EVERY_KIND, ids=by_name)
def test_base_and_values_add_up_to_the_librarys_raw_prediction(algorithm: Any, task: TaskName) -> None:
    model = fitted(algorithm, task)
    X = encoded(model, task)
    found = contributions(model, X)
    assert found is not None
    assert found.values.shape == (300, OUTPUTS.get(task, 1), X.shape[1])
    exactly = 1e-3 if isinstance(algorithm, XGBoost) else 1e-9  # XGBoost adds in float32
    assert found.values.sum(axis=2) + found.base == pytest.approx(raw_prediction(model, X, task), abs=exactly)
    assert found.gap < (1e-5 if isinstance(algorithm, XGBoost) else 1e-12)


@pytest.mark.parametrize(("algorithm", "task"), EVERY_KIND, ids=by_name)
def test_the_models_scores_follow_from_the_raw_prediction(algorithm: Any, task: TaskName) -> None:
    model = fitted(algorithm, task)
    X = encoded(model, task)
    found = contributions(model, X)
    assert found is not None
    scores = {
        "log_odds": expit,
        "score": lambda raw: softmax(raw, axis=1),
        "probability": lambda raw: raw,
        "label": lambda raw: raw,
        "path_length": lambda raw: -(2 ** (-raw / c_of(256))) - model.estimator.offset_,
    }[found.unit](found.values.sum(axis=2) + found.base)
    assert scores == pytest.approx(model.scores_of_matrix(X).reshape(len(X), -1), abs=1e-4)


@pytest.mark.parametrize(("algorithm", "task"), SHAP_EXPLAINS, ids=by_name)
def test_values_are_those_of_the_shap_library(algorithm: Any, task: TaskName) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its colours use what Matplotlib is about to drop
        shap = pytest.importorskip("shap", reason="the library to compare with is installed on Linux alone")
    model = fitted(algorithm, task)
    X = encoded(model, task)[:60]
    theirs = np.asarray(shap.TreeExplainer(model.estimator).shap_values(X, check_additivity=False))
    found = contributions(model, X)
    assert found is not None
    assert found.values == pytest.approx(in_our_order(theirs, model, task), abs=1e-9)


def in_our_order(theirs: Any, model: FittedModel, task: TaskName) -> Any:
    """Shapes of shap: (n_rows, n_columns), with classes last where there are several, those of each label after those of the other.

    The shap library divides shares of classes by their sum over both labels, so that its values of several labels are halves and do not
    add up to the prediction.
    """
    if isinstance(model.rules.algorithm, RandomForest) and task == "multilabel_classification":
        return np.moveaxis(theirs[:, :, 1::2] * len(model.rules.label.names), -1, 1)
    if isinstance(model.rules.algorithm, RandomForest) and task == BINARY:
        return theirs[:, None, :, 1]
    return theirs[:, None, :] if theirs.ndim == 2 else np.moveaxis(theirs, -1, 1)


@pytest.mark.parametrize(("algorithm", "task"), EVERY_KIND, ids=by_name)
def test_model_from_a_folder_has_the_same_values(algorithm: Any, task: TaskName, tmp_path: Any) -> None:
    model = fitted(algorithm, task)
    X = encoded(model, task)[:20]
    model.save(tmp_path)
    first, second = contributions(model, X), contributions(FittedModel.load(tmp_path), X)
    assert first is not None
    assert second is not None
    assert second.values.tolist() == first.values.tolist()
    assert second.base.tolist() == first.base.tolist()


def test_gap_is_the_distance_as_a_share_of_the_largest_raw_prediction() -> None:
    values, base = np.array([[[1.0, 2.0]], [[-1.0, 0.5]]]), np.array([1.0])
    assert Contributions(values, base, np.array([[4.0], [0.5]]), "label").gap == 0.0
    assert Contributions(values, base, np.array([[4.0], [0.7]]), "label").gap == pytest.approx(0.05)
    assert np.isnan(Contributions(values, base, np.array([[np.nan], [0.7]]), "label").gap)
    assert Contributions(np.empty((0, 1, 2)), base, np.empty((0, 1)), "label").gap == 0.0


def test_guess_contributes_nothing() -> None:
    guess = fitted(Dummy(), BINARY, ("signal",))
    assert contributions(guess, np.zeros((2, 1))) is None
    assert leaves(guess) == 0


@pytest.mark.parametrize("kind", [XGBoost, LightGBM, GradientBoosting, RandomForest], ids=lambda kind: kind.__name__)
def test_leaves_of_all_trees_are_counted(kind: Any) -> None:
    two, four = (fitted(kind(n_estimators=count, max_depth=1), BINARY, ("signal", "weaker")) for count in (2, 4))
    assert (leaves(two), leaves(four)) == (4, 8)


def test_isolation_forest_counts_the_leaves_of_its_trees() -> None:
    model = fitted(IsolationForest(n_estimators=3, max_samples=2), "anomaly_detection", FEATURES[:3])
    assert leaves(model) == 6
