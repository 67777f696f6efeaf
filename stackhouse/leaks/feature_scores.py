"""Each feature of some rows by itself: how well it tells each label, and whether it holds what is only known with the label.

What belongs here: from columns of a frame to numbers. How an array is scored stands in `single_feature.py`, what follows from a
score in `features.py`.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import polars as pl

from stackhouse.leaks.derived_names import named_after
from stackhouse.leaks.report import FeatureScore
from stackhouse.leaks.rule import LeakRule
from stackhouse.leaks.single_feature import (
    Booleans,
    Floats,
    Integers,
    auc_by_accident,
    auc_of_groups,
    auc_of_numbers,
    codes,
    r2_by_accident,
    r2_of_groups,
    r2_of_numbers,
)

MARGIN = 0.25
"""How far a feature may go beyond what an entity's own past tells, as a share of what is left to a perfect score."""


Score = Callable[[Any, Any, int], float]
"""From a feature and a label, shape (n_rows,) each, and the seed of the folds to a number."""


@dataclass(frozen=True)
class Measure:
    """How features are scored against labels of a kind, and what of that is much."""

    name: Literal["AUC", "R²"]
    of_numbers: Score
    of_groups: Score
    by_accident: Callable[[Any], float]
    """The score that a feature without any relation to the label does not reach."""
    limit: Callable[[LeakRule], float]
    """What a feature may score at most."""
    limit_of_named: Callable[[LeakRule], float]
    """What a feature may score at most that is called like the label."""


AUC = Measure(
    "AUC",
    auc_of_numbers,
    auc_of_groups,
    by_accident=lambda y: auc_by_accident(int(y.sum()), int((~y).sum())),
    limit=lambda rule: rule.max_auc,
    limit_of_named=lambda rule: rule.max_auc_of_named,
)
"""Of one class against all others; labels are booleans."""

R2 = Measure(
    "R²",
    r2_of_numbers,
    r2_of_groups,
    by_accident=lambda y: r2_by_accident(len(y)),
    limit=lambda rule: rule.max_r2,
    limit_of_named=lambda rule: rule.max_r2_of_named,
)
"""Of a number; labels are float64."""


@dataclass(frozen=True)
class Target:
    """What a feature is scored against: a label as a number, or one class of it."""

    label: str
    measure: Measure
    values: Booleans | Floats
    """Of the rows that have the label."""
    labelled: Booleans
    """Which of all rows have the label, shape (n_rows,)."""

    def of_numbers(self, x: Floats, seed: int) -> float:
        """Score a numeric feature of all rows, shape (n_rows,)."""
        return self.measure.of_numbers(x[self.labelled], self.values, seed)

    def of_groups(self, groups: Integers, seed: int) -> float:
        """Score a feature of groups of all rows, shape (n_rows,)."""
        return self.measure.of_groups(groups[self.labelled], self.values, seed)


def targets(rows: pl.DataFrame, label: str, classes: Sequence[str] = ()) -> tuple[Target, ...]:
    """Return what features are scored against: one target for a number or two classes, one a class for more; none for a single value.

    `classes` are the names of classes by number, where they have names.

    A label of floats is a number, unless it holds 0 and 1 alone. Null and NaN are no label.
    """
    values = rows[label].fill_nan(None) if rows[label].dtype.is_float() else rows[label]
    labelled = values.is_not_null().to_numpy()
    known = values.drop_nulls().cast(pl.Float64).to_numpy()
    distinct = np.unique(known)
    if len(distinct) < 2:
        return ()
    if values.dtype.is_float() and not np.isin(distinct, (0.0, 1.0)).all():
        return (Target(label, R2, known, labelled),)
    told = distinct[1:] if len(distinct) == 2 else distinct
    names = {value: classes[int(value)] if classes else f"{value:g}" for value in told}
    return tuple(Target(f"{label} {names[value]}" if len(distinct) > 2 else label, AUC, known == value, labelled) for value in told)


def score_features(
    rows: pl.DataFrame,
    features: Sequence[str],
    against: Sequence[Target],
    columns: Collection[str],
    entity: Sequence[str],
    rule: LeakRule,
) -> Iterator[FeatureScore]:
    """Score each feature against each target.

    What an entity's own past tells is no leak: where that is much (a job that always fails), limits are raised to `MARGIN` of the way
    from there to a perfect score.

    Args:
        rows: shape (n_rows, …), in the order of entity and time, which the folds follow.
        features: columns of numbers, booleans, times or text. Null and NaN are missing values.
        against: what the features are scored against.
        columns: names of the label table; a feature that is called like one has the lower limit.
        entity: columns that name an entity, which has rows of several times; none where no row has a past.
        rule: the limits and the seed.
    """
    pasts = [own_past(rows, target, entity, rule.seed) if entity else None for target in against]
    for feature in features:
        name, numbers = named_after(feature, columns), numeric(rows[feature])
        for target, past in zip(against, pasts, strict=True):
            value = target.of_groups(codes(rows[feature]), rule.seed) if numbers is None else target.of_numbers(numbers, rule.seed)
            limit = target.measure.limit(rule) if name is None else target.measure.limit_of_named(rule)
            yield FeatureScore(
                feature=feature,
                label=target.label,
                measure=target.measure.name,
                value=value,
                limit=limit if past is None else max(limit, past + MARGIN * (1 - past)),
                chance=target.measure.by_accident(target.values),
                past=past,
                named_after=name,
            )


def own_past(rows: pl.DataFrame, target: Target, entity: Sequence[str], seed: int) -> float:
    """Return how well an entity by itself tells the label: by the mean of its other rows, or by the row before; the better of both.

    `rows` are in the order of entity and time.
    """
    groups = rows.select(pl.struct(*entity).rle_id())[:, 0].to_numpy().astype(np.int64)
    label = np.full(len(rows), np.nan)
    label[target.labelled] = target.values
    before = np.append(np.nan, np.where(groups[1:] == groups[:-1], label[:-1], np.nan))[: len(rows)]
    return max(target.of_groups(groups, seed), target.of_numbers(before, seed))


def numeric(column: pl.Series) -> Floats | None:
    """Return numbers, booleans and times as float64 with NaN for null, shape (n_rows,); None for a column of anything else."""
    if not (column.dtype.is_numeric() or column.dtype == pl.Boolean or column.dtype.is_temporal()):
        return None
    numbers: Floats = column.to_physical().cast(pl.Float64).fill_null(float("nan")).to_numpy()
    return numbers


def agreement(left: pl.Series, right: pl.Series) -> float:
    """Return how far two columns hold the same value in each row, beyond what chance would give: 1 for copies, about 0 for strangers.

    Numbers are compared with numbers and text with text, null and NaN as values of their own; columns of two kinds have no agreement,
    and neither have two constants.

    Source: Cohen (1960), kappa.

    >>> agreement(pl.Series([1, 2, 3, 4]), pl.Series([1.0, 2.0, 3.0, 4.0]))
    1.0
    """
    first, second = numeric(left), numeric(right)
    if first is None and second is None:
        coded = codes(pl.concat([left.cast(pl.String), right.cast(pl.String)])).astype(np.float64)
        first, second = coded[: len(left)], coded[len(left) :]
    if first is None or second is None:
        return 0.0
    equal = (first == second) | (np.isnan(first) & np.isnan(second))
    values, places = np.unique(np.concatenate([first, second]), return_inverse=True)
    shares = (np.bincount(side, minlength=len(values)) / len(first) for side in np.split(places, 2))
    chance = float(np.prod(list(shares), axis=0).sum())
    return (float(equal.mean()) - chance) / (1 - chance) if chance < 1 else 0.0
