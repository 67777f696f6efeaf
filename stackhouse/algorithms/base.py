"""What every algorithm has: how it is fitted, how it scores, and how it is saved without pickle.

The number of threads is a parameter and not the machine's: sums over another number of threads round differently, and threads
that outnumber free cores wait for each other far longer than they work (measured: 1.5 s became 56 s beside one busy process on
two cores). Libraries are imported where they are used: an `import stackhouse` must not pay a second for the boosters that a
model file did not choose.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, model_validator

from stackhouse.algorithms.space import Space
from stackhouse.tasks import Scores, Target, TaskName

Matrix = npt.NDArray[np.float64]
Vector = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Design:
    """The columns of a matrix: their names, and the positions of those that hold codes of a category (NaN where it is unknown)."""

    names: tuple[str, ...]
    categorical: tuple[int, ...] = ()

    @property
    def types(self) -> list[str]:
        """Type of each column as XGBoost calls it: q for a number, c for a category."""
        return ["c" if position in self.categorical else "q" for position in range(len(self.names))]


class Losses(BaseModel):
    """Loss after each iteration of a fit, shape (n_iterations,) each: on the rows of the fit and on rows held out.

    `name` is log_loss (the natural logarithm; the mean over labels where there are several) or rmse (in the unit of the label).
    No row is weighted, but for LightGBM's training rows where classes are balanced.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    train: tuple[float, ...]
    validation: tuple[float, ...]


class Estimating(BaseModel, ABC):
    """An algorithm with its hyperparameters.

    X has shape (n_rows, n_columns), float64 and finite but for the codes of unknown categories. y has shape (n_rows,), or
    (n_rows, n_labels) for several labels: int64 for classes from 0 on, float64 for numbers.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    profile: str | None = Field(None, description="Named set of hyperparameters, under those that are given here.")

    registrable: ClassVar[bool] = True
    file_name: ClassVar[str]
    library: ClassVar[str]
    tasks: ClassVar[frozenset[TaskName]]
    """The tasks that it can be used for."""
    reads_categories: ClassVar[bool] = False
    """Whether it takes codes of categories, and NaN for an unknown one; otherwise each category becomes a column of 0 and 1."""
    profiles: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    """Named hyperparameters of the training guides."""
    space: ClassVar[Mapping[str, Space]] = {}
    """What a search chooses, by field: well inside what the field accepts, where good values are known to lie."""
    stops_early: ClassVar[bool] = False
    """Whether the number of iterations can be taken from held-out rows."""

    @model_validator(mode="before")
    @classmethod
    def _under_those_given(cls, given: Any) -> Any:
        if not isinstance(given, dict) or given.get("profile") is None:
            return given
        if given["profile"] not in cls.profiles:
            raise ValueError(f"unknown profile '{given['profile']}'; known are {sorted(cls.profiles)}")
        return {**cls.profiles[given["profile"]], **given}

    @abstractmethod
    def fit(self, X: Matrix, y: Target, design: Design, task: TaskName) -> Any:
        """Fit and return the library's estimator. The same X, y and seed give the same estimator."""

    def fit_watched(
        self, X: Matrix, y: Target, design: Design, task: TaskName, held_out: tuple[Matrix, Target]
    ) -> tuple[Any, Losses | None]:
        """Fit as `fit` does, to the same estimator, and follow the loss; None for an algorithm without iterations.

        Args:
            X: encoded rows to fit to.
            y: their labels.
            design: the columns of X.
            task: what kind of answer is wanted.
            held_out: encoded rows of the same columns, and their labels; they have no influence on the fit.
        """
        return self.fit(X, y, design, task), None

    def fit_stopped(
        self, X: Matrix, y: Target, design: Design, task: TaskName, held_out: tuple[Matrix, Target], patience: int
    ) -> tuple[Any, int]:
        """Fit until the loss on held-out rows has not fallen for `patience` iterations, at most `n_estimators` of them.

        Returns:
            The estimator as it was at its smallest loss, and after how many iterations that was.
        """
        raise NotImplementedError(f"{self.kind} does not stop early")

    @abstractmethod
    def scores(self, estimator: Any, X: Matrix, task: TaskName) -> Scores:
        """Return the scores of the task, shape (n_rows,) or (n_rows, k); see `stackhouse.tasks`."""

    @abstractmethod
    def importance(self, estimator: Any) -> Vector:
        """Return how much each column is used, shape (n_columns,), summing to 1 (all 0 where none is used)."""

    @abstractmethod
    def save(self, estimator: Any, folder: Path) -> None:
        """Write the estimator in the library's own format; nothing of it needs pickle to load."""

    @abstractmethod
    def load(self, folder: Path, task: TaskName) -> Any:
        """Read what `save` wrote."""

    @property
    def hyperparameters(self) -> dict[str, Any]:
        """Everything that the library calls a hyperparameter, without those that are left to it."""
        return self.model_dump(exclude={"kind", "threads", "profile"}, exclude_none=True)


def shares(values: Any) -> Vector:
    """Divide weights by their sum; zeros stay zeros."""
    weights = np.asarray(values, dtype=np.float64)
    total = weights.sum()
    return weights / total if total > 0 else weights
