"""Algorithms: a discriminated union on `kind`; each knows how to fit, to score, and to be saved without pickle.

Defaults are the profiles of the training guides. The number of threads is a parameter and not the machine's: sums over
another number of threads round differently, and threads that outnumber free cores wait for each other far longer than they
work (measured: 1.5 s became 56 s beside one busy process on two cores). Libraries are imported where they are used: an
`import stackhouse` must not pay a second for the boosters that a model file did not choose.
"""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

Matrix = npt.NDArray[np.float64]
Vector = npt.NDArray[np.float64]
Classes = npt.NDArray[np.int64]


class _Classifier(BaseModel, ABC):
    """A binary classifier: X has shape (n_rows, n_features), float64 and finite; y has shape (n_rows,), int64 of 0 and 1."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    registrable: ClassVar[bool] = True
    file_name: ClassVar[str]
    library: ClassVar[str]

    @abstractmethod
    def fit(self, X: Matrix, y: Classes, features: list[str]) -> Any:
        """Fit and return the library's estimator. The same X, y and seed give the same estimator."""

    @abstractmethod
    def positive_probability(self, estimator: Any, X: Matrix) -> Vector:
        """Return the probability of class 1, shape (n_rows,), in [0, 1]."""

    @abstractmethod
    def importance(self, estimator: Any) -> Vector:
        """Return how much each feature is used, shape (n_features,), summing to 1 (all 0 where no feature is used)."""

    @abstractmethod
    def save(self, estimator: Any, folder: Path) -> None:
        """Write the estimator in the library's own format; nothing of it needs pickle to load."""

    @abstractmethod
    def load(self, folder: Path) -> Any:
        """Read what `save` wrote."""

    @property
    def hyperparameters(self) -> dict[str, Any]:
        """Everything that the library calls a hyperparameter."""
        return self.model_dump(exclude={"kind", "threads"})


class XGBoost(_Classifier):
    """Gradient boosted trees of XGBoost."""

    kind: Literal["xgboost"] = "xgboost"
    n_estimators: int = Field(100, ge=1, le=10_000)
    max_depth: int = Field(6, ge=1, le=30)
    learning_rate: float = Field(0.1, gt=0, le=1)
    subsample: float = Field(0.8, gt=0, le=1)
    colsample_bytree: float = Field(0.8, gt=0, le=1)
    min_child_weight: float = Field(1.0, ge=0)
    random_state: int = Field(42, ge=0)
    threads: int = Field(1, ge=1, le=1024, description="Threads to fit with.")

    file_name: ClassVar[str] = "model.ubj"
    library: ClassVar[str] = "xgboost"

    def fit(self, X: Matrix, y: Classes, features: list[str]) -> Any:
        """Fit an `XGBClassifier`."""
        from xgboost import XGBClassifier

        estimator = XGBClassifier(
            objective="binary:logistic", eval_metric="logloss", tree_method="hist", n_jobs=self.threads, **self.hyperparameters
        )
        estimator.fit(X, y)
        estimator.get_booster().feature_names = features
        return estimator

    def positive_probability(self, estimator: Any, X: Matrix) -> Vector:
        """Return the second column of `predict_proba`."""
        return np.asarray(estimator.get_booster().inplace_predict(X, validate_features=False), dtype=np.float64)

    def importance(self, estimator: Any) -> Vector:
        """Return the share of the total gain."""
        gains = estimator.get_booster().get_score(importance_type="total_gain")
        return _shares([gains.get(name, 0.0) for name in estimator.get_booster().feature_names])

    def save(self, estimator: Any, folder: Path) -> None:
        """Write universal binary JSON."""
        estimator.save_model(folder / self.file_name)

    def load(self, folder: Path) -> Any:
        """Read universal binary JSON."""
        from xgboost import XGBClassifier

        estimator = XGBClassifier(n_jobs=self.threads)
        estimator.load_model(folder / self.file_name)
        return estimator


class LightGBM(_Classifier):
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
    random_state: int = Field(42, ge=0)
    threads: int = Field(1, ge=1, le=1024, description="Threads to fit with.")

    file_name: ClassVar[str] = "model.txt"
    library: ClassVar[str] = "lightgbm"

    def fit(self, X: Matrix, y: Classes, features: list[str]) -> Any:
        """Fit a `Booster`; the scikit-learn wrapper is left out, since MLflow saves it by pickle or skops."""
        import lightgbm

        parameters = self.hyperparameters
        rounds, seed = parameters.pop("n_estimators"), parameters.pop("random_state")
        fixed = {
            "objective": "binary",
            "verbosity": -1,
            "seed": seed,
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": self.threads,
        }
        data = lightgbm.Dataset(X, label=y, feature_name=features)
        return lightgbm.train({**fixed, **parameters}, data, num_boost_round=rounds)

    def positive_probability(self, estimator: Any, X: Matrix) -> Vector:
        """Return the booster's prediction, which is a probability for the binary objective."""
        return np.asarray(estimator.predict(X, num_threads=self.threads), dtype=np.float64)

    def importance(self, estimator: Any) -> Vector:
        """Return the share of the total gain."""
        return _shares(estimator.feature_importance(importance_type="gain"))

    def save(self, estimator: Any, folder: Path) -> None:
        """Write LightGBM's text format."""
        estimator.save_model(folder / self.file_name)

    def load(self, folder: Path) -> Any:
        """Read LightGBM's text format."""
        import lightgbm

        return lightgbm.Booster(model_file=folder / self.file_name)


