"""How MLflow scores a registered model: `_load_pyfunc` is the loader module that its `python_function` flavor names.

Needs neither MLflow nor ZenML, and travels inside the model (`code/`), so that any process can score.
"""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from stackhouse.errors import ConfigurationError
from stackhouse.fitted import FittedModel

PREDICT_METHODS = ("predict", "predict_proba")


class ScoringModel:
    """Scores raw rows: cleaned by the model's own rule, never dropped, never reordered."""

    def __init__(self, model: FittedModel) -> None:
        """Take the fitted model to score with."""
        self.model = model

    def predict(self, rows: pd.DataFrame, params: dict[str, Any] | None = None) -> npt.NDArray[np.int64] | npt.NDArray[np.float64]:
        """Return the class of each row (int64), or its probability of class 1 (float64) with `predict_method: predict_proba`.

        Shape (n_rows,), in the order of the rows. NaN, ±Inf and null are replaced by the model's rule, and so are absent feature
        columns where a caller lets them through (MLflow's own check of the signature does not).

        Raises:
            ColumnTypeError: where a feature holds text.
            ConfigurationError: where `predict_method` is something else.
        """
        method = (params or {}).get("predict_method", "predict")
        if method not in PREDICT_METHODS:
            raise ConfigurationError(f"predict_method is '{method}'; it can be {' or '.join(PREDICT_METHODS)}.")
        probability = self.model.probability(rows)
        return probability if method == "predict_proba" else self.model.classify(probability)


def _load_pyfunc(path: str) -> ScoringModel:
    """Load a model from the root of its MLflow folder. Source: `mlflow.pyfunc`, loader modules."""
    return ScoringModel(FittedModel.load(Path(path) / "stackhouse"))
