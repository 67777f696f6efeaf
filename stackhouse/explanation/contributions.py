"""Contributions: the SHAP values of each algorithm's columns, and the raw prediction that they have to add up to.

XGBoost and LightGBM compute them with TreeSHAP of their own, which alone knows their splits of categories and missing values; the
trees of scikit-learn are handed to `stackhouse.explanation.tree_shap`. What belongs here: what a library's estimator adds up, and in which
unit. What does not: features, rows to explain, pages.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from stackhouse.algorithms import Dummy, GradientBoosting, IsolationForest, LightGBM, Matrix, RandomForest, Vector, XGBoost
from stackhouse.explanation.tree_shap import LEAF, Tree, shapley_values
from stackhouse.fitted import FittedModel
from stackhouse.tasks import TaskName

Unit = Literal["log_odds", "score", "probability", "label", "path_length"]
"""What contributions are measured in.

log_odds: of class 1, or of a label. score: of a class; the softmax of all scores are the probabilities. probability: of a class or
label. label: the label's own unit. path_length: cuts that set a row apart, the mean over trees; the fewer, the more anomalous.
"""

_OF_BOOSTERS: Mapping[TaskName, Unit] = {
    "binary_classification": "log_odds",
    "multiclass_classification": "score",
    "multilabel_classification": "log_odds",
    "regression": "label",
}


@dataclass(frozen=True)
class Contributions:
    """What each column adds to the raw prediction of each row.

    Attributes:
        values: SHAP values, shape (n_rows, n_outputs, n_columns), float64.
        base: raw prediction where no column is known, shape (n_outputs,).
        raw: the library's raw prediction, shape (n_rows, n_outputs).
        unit: what all three are measured in.
    """

    values: npt.NDArray[np.float64]
    base: Vector
    raw: Matrix
    unit: Unit

    @property
    def gap(self) -> float:
        """Largest distance between raw prediction and base + values, as a share of the largest raw prediction; NaN where one is NaN."""
        if not self.raw.size:
            return 0.0
        return float(np.max(np.abs(self.values.sum(axis=2) + self.base - self.raw)) / max(float(np.max(np.abs(self.raw))), 1e-9))


def contributions(model: FittedModel, X: Matrix) -> Contributions | None:
    """Return what each column of encoded rows contributes; None for an algorithm that reads no column.

    Args:
        model: the fitted model.
        X: encoded rows, shape (n_rows, n_columns), as `FittedModel.encoding` makes them.
    """
    task = model.rules.task.name
    match model.rules.algorithm:
        case XGBoost():
            return _of_xgboost(model.estimator, X, task)
        case LightGBM() as algorithm:
            return _of_lightgbm(model.estimator, X, task, algorithm.threads)
        case GradientBoosting() as algorithm:
            return _of_gradient_boosting(model.estimator, X, task, algorithm.learning_rate)
        case RandomForest():
            return _of_random_forest(model.estimator, X, task, model.rules.algorithm.scores(model.estimator, X, task))
        case IsolationForest():
            return _of_isolation_forest(model.estimator, X)
        case Dummy():
            return None


def leaves(model: FittedModel) -> int:
    """Count the leaves of all trees, by which the time of an explanation grows; 0 for an algorithm without trees."""
    match model.rules.algorithm:
        case XGBoost():
            return sum(tree.count("leaf=") for tree in model.estimator.get_booster().get_dump())
        case LightGBM():
            return sum(map(int, re.findall(r"^num_leaves=(\d+)$", model.estimator.model_to_string(), re.MULTILINE)))
        case Dummy():
            return 0
        case _:
            return sum(int(fitted.tree_.n_leaves) for fitted in np.ravel(model.estimator.estimators_))


def _of_xgboost(estimator: Any, X: Matrix, task: TaskName) -> Contributions:
    """XGBoost computes in float32. Source: its documentation, `Booster.predict`, pred_contribs; the last column is the base."""
    from xgboost import DMatrix

    booster = estimator.get_booster()
    names, types = booster.feature_names, booster.feature_types
    rows = DMatrix(X, feature_names=names, feature_types=types, enable_categorical=bool(types and "c" in types), nthread=estimator.n_jobs)
    found = np.asarray(booster.predict(rows, pred_contribs=True, strict_shape=True), dtype=np.float64)
    raw = np.asarray(booster.predict(rows, output_margin=True, strict_shape=True), dtype=np.float64)
    return Contributions(found[:, :, :-1], found[0, :, -1], raw, _OF_BOOSTERS[task])


def _of_lightgbm(booster: Any, X: Matrix, task: TaskName, threads: int) -> Contributions:
    """Source: LightGBM's documentation, `predict_contrib`: outputs one after the other, the last column of each is its base."""
    columns = X.shape[1] + 1
    found = np.asarray(booster.predict(X, pred_contrib=True, num_threads=threads)).reshape(len(X), -1, columns)
    raw = np.asarray(booster.predict(X, raw_score=True, num_threads=threads)).reshape(len(X), -1)
    return Contributions(found[:, :, :-1], found[0, :, -1], raw, _OF_BOOSTERS[task])


