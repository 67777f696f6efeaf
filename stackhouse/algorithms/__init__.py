"""Algorithms: a discriminated union on `kind`; each knows its tasks, how to fit, to score, and to be saved without pickle.

Defaults are those of the training guides; further ones are named profiles.
"""

from typing import Annotated

from pydantic import Field

from stackhouse.algorithms.base import Design, Estimating, Losses, Matrix, Vector
from stackhouse.algorithms.forests import GradientBoosting, IsolationForest, RandomForest
from stackhouse.algorithms.lightgbm_trees import LightGBM
from stackhouse.algorithms.reference import Dummy
from stackhouse.algorithms.scikit_learn import ScikitLearn
from stackhouse.algorithms.space import Choices, Range, Space
from stackhouse.algorithms.xgboost_trees import XGBoost

Algorithm = Annotated[XGBoost | LightGBM | GradientBoosting | RandomForest | IsolationForest | Dummy, Field(discriminator="kind")]
"""What a model file can choose under `algorithms`, by `kind`."""

__all__ = [
    "Algorithm",
    "Choices",
    "Design",
    "Dummy",
    "Estimating",
    "GradientBoosting",
    "IsolationForest",
    "LightGBM",
    "Losses",
    "Matrix",
    "RandomForest",
    "Range",
    "ScikitLearn",
    "Space",
    "Vector",
    "XGBoost",
]
