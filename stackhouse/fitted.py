"""FittedModel: an estimator with all that scoring needs, and the folder format that keeps it without pickle."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field

from stackhouse.algorithms import Algorithm, Matrix, Vector
from stackhouse.cleaning import CleaningRule, clean_matrix
from stackhouse.errors import DirtyFeaturesError
from stackhouse.labels import LabelRule
from stackhouse.report import Report
from stackhouse.table import Table

RULES_FILE = "scoring_rules.json"


class ScoringRules(Report):
    """All of a fitted model that is not the estimator: which columns it reads, how they are cleaned, what its label means."""

    algorithm: Algorithm
    features: tuple[str, ...]
    cleaning: CleaningRule
    label: LabelRule
    decision_threshold: float = Field(0.5, gt=0, lt=1, description="Class 1 is predicted where its probability is at least this.")


@dataclass(frozen=True)
class FittedModel:
    """An estimator with its scoring rules."""

    estimator: Any
    rules: ScoringRules

    @classmethod
    def fit(cls, train: Table, rules: ScoringRules) -> Self:
        """Fit the algorithm of the rules to a table with clean features and a label of 0 and 1.

        Raises:
            DirtyFeaturesError: where a feature holds NaN, ±Inf or null.
        """
        X, y = to_arrays(train, rules.features)
        return cls(rules.algorithm.fit(X, y, list(rules.features)), rules)

    def probability(self, rows: pd.DataFrame) -> Vector:
        """Return the probability of class 1 for raw rows, shape (n_rows,), in the order of the rows.

        Raises:
            ColumnTypeError: where a feature holds text.
        """
        X = clean_matrix(rows, self.rules.features, self.rules.cleaning)
        return self.probability_of_matrix(X)

    def probability_of_matrix(self, X: Matrix) -> Vector:
        """Return the probability of class 1 for clean features, shape (n_rows,)."""
        if not len(X):
            return np.empty(0)
        return self.rules.algorithm.positive_probability(self.estimator, X)

    def classify(self, probability: Vector) -> npt.NDArray[np.int64]:
        """Return class 1 where the probability is at least the decision threshold, shape (n_rows,), int64."""
        return (probability >= self.rules.decision_threshold).astype(np.int64)

    def importance(self) -> dict[str, float]:
        """Return the importance of each feature, largest first, ties by name."""
        values = dict(zip(self.rules.features, self.rules.algorithm.importance(self.estimator), strict=True))
        return {name: float(value) for name, value in sorted(values.items(), key=lambda item: (-item[1], item[0]))}

    def save(self, folder: Path) -> None:
        """Write the estimator in its own format and the rules as JSON into an existing folder."""
        self.rules.algorithm.save(self.estimator, folder)
        (folder / RULES_FILE).write_text(self.rules.model_dump_json(indent=2), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        rules = ScoringRules.model_validate_json((folder / RULES_FILE).read_text(encoding="utf-8"))
        return cls(rules.algorithm.load(folder), rules)


def to_arrays(table: Table, features: tuple[str, ...]) -> tuple[Matrix, npt.NDArray[np.int64]]:
    """Collect features and label: X of shape (n_rows, n_features), float64 and finite; y of shape (n_rows,), int64.

    Rows come in the order of timestamp and primary keys, so that the same rows give the same model in whatever order they
    arrive; without either they keep the order of the table.

    Raises:
        DirtyFeaturesError: where a feature holds NaN, ±Inf or null.
    """
    label = table.roles.label
    order = [column for column in (table.roles.timestamp, *table.roles.primary_keys) if column]
    rows = table.collect([*order, *features, *((label,) if label else ())])
    rows = rows.sort(*order, *(column for column in rows.columns if column not in order)) if order else rows
    X = np.column_stack([rows[name].to_numpy().astype(np.float64) for name in features])
    if not np.isfinite(X).all():
        counts = {name: int(count) for name, count in zip(features, (~np.isfinite(X)).sum(axis=0), strict=True) if count}
        raise DirtyFeaturesError.found(table.name, counts)
    y = rows[label].to_numpy().astype(np.int64) if label else np.empty(len(rows), dtype=np.int64)
    return X, y
