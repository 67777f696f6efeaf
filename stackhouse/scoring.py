"""How MLflow scores a registered model: `_load_pyfunc` is the loader module that its `python_function` flavor names.

Needs neither MLflow nor ZenML, and travels inside the model (`code/stackhouse.zip`), so that any process can score.
"""

from pathlib import Path
from typing import Any

import pandas as pd

from stackhouse.answers import serve
from stackhouse.fitted import FittedModel
from stackhouse.tasks import Answers


class ScoringModel:
    """Scores raw rows: cleaned by the model's own rule, never dropped, never reordered."""

    def __init__(self, model: FittedModel) -> None:
        """Take the fitted model to score with."""
        self.model = model

    def predict(self, rows: pd.DataFrame, params: dict[str, Any] | None = None) -> Answers | pd.DataFrame:
        """Return what the model says of each row, or with `predict_method` what else it can be asked for; see `answers.serve`.

        NaN, ±Inf and null are replaced by the model's rule, and so are absent feature columns where a caller lets them through
        (MLflow's own check of the signature does not).

        Raises:
            ColumnTypeError: where a number holds text.
            ConfigurationError: where `predict_method` is something else.
        """
        return serve(self.model, rows, (params or {}).get("predict_method", "predict"))


def _load_pyfunc(path: str) -> ScoringModel:
    """Load a model from the root of its MLflow folder. Source: `mlflow.pyfunc`, loader modules."""
    return ScoringModel(FittedModel.load(Path(path) / "stackhouse"))
