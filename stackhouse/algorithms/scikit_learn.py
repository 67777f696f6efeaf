"""What the estimators of scikit-learn have in common: they are saved by skops, and read numbers only."""

from abc import abstractmethod
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from stackhouse.algorithms.base import Design, Estimating, Matrix, Vector, shares
from stackhouse.tasks import Scores, Target, TaskName


class ScikitLearn(Estimating):
    """An estimator of scikit-learn."""

    file_name: ClassVar[str] = "model.skops"
    library: ClassVar[str] = "sklearn"
    trusted_types: ClassVar[tuple[str, ...]]
    """Types beyond skops' own list that a saved estimator of this algorithm holds. Fixed; never widened to what a file asks for."""

    @abstractmethod
    def estimator(self, task: TaskName) -> Any:
        """Return the unfitted estimator."""

    def fit(self, X: Matrix, y: Target, design: Design, task: TaskName) -> Any:
        """Fit the estimator of scikit-learn."""
        return self.estimator(task).fit(X, y)

    def scores(self, estimator: Any, X: Matrix, task: TaskName) -> Scores:
        """Return the prediction of a number, the probability of class 1, or those of all classes or labels."""
        if task == "regression":
            return np.asarray(estimator.predict(X), dtype=np.float64)
        probability = estimator.predict_proba(X)
        if task == "binary_classification":
            return np.asarray(probability[:, list(estimator.classes_).index(1)], dtype=np.float64)
        if task == "multilabel_classification":
            of_one = [part[:, list(classes).index(1)] for part, classes in zip(probability, estimator.classes_, strict=True)]
            return np.column_stack(of_one).astype(np.float64)
        return np.asarray(probability, dtype=np.float64)

    def importance(self, estimator: Any) -> Vector:
        """Return the mean decrease in impurity."""
        return shares(estimator.feature_importances_)

    def save(self, estimator: Any, folder: Path) -> None:
        """Write skops' format."""
        import skops.io

        skops.io.dump(estimator, folder / self.file_name)

    def load(self, folder: Path, task: TaskName) -> Any:
        """Read skops' format; a type outside the fixed list is refused by skops."""
        import skops.io

        return skops.io.load(folder / self.file_name, trusted=list(self.trusted_types))
