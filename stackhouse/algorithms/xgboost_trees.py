"""XGBoost."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from stackhouse.algorithms.base import Design, Estimating, Losses, Matrix, Vector, shares
from stackhouse.algorithms.space import Space, between
from stackhouse.algorithms.weighting import ClassWeight, PositiveWeight, positive_weight, require_one_weighting, row_weights
from stackhouse.tasks import Scores, Target, TaskName

_LOSSES: Mapping[TaskName, tuple[str, str]] = {
    "binary_classification": ("binary:logistic", "logloss"),
    "multiclass_classification": ("multi:softprob", "mlogloss"),
    "multilabel_classification": ("binary:logistic", "logloss"),
    "regression": ("reg:squarederror", "rmse"),
}
"""Objective and loss by task."""


class XGBoost(Estimating):
    """Gradient boosted trees of XGBoost. Several labels get trees of their own each (`one_output_per_tree`)."""

    kind: Literal["xgboost"] = "xgboost"
    n_estimators: int = Field(100, ge=1, le=10_000)
    max_depth: int = Field(6, ge=1, le=30)
    learning_rate: float = Field(0.1, gt=0, le=1)
    subsample: float = Field(0.8, gt=0, le=1)
    colsample_bytree: float = Field(0.8, gt=0, le=1)
    min_child_weight: float = Field(1.0, ge=0)
    scale_pos_weight: PositiveWeight = None
    class_weight: ClassWeight = None
    random_state: int = Field(42, ge=0)
    threads: int = Field(1, ge=1, le=1024, description="Threads to fit with.")

    file_name: ClassVar[str] = "model.ubj"
    library: ClassVar[str] = "xgboost"
    tasks: ClassVar[frozenset[TaskName]] = frozenset(_LOSSES)
    reads_categories: ClassVar[bool] = True
    profiles: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "training_guide": {"subsample": 1.0, "colsample_bytree": 1.0},
        "churn_guide": {},
    }
    space: ClassVar[Mapping[str, Space]] = {
        "n_estimators": between(50, 500),
        "max_depth": between(2, 10),
        "learning_rate": between(0.01, 0.3, log=True),
        "subsample": between(0.5, 1.0),
        "colsample_bytree": between(0.5, 1.0),
        "min_child_weight": between(0.5, 20.0, log=True),
    }
    stops_early: ClassVar[bool] = True

    _one_weighting = model_validator(mode="after")(require_one_weighting)

    def fit(self, X: Matrix, y: Target, design: Design, task: TaskName) -> Any:
        """Fit an `XGBClassifier`, or an `XGBRegressor` for numbers."""
        return self._fitted(self._unfitted(y, design, task), X, y, design)

    def fit_watched(self, X: Matrix, y: Target, design: Design, task: TaskName, held_out: tuple[Matrix, Target]) -> tuple[Any, Losses]:
        """Fit as `fit` does, and follow the loss."""
        estimator = self._fitted(self._unfitted(y, design, task), X, y, design, ((X, y), held_out))
        train, validation = (tuple(map(float, found[_LOSSES[task][1]])) for found in estimator.evals_result().values())
        return estimator, Losses(name="rmse" if task == "regression" else "log_loss", train=train, validation=validation)

    def fit_stopped(
        self, X: Matrix, y: Target, design: Design, task: TaskName, held_out: tuple[Matrix, Target], patience: int
    ) -> tuple[Any, int]:
        """Fit until the loss on held-out rows falls no more."""
        from xgboost.callback import EarlyStopping

        unfitted = self._unfitted(y, design, task, callbacks=[EarlyStopping(rounds=patience, save_best=True)])
        estimator = self._fitted(unfitted, X, y, design, (held_out,))
        return estimator, int(estimator.get_booster().num_boosted_rounds())

    def _unfitted(self, y: Target, design: Design, task: TaskName, **options: Any) -> Any:
        objective, loss = _LOSSES[task]
        parameters = self.hyperparameters
        weighting = parameters.pop("scale_pos_weight", None)
        parameters.pop("class_weight", None)
        if weighting is not None:
            parameters["scale_pos_weight"] = positive_weight(weighting, y)
        if design.categorical:
            parameters |= {"enable_categorical": True, "feature_types": design.types}
        return _of(task)(objective=objective, eval_metric=loss, tree_method="hist", n_jobs=self.threads, **parameters, **options)

    def _fitted(self, estimator: Any, X: Matrix, y: Target, design: Design, watched: tuple[tuple[Matrix, Target], ...] = ()) -> Any:
        weights = row_weights(self.class_weight, y)
        estimator.fit(X, y, sample_weight=weights, eval_set=list(watched) or None, verbose=False)
        estimator.get_booster().feature_names = list(design.names)
        return estimator

    def scores(self, estimator: Any, X: Matrix, task: TaskName) -> Scores:
        """Return the booster's prediction, which is a probability for the objectives of classes.

        XGBoost computes in float32, so the probabilities of several classes are brought back to a sum of 1.
        """
        scores = np.asarray(estimator.get_booster().inplace_predict(X, validate_features=False), dtype=np.float64)
        return scores / scores.sum(axis=1, keepdims=True) if task == "multiclass_classification" else scores

    def importance(self, estimator: Any) -> Vector:
        """Return the share of the total gain."""
        gains = estimator.get_booster().get_score(importance_type="total_gain")
        return shares([gains.get(name, 0.0) for name in estimator.get_booster().feature_names])

    def save(self, estimator: Any, folder: Path) -> None:
        """Write universal binary JSON."""
        estimator.save_model(folder / self.file_name)

    def load(self, folder: Path, task: TaskName) -> Any:
        """Read universal binary JSON."""
        estimator = _of(task)(n_jobs=self.threads)
        estimator.load_model(folder / self.file_name)
        return estimator


def _of(task: TaskName) -> Any:
    from xgboost import XGBClassifier, XGBRegressor

    return XGBRegressor if task == "regression" else XGBClassifier
