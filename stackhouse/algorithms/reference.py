"""The guess that every model has to beat."""

from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from stackhouse.algorithms.base import Vector
from stackhouse.algorithms.scikit_learn import ScikitLearn
from stackhouse.tasks import TaskName


class Dummy(ScikitLearn):
    """Guess by the share of the classes, or the mean of a number. A reference that others have to beat; it is never registered."""

    kind: Literal["dummy"] = "dummy"
    random_state: int = Field(42, ge=0)

    registrable: ClassVar[bool] = False
    tasks: ClassVar[frozenset[TaskName]] = frozenset(
        {"binary_classification", "multiclass_classification", "multilabel_classification", "regression"}
    )
    trusted_types: ClassVar[tuple[str, ...]] = ()

    def estimator(self, task: TaskName) -> Any:
        """Return the unfitted guess."""
        from sklearn.dummy import DummyClassifier, DummyRegressor

        return DummyRegressor(strategy="mean") if task == "regression" else DummyClassifier(strategy="stratified", **self.hyperparameters)

    def importance(self, estimator: Any) -> Vector:
        """Return zeros: no column is used."""
        return np.zeros(estimator.n_features_in_)
