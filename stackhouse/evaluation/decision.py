"""Decisions: from which probability on a binary classifier answers with class 1, and how that threshold is chosen.

It is chosen on validation rows, for the model that was fitted to the training rows; the model that is registered keeps it.
"""

from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from stackhouse.errors import DataError
from stackhouse.tasks import Target

_Numbers = npt.NDArray[np.float64]


class _Goal(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FixedThreshold(_Goal):
    """A threshold that is given."""

    kind: Literal["fixed"] = "fixed"
    threshold: float = Field(0.5, gt=0, lt=1, description="Class 1 from this probability on.")


class LargestF1(_Goal):
    """The threshold with the largest F1."""

    kind: Literal["f1"] = "f1"


class PrecisionAtRecall(_Goal):
    """The threshold with the largest precision among those that find enough of class 1."""

    kind: Literal["precision_at_recall"] = "precision_at_recall"
    recall: float = Field(gt=0, le=1, description="Share of the rows of class 1 that has to be found.")


class LeastCost(_Goal):
    """The threshold whose wrong answers cost least, all together."""

    kind: Literal["cost"] = "cost"
    false_positive: float = Field(gt=0, allow_inf_nan=False, description="Cost of a row of class 0 that is answered with 1.")
    false_negative: float = Field(gt=0, allow_inf_nan=False, description="Cost of a row of class 1 that is answered with 0, same unit.")


DecisionGoal = Annotated[FixedThreshold | LargestF1 | PrecisionAtRecall | LeastCost, Field(discriminator="kind")]
"""How the threshold is chosen; a model file chooses by `kind`."""

AnyGoal = FixedThreshold | LargestF1 | PrecisionAtRecall | LeastCost


def describe_goal(goal: AnyGoal) -> str:
    """Say the goal in words.

    >>> describe_goal(PrecisionAtRecall(recall=0.8))
    'largest precision with a recall of 0.8 at least, on the validation rows'
    """
    match goal:
        case FixedThreshold():
            return "given, not chosen"
        case LargestF1():
            said = "largest F1"
        case PrecisionAtRecall():
            said = f"largest precision with a recall of {goal.recall:g} at least"
        case LeastCost():
            said = f"least cost, where a false 1 costs {goal.false_positive:g} and a missed 1 {goal.false_negative:g}"
    return f"{said}, on the validation rows"


def choose_threshold(y: Target, probability: _Numbers, goal: AnyGoal) -> float:
    """Return the threshold in (0, 1) that serves the goal best; the largest of equals, which answers with class 1 least often.

    Every way to divide the rows is looked at. A threshold lies halfway between two probabilities that occur, so that a rounding
    moves no row across it.

    Args:
        y: classes 0 and 1, shape (n_rows,).
        probability: probability of class 1, in [0, 1], shape (n_rows,).
        goal: what is to be reached.

    >>> round(choose_threshold(np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8]), LargestF1()), 3)
    0.225

    Raises:
        DataError: where the rows are of one class, or no threshold reaches the recall.
    """
    if isinstance(goal, FixedThreshold):
        return goal.threshold
    positives = int(np.sum(y == 1))
    if not 0 < positives < len(y):
        raise DataError(
            f"All {len(y):,} validation rows are of one class; no decision threshold can be chosen. Raise model.split.validation_size, "
            "or give a fixed threshold under model.decision."
        )
    thresholds, found, named = _divisions(y, probability)
    match goal:
        case LargestF1():
            worth = 2 * found / (named + positives)
        case PrecisionAtRecall():
            precision = np.divide(found, named, out=np.zeros(len(found)), where=named > 0)
            worth = np.where(found >= goal.recall * positives, precision, -np.inf)
        case LeastCost():
            worth = -(goal.false_positive * (named - found) + goal.false_negative * (positives - found))
    best = int(np.argmax(worth))
    if not np.isfinite(worth[best]):
        raise DataError(
            f"No threshold above 0 reaches a recall of {float(getattr(goal, 'recall', 1)):g} on the {len(y):,} validation rows, since rows "
            "of class 1 have the probability 0. Ask for less under model.decision, or choose another algorithm."
        )
    return float(thresholds[best])


def _divisions(y: Target, probability: _Numbers) -> tuple[_Numbers, _Numbers, _Numbers]:
    """Thresholds in (0, 1) from the largest to the smallest, one for each way to divide the rows; rows of class 1 found, and rows named."""
    values, groups = np.unique(probability, return_inverse=True)
    above = np.append(values, 1.0)
    below = np.insert(values, 0, 0.0)
    halfway = below + (above - below) / 2
    thresholds = np.where(halfway > below, halfway, above)
    rows, held = (np.bincount(groups, weights=weights, minlength=len(values)) for weights in (np.ones(len(y)), (y == 1).astype(np.float64)))
    named, found = (np.append(np.cumsum(part[::-1])[::-1], 0.0) for part in (rows, held))
    inside = (thresholds > 0) & (thresholds < 1)
    return thresholds[inside][::-1], found[inside][::-1], named[inside][::-1]