class ScikitLearn(_Classifier):
    """What the classifiers of scikit-learn have in common: they are saved by skops."""

    file_name: ClassVar[str] = "model.skops"
    library: ClassVar[str] = "sklearn"
    trusted_types: ClassVar[tuple[str, ...]]
    """Types beyond skops' own list that a saved estimator of this algorithm holds. Fixed; never widened to what a file asks for."""

    @abstractmethod
    def _estimator(self) -> Any:
        """Return the unfitted estimator."""

    def fit(self, X: Matrix, y: Classes, features: list[str]) -> Any:
        """Fit the estimator of scikit-learn."""
        return self._estimator().fit(X, y)

    def positive_probability(self, estimator: Any, X: Matrix) -> Vector:
        """Return the column of class 1."""
        return np.asarray(estimator.predict_proba(X)[:, list(estimator.classes_).index(1)], dtype=np.float64)

    def importance(self, estimator: Any) -> Vector:
        """Return the mean decrease in impurity."""
        return _shares(estimator.feature_importances_)

    def save(self, estimator: Any, folder: Path) -> None:
        """Write skops' format."""
        import skops.io

        skops.io.dump(estimator, folder / self.file_name)

    def load(self, folder: Path) -> Any:
        """Read skops' format; a type outside the fixed list is refused by skops."""
        import skops.io

        return skops.io.load(folder / self.file_name, trusted=list(self.trusted_types))


class GradientBoosting(ScikitLearn):
    """Gradient boosted trees of scikit-learn."""

    kind: Literal["gradient_boosting"] = "gradient_boosting"
    n_estimators: int = Field(100, ge=1, le=10_000)
    max_depth: int = Field(6, ge=1, le=30)
    learning_rate: float = Field(0.1, gt=0, le=1)
    min_samples_split: int = Field(10, ge=2)
    min_samples_leaf: int = Field(5, ge=1)
    random_state: int = Field(42, ge=0)

    trusted_types: ClassVar[tuple[str, ...]] = (
        "_loss.CyHalfBinomialLoss",
        "sklearn._loss.link.Interval",
        "sklearn._loss.link.LogitLink",
        "sklearn._loss.loss.HalfBinomialLoss",
        "sklearn.tree._tree.Tree",
    )

    def _estimator(self) -> Any:
        from sklearn.ensemble import GradientBoostingClassifier

        return GradientBoostingClassifier(**self.hyperparameters)


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

    trusted_types: ClassVar[tuple[str, ...]] = ("sklearn.tree._tree.Tree",)

    def _estimator(self) -> Any:
        from sklearn.ensemble import RandomForestClassifier

        return RandomForestClassifier(n_jobs=self.threads, **self.hyperparameters)

    def fit(self, X: Matrix, y: Classes, features: list[str]) -> Any:
        """Fit in threads, but score in one: threads add the trees' votes in any order, and sums of floats differ by it."""
        estimator = super().fit(X, y, features)
        estimator.n_jobs = 1
        return estimator


class Dummy(ScikitLearn):
    """Guess by the share of the classes. A reference that others have to beat; it is never registered."""

    kind: Literal["dummy"] = "dummy"
    random_state: int = Field(42, ge=0)

    registrable: ClassVar[bool] = False
    trusted_types: ClassVar[tuple[str, ...]] = ()

    def _estimator(self) -> Any:
        from sklearn.dummy import DummyClassifier

        return DummyClassifier(strategy="stratified", **self.hyperparameters)

    def importance(self, estimator: Any) -> Vector:
        """Return zeros: no feature is used."""
        return np.zeros(estimator.n_features_in_)


Algorithm = Annotated[XGBoost | LightGBM | GradientBoosting | RandomForest | Dummy, Field(discriminator="kind")]
"""What a model file can choose under `algorithms`, by `kind`."""


def _shares(values: Any) -> Vector:
    weights = np.asarray(values, dtype=np.float64)
    total = weights.sum()
    return weights / total if total > 0 else weights
