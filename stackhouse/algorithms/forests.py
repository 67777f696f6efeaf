"""Gradient boosting and forests of scikit-learn."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from stackhouse.algorithms.base import Design, Losses, Matrix, Vector
from stackhouse.algorithms.scikit_learn import ScikitLearn
from stackhouse.algorithms.space import Choices, Space, between
from stackhouse.algorithms.weighting import ClassWeight, row_weights
from stackhouse.tasks import Scores, Target, TaskName


class GradientBoosting(ScikitLearn):
    """Gradient boosted trees of scikit-learn."""

    kind: Literal["gradient_boosting"] = "gradient_boosting"
    n_estimators: int = Field(100, ge=1, le=10_000)
    max_depth: int = Field(6, ge=1, le=30)
    learning_rate: float = Field(0.1, gt=0, le=1)
    min_samples_split: int = Field(10, ge=2)
    min_samples_leaf: int = Field(5, ge=1)
    class_weight: ClassWeight = None
    random_state: int = Field(42, ge=0)

    tasks: ClassVar[frozenset[TaskName]] = frozenset({"binary_classification", "multiclass_classification", "regression"})
    space: ClassVar[Mapping[str, Space]] = {
        "n_estimators": between(50, 300),
        "max_depth": between(2, 8),
        "learning_rate": between(0.01, 0.3, log=True),
        "min_samples_split": between(2, 50, log=True),
        "min_samples_leaf": between(1, 50, log=True),
    }
    trusted_types: ClassVar[tuple[str, ...]] = (
        "_loss.CyHalfBinomialLoss",
        "_loss.CyHalfMultinomialLoss",
        "_loss.CyHalfSquaredError",
        "sklearn._loss.link.IdentityLink",
        "sklearn._loss.link.Interval",
        "sklearn._loss.link.LogitLink",
        "sklearn._loss.link.MultinomialLogit",
        "sklearn._loss.loss.HalfBinomialLoss",
        "sklearn._loss.loss.HalfMultinomialLoss",
        "sklearn._loss.loss.HalfSquaredError",
        "sklearn.tree._tree.Tree",
    )

    def estimator(self, task: TaskName) -> Any:
        """Return a classifier, or a regressor for numbers."""
        from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor

        parameters = self.hyperparameters
        parameters.pop("class_weight", None)
        return (GradientBoostingRegressor if task == "regression" else GradientBoostingClassifier)(**parameters)

    def fit(self, X: Matrix, y: Target, design: Design, task: TaskName) -> Any:
        """Fit, with rows weighted where classes are to be balanced."""
        return self.estimator(task).fit(X, y, sample_weight=row_weights(self.class_weight, y))

    def fit_watched(self, X: Matrix, y: Target, design: Design, task: TaskName, held_out: tuple[Matrix, Target]) -> tuple[Any, Losses]:
        """Fit as `fit` does, and compute the loss at each stage afterwards."""
        estimator = self.fit(X, y, design, task)
        train, validation = (_staged_loss(estimator, *rows, task) for rows in ((X, y), held_out))
        return estimator, Losses(name="rmse" if task == "regression" else "log_loss", train=train, validation=validation)


class RandomForest(ScikitLearn):
    """Random forest of scikit-learn, with classes weighted by their inverse frequency."""

    kind: Literal["random_forest"] = "random_forest"
    n_estimators: int = Field(100, ge=1, le=10_000)
    max_depth: int = Field(10, ge=1, le=100)
    min_samples_split: int = Field(5, ge=2)
    min_samples_leaf: int = Field(2, ge=1)
    class_weight: Literal["balanced"] | None = "balanced"
    random_state: int = Field(42, ge=0)
    threads: int = Field(1, ge=1, le=1024, description="Threads to fit with.")

    tasks: ClassVar[frozenset[TaskName]] = frozenset(
        {"binary_classification", "multiclass_classification", "multilabel_classification", "regression"}
    )
    space: ClassVar[Mapping[str, Space]] = {
        "n_estimators": between(50, 300),
        "max_depth": between(3, 20),
        "min_samples_split": between(2, 50, log=True),
        "min_samples_leaf": between(1, 50, log=True),
    }
    trusted_types: ClassVar[tuple[str, ...]] = ("sklearn.tree._tree.Tree",)

    def estimator(self, task: TaskName) -> Any:
        """Return a classifier, or a regressor for numbers, which have no classes to weigh."""
        from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

        parameters = self.hyperparameters
        if task == "regression":
            parameters.pop("class_weight", None)
            return RandomForestRegressor(n_jobs=self.threads, **parameters)
        return RandomForestClassifier(n_jobs=self.threads, **parameters)

    def fit(self, X: Matrix, y: Target, design: Design, task: TaskName) -> Any:
        """Fit in threads, but score in one: threads add the trees' votes in any order, and sums of floats differ by it."""
        estimator = super().fit(X, y, design, task)
        estimator.n_jobs = 1
        return estimator


class IsolationForest(ScikitLearn):
    """Isolation forest of scikit-learn: rows that few cuts set apart are anomalies, `contamination` of the training rows."""

    kind: Literal["isolation_forest"] = "isolation_forest"
    n_estimators: int = Field(100, ge=1, le=10_000)
    contamination: float = Field(0.05, gt=0, le=0.5, description="Share of the training rows that count as anomalies.")
    max_samples: Literal["auto"] | int = Field("auto", description="Rows that each tree is grown on; auto: 256 at most.")
    random_state: int = Field(42, ge=0)
    threads: int = Field(1, ge=1, le=1024, description="Threads to fit with.")

    tasks: ClassVar[frozenset[TaskName]] = frozenset({"anomaly_detection"})
    space: ClassVar[Mapping[str, Space]] = {
        "n_estimators": between(50, 300),
        "max_samples": Choices(choices=("auto", 32, 64, 128)),
    }
    trusted_types: ClassVar[tuple[str, ...]] = ("sklearn.tree._tree.Tree",)

    def estimator(self, task: TaskName) -> Any:
        """Return the unfitted forest."""
        import sklearn.ensemble

        return sklearn.ensemble.IsolationForest(n_jobs=self.threads, **self.hyperparameters)

    def fit(self, X: Matrix, y: Target, design: Design, task: TaskName) -> Any:
        """Fit to the features alone."""
        estimator = self.estimator(task).fit(X)
        estimator.n_jobs = 1
        return estimator

    def scores(self, estimator: Any, X: Matrix, task: TaskName) -> Scores:
        """Return `decision_function`: below 0 for an anomaly."""
        return np.asarray(estimator.decision_function(X), dtype=np.float64)

    def importance(self, estimator: Any) -> Vector:
        """Return how often each column cuts, as a share of all cuts: columns are drawn at random, so this says little."""
        cuts = np.zeros(estimator.n_features_in_)
        for tree, columns in zip(estimator.estimators_, estimator.estimators_features_, strict=True):
            used = tree.tree_.feature[tree.tree_.feature >= 0]
            np.add.at(cuts, columns[used], 1.0)
        return cuts / cuts.sum() if cuts.sum() else cuts


def _staged_loss(estimator: Any, X: Matrix, y: Target, task: TaskName) -> tuple[float, ...]:
    from sklearn.metrics import log_loss, root_mean_squared_error

    if task == "regression":
        return tuple(float(root_mean_squared_error(y, answers)) for answers in estimator.staged_predict(X))
    return tuple(float(log_loss(y, shares, labels=estimator.classes_)) for shares in estimator.staged_predict_proba(X))
