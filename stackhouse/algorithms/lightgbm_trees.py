"""LightGBM."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from stackhouse.algorithms.base import Design, Estimating, Losses, Matrix, Vector, shares
from stackhouse.algorithms.space import Space, between
from stackhouse.algorithms.weighting import ClassWeight, PositiveWeight, positive_weight, require_one_weighting, row_weights
from stackhouse.tasks import Scores, Target, TaskName

_OBJECTIVES: Mapping[TaskName, str] = {
    "binary_classification": "binary",
    "multiclass_classification": "multiclass",
    "regression": "regression",
}
_LOSSES: Mapping[TaskName, str] = {
    "binary_classification": "binary_logloss",
    "multiclass_classification": "multi_logloss",
    "regression": "rmse",
}


class LightGBM(Estimating):
    """Gradient boosted trees of LightGBM. `bagging_freq` is 1, since `bagging_fraction` does nothing without it."""

    kind: Literal["lightgbm"] = "lightgbm"
    n_estimators: int = Field(100, ge=1, le=10_000)
    max_depth: int = Field(6, ge=-1, le=30)
    learning_rate: float = Field(0.1, gt=0, le=1)
    num_leaves: int = Field(31, ge=2, le=10_000)
    min_child_samples: int = Field(20, ge=1)
    feature_fraction: float = Field(0.8, gt=0, le=1)
    bagging_fraction: float = Field(0.8, gt=0, le=1)
    bagging_freq: int = Field(1, ge=1)
    scale_pos_weight: PositiveWeight = None
    class_weight: ClassWeight = None
    random_state: int = Field(42, ge=0)
    threads: int = Field(1, ge=1, le=1024, description="Threads to fit with.")

    file_name: ClassVar[str] = "model.txt"
    library: ClassVar[str] = "lightgbm"
    tasks: ClassVar[frozenset[TaskName]] = frozenset(_OBJECTIVES)
    reads_categories: ClassVar[bool] = True
    profiles: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "cli": {"max_depth": 5, "n_estimators": 100, "learning_rate": 0.1},
        "churn_guide": {},
        "balanced": {"max_depth": 5, "n_estimators": 100, "learning_rate": 0.1},
        "imbalanced": {"max_depth": 7, "n_estimators": 200, "learning_rate": 0.05},
        "multiclass": {"max_depth": 6, "n_estimators": 150, "learning_rate": 0.08},
    }
    space: ClassVar[Mapping[str, Space]] = {
        "n_estimators": between(50, 500),
        "max_depth": between(2, 10),
        "learning_rate": between(0.01, 0.3, log=True),
        "num_leaves": between(4, 128, log=True),
        "min_child_samples": between(5, 100, log=True),
        "feature_fraction": between(0.5, 1.0),
        "bagging_fraction": between(0.5, 1.0),
    }
    stops_early: ClassVar[bool] = True

    _one_weighting = model_validator(mode="after")(require_one_weighting)

    def fit(self, X: Matrix, y: Target, design: Design, task: TaskName) -> Any:
        """Fit a `Booster`; the scikit-learn wrapper is left out, since MLflow saves it by pickle or skops."""
        import lightgbm

        return lightgbm.train(self._parameters(y, task), self._rows(X, y, design), num_boost_round=self.n_estimators)

    def fit_watched(self, X: Matrix, y: Target, design: Design, task: TaskName, held_out: tuple[Matrix, Target]) -> tuple[Any, Losses]:
        """Fit as `fit` does, and follow the loss."""
        import lightgbm

        found: dict[str, dict[str, list[float]]] = {}
        rows = self._rows(X, y, design)
        booster = lightgbm.train(
            {**self._parameters(y, task), "metric": _LOSSES[task]},
            rows,
            num_boost_round=self.n_estimators,
            valid_sets=[rows, lightgbm.Dataset(held_out[0], label=held_out[1], reference=rows)],
            valid_names=["train", "validation"],
            callbacks=[lightgbm.record_evaluation(found)],
        )
        train, validation = (tuple(map(float, found[part][_LOSSES[task]])) for part in ("train", "validation"))
        return booster, Losses(name="rmse" if task == "regression" else "log_loss", train=train, validation=validation)

    def fit_stopped(
        self, X: Matrix, y: Target, design: Design, task: TaskName, held_out: tuple[Matrix, Target], patience: int
    ) -> tuple[Any, int]:
        """Fit until the loss on held-out rows falls no more; the booster predicts with the trees of its smallest loss."""
        import lightgbm

        rows = self._rows(X, y, design)
        booster = lightgbm.train(
            {**self._parameters(y, task), "metric": _LOSSES[task]},
            rows,
            num_boost_round=self.n_estimators,
            valid_sets=[lightgbm.Dataset(held_out[0], label=held_out[1], reference=rows)],
            callbacks=[lightgbm.early_stopping(patience, verbose=False)],
        )
        return booster, int(booster.best_iteration)

    def _parameters(self, y: Target, task: TaskName) -> dict[str, Any]:
        parameters = self.hyperparameters
        for name in ("n_estimators", "class_weight"):
            parameters.pop(name, None)
        seed, weighting = parameters.pop("random_state"), parameters.pop("scale_pos_weight", None)
        if weighting is not None:
            parameters["scale_pos_weight"] = positive_weight(weighting, y)
        if task == "multiclass_classification":
            parameters["num_class"] = int(y.max()) + 1
        fixed = {
            "objective": _OBJECTIVES[task],
            "verbosity": -1,
            "seed": seed,
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": self.threads,
        }
        return {**fixed, **parameters}

    def _rows(self, X: Matrix, y: Target, design: Design) -> Any:
        import lightgbm

        return lightgbm.Dataset(
            X,
            label=y,
            weight=row_weights(self.class_weight, y),
            feature_name=list(design.names),
            categorical_feature=list(design.categorical),
        )

    def scores(self, estimator: Any, X: Matrix, task: TaskName) -> Scores:
        """Return the booster's prediction, which is a probability for the objectives of classes."""
        return np.asarray(estimator.predict(X, num_threads=self.threads), dtype=np.float64)

    def importance(self, estimator: Any) -> Vector:
        """Return the share of the total gain."""
        return shares(estimator.feature_importance(importance_type="gain"))

    def save(self, estimator: Any, folder: Path) -> None:
        """Write LightGBM's text format."""
        estimator.save_model(folder / self.file_name)

    def load(self, folder: Path, task: TaskName) -> Any:
        """Read LightGBM's text format."""
        import lightgbm

        return lightgbm.Booster(model_file=folder / self.file_name)