def _of_gradient_boosting(estimator: Any, X: Matrix, task: TaskName, learning_rate: float) -> Contributions:
    """Stages of one tree for each output, shrunk by the learning rate, on top of a constant: what the trees leave of a row's prediction."""
    raw = estimator.predict(X) if task == "regression" else estimator.decision_function(X)
    raw = np.asarray(raw, dtype=np.float64).reshape(len(X), -1)
    outputs = raw.shape[1]
    trees = [
        _tree(fitted.tree_, np.outer(fitted.tree_.value[:, 0, 0] * learning_rate, np.eye(outputs)[output]))
        for stage in estimator.estimators_
        for output, fitted in enumerate(stage)
    ]
    values, mean = _sum(trees, X)
    first_row = np.array([[fitted.predict(X[:1])[0] for fitted in stage] for stage in estimator.estimators_])
    constant = raw[0] - learning_rate * first_row.sum(axis=0)
    return Contributions(values, mean + constant, raw, _OF_BOOSTERS[task])


def _of_random_forest(estimator: Any, X: Matrix, task: TaskName, scores: Matrix) -> Contributions:
    """The mean of the trees, each of which gives the share of a class in its leaf, or the mean of a number."""
    raw = np.asarray(scores, dtype=np.float64).reshape(len(X), -1)
    trees = [
        _tree(fitted.tree_, _leaf_values(estimator, fitted.tree_, task) / len(estimator.estimators_)) for fitted in estimator.estimators_
    ]
    values, mean = _sum(trees, X)
    return Contributions(values, mean, raw, "label" if task == "regression" else "probability")


def _leaf_values(estimator: Any, tree: Any, task: TaskName) -> Matrix:
    """Values of each node in the order of the task's scores; `tree.value` has shape (n_nodes, n_labels, n_classes)."""
    if task == "regression":
        return np.asarray(tree.value[:, 0, :1], dtype=np.float64)
    share = tree.value / tree.value.sum(axis=2, keepdims=True)
    if task == "multiclass_classification":
        return np.asarray(share[:, 0, :], dtype=np.float64)
    classes = [estimator.classes_] if task == "binary_classification" else estimator.classes_
    return np.column_stack([share[:, label, list(known).index(1)] for label, known in enumerate(classes)])


def _of_isolation_forest(estimator: Any, X: Matrix) -> Contributions:
    """The mean length of the way to a row's leaf, from which its score follows: score_samples = -2 ** (-length / expected length).

    Source: Liu, Ting, Zhou, "Isolation forest" (2008), equation 2.
    """
    trees = []
    for fitted, drawn in zip(estimator.estimators_, estimator.estimators_features_, strict=True):
        tree = _tree(fitted.tree_, np.zeros((fitted.tree_.node_count, 1)), np.asarray(drawn))
        lengths = (tree.depths + _expected_length(tree.weight)) / len(estimator.estimators_)
        trees.append(Tree(tree.left, tree.right, tree.column, tree.threshold, tree.weight, lengths[:, None]))
    values, mean = _sum(trees, X)
    raw = -np.log2(-estimator.score_samples(X)) * _expected_length(np.array([float(estimator.max_samples_)]))
    return Contributions(values, mean, np.asarray(raw, dtype=np.float64)[:, None], "path_length")


def _expected_length(rows: Vector) -> Vector:
    """Mean length of an unsuccessful search in a binary tree of so many rows, by which a leaf of several rows is lengthened.

    Source: Liu, Ting, Zhou, "Isolation forest" (2008), equation 1; 0 for one row, 1 for two.
    """
    many = np.maximum(rows, 3)
    return np.where(rows > 2, 2 * (np.log(many - 1) + np.euler_gamma) - 2 * (many - 1) / many, np.where(rows == 2, 1.0, 0.0))


def _tree(tree: Any, value: Matrix, columns: npt.NDArray[np.int64] | None = None) -> Tree:
    """A tree of scikit-learn; `columns` are those of X that it was grown on, all where absent."""
    asked = tree.feature.astype(np.int64)
    left = np.where(tree.children_left < 0, LEAF, tree.children_left).astype(np.int64)
    right = np.where(tree.children_right < 0, LEAF, tree.children_right).astype(np.int64)
    column = asked if columns is None else columns[np.maximum(asked, 0)]
    return Tree(left, right, column, tree.threshold, tree.weighted_n_node_samples, value)


def _sum(trees: list[Tree], X: Matrix) -> tuple[npt.NDArray[np.float64], Vector]:
    """Values and mean of the sum of the trees; scikit-learn compares in float32."""
    return shapley_values(trees, X.astype(np.float32)), np.sum([tree.mean for tree in trees], axis=0)
