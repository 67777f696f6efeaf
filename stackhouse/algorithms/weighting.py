"""Weights of classes, for algorithms that can be told how much class 1, or every row, counts."""

from typing import Annotated, Literal, Protocol, TypeVar, runtime_checkable

import numpy as np
from pydantic import Field, PositiveFloat

from stackhouse.algorithms.base import Vector
from stackhouse.tasks import Target

PositiveWeight = Annotated[
    PositiveFloat | Literal["balanced"] | None,
    Field(description="Weight of class 1; balanced: rows of class 0 for each of class 1. Binary tasks only."),
]
ClassWeight = Annotated[Literal["balanced"] | None, Field(description="balanced: every class weighs the same in all.")]


@runtime_checkable
class WeighsClasses(Protocol):
    """An algorithm that can weigh class 1 by itself, or all classes."""

    @property
    def scale_pos_weight(self) -> PositiveWeight:
        """Weight of class 1."""

    @property
    def class_weight(self) -> ClassWeight:
        """Weights of all classes."""


Weighing = TypeVar("Weighing", bound=WeighsClasses)


def require_one_weighting(algorithm: Weighing) -> Weighing:
    """Return the algorithm.

    Raises:
        ValueError: where it weighs class 1 twice.
    """
    if algorithm.scale_pos_weight is not None and algorithm.class_weight is not None:
        raise ValueError("scale_pos_weight and class_weight both weigh class 1; give one of them")
    return algorithm


def positive_weight(weight: float | Literal["balanced"], y: Target) -> float:
    """Return the weight of class 1; balanced: the one that brings both classes into balance, rows of class 0 over rows of class 1.

    Source: XGBoost's documentation, `scale_pos_weight`.

    >>> positive_weight("balanced", np.array([0, 0, 0, 1]))
    3.0
    """
    if weight != "balanced":
        return weight
    positives = float(np.sum(y == 1))
    return float(len(y) - positives) / positives


def row_weights(weight: ClassWeight, y: Target) -> Vector | None:
    """Return a weight for each row, shape (n_rows,), that gives every class the same total: n_rows / (n_classes * rows of the class).

    None where classes are not weighed.

    Source: scikit-learn, `compute_sample_weight("balanced", y)`.
    """
    if weight is None:
        return None
    from sklearn.utils.class_weight import compute_sample_weight

    return np.asarray(compute_sample_weight(weight, y), dtype=np.float64)
