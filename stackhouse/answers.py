"""Answers as columns: what a model says of each row, under the names that predictions tables and served models give it."""

import numpy as np
import pandas as pd
import polars as pl

from stackhouse.errors import ConfigurationError
from stackhouse.fitted import FittedModel, ScoringRules
from stackhouse.tasks import Answers, Scores

PREDICTION, PROBABILITY, SCORE = "prediction", "probability", "score"

PREDICT_METHODS = {
    "binary_classification": ("predict", "predict_proba"),
    "multiclass_classification": ("predict", "predict_proba"),
    "multilabel_classification": ("predict", "predict_proba"),
    "regression": ("predict",),
    "anomaly_detection": ("predict", "decision_function"),
}
"""What a served model can be asked for, by task; `predict` first."""


def answer_types(rules: ScoringRules) -> dict[str, pl.DataType]:
    """Return names and types of the columns that a model answers with.

    A class is `prediction` (int64) with the `probability` of class 1, or of the predicted class where there are several; labels have
    a pair of columns each; a number is `prediction` (float64); an anomaly is `prediction` -1 with its `score`, below 0.
    """
    match rules.task.name:
        case "multilabel_classification":
            of_labels = [(f"{PREDICTION}_{label}", f"{PROBABILITY}_{label}") for label in rules.label.names]
            return {name: dtype for pair in of_labels for name, dtype in zip(pair, (pl.Int64(), pl.Float64()), strict=True)}
        case "regression":
            return {PREDICTION: pl.Float64()}
        case "anomaly_detection":
            return {PREDICTION: pl.Int64(), SCORE: pl.Float64()}
    return {PREDICTION: pl.Int64(), PROBABILITY: pl.Float64()}


def answer_columns(model: FittedModel, scores: Scores) -> list[pl.Series]:
    """Return the columns of `answer_types`, each of shape (n_rows,)."""
    answers, names = model.answer(scores), list(answer_types(model.rules))
    match model.rules.task.name:
        case "multilabel_classification":
            arrays = [part[:, number] for number in range(scores.shape[1]) for part in (answers, scores)]
        case "multiclass_classification":
            arrays = [answers, scores.max(axis=1, initial=0.0)]
        case "regression":
            arrays = [answers]
        case _:
            arrays = [answers, scores]
    return [pl.Series(name, values) for name, values in zip(names, arrays, strict=True)]


def serve(model: FittedModel, rows: pd.DataFrame, method: str) -> Answers | pd.DataFrame:
    """Answer a serving request: shape (n_rows,), or a frame with a column for each class or label, in the order of the rows.

    `predict` gives classes (int64) or numbers (float64), `predict_proba` the probability of class 1, or of each class or label,
    `decision_function` how normal a row is.

    Raises:
        ColumnTypeError: where a number holds text.
        ConfigurationError: where the model cannot be asked for this.
    """
    known = PREDICT_METHODS[model.rules.task.name]
    if method not in known:
        raise ConfigurationError(f"predict_method is '{method}'; it can be {' or '.join(known)}.")
    scores = model.scores(rows)
    found = model.answer(scores) if method == "predict" else scores
    if found.ndim == 1:
        return found
    return pd.DataFrame(np.asarray(found), columns=list(model.rules.label.outputs), index=rows.index)
