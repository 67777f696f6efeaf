"""FittedModel: an estimator with all that scoring needs, and the folder format that keeps it without pickle."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
import polars as pl
from pydantic import Field

from stackhouse.algorithms import Algorithm, Losses, Matrix
from stackhouse.cleaning import CleaningRule
from stackhouse.encoded_columns import Cut
from stackhouse.encoding import Encoding
from stackhouse.errors import DirtyFeaturesError
from stackhouse.evaluation.decision import DecisionGoal, FixedThreshold
from stackhouse.labels.rules import LabelRule
from stackhouse.report import Report
from stackhouse.table import Table
from stackhouse.tasks import Answers, Scores, Target, Task

RULES_FILE = "scoring_rules.json"
ENCODING_FILE = "encoding.json"


class ScoringRules(Report):
    """All of a model that is chosen before it is fitted: which columns it reads, how they are cleaned, what its label means."""

    algorithm: Algorithm
    features: tuple[str, ...]
    cleaning: CleaningRule
    label: LabelRule
    categorical: tuple[str, ...] = Field((), description="Features that are categories although they hold numbers.")
    cuts: tuple[Cut, ...] = Field((), description="Features that are cut at quantiles of the training rows.")
    decision_threshold: float = Field(0.5, gt=0, lt=1, description="Class 1 is predicted where its probability is at least this.")
    decision: DecisionGoal = Field(
        default_factory=lambda: FixedThreshold(kind="fixed"), description="How that threshold is chosen, where it is."
    )

    @property
    def task(self) -> Task:
        """What kind of answer the model gives."""
        return self.label.task


@dataclass(frozen=True)
class FittedModel:
    """An estimator with its scoring rules and the encoding of its features."""

    estimator: Any
    rules: ScoringRules
    encoding: Encoding

    @classmethod
    def fit(cls, train: Table, rules: ScoringRules) -> Self:
        """Fit encoding and algorithm to a table with clean features and its labels.

        Raises:
            DirtyFeaturesError: where a numeric feature holds NaN, ±Inf or null.
        """
        encoding = fit_encoding(train, rules)
        X, y = to_arrays(train, encoding, rules)
        return cls(rules.algorithm.fit(X, y, encoding.design, rules.task.name), rules, encoding)

    @classmethod
    def fit_watched(cls, train: Table, held_out: Table, rules: ScoringRules) -> tuple[Self, Losses | None]:
        """Fit as `fit` does, and follow the loss on the training rows and on rows held out, which have no influence on the fit.

        Raises:
            DirtyFeaturesError: where a numeric feature holds NaN, ±Inf or null.
        """
        encoding = fit_encoding(train, rules)
        X, y = to_arrays(train, encoding, rules)
        fit = rules.algorithm.fit_watched(X, y, encoding.design, rules.task.name, to_arrays(held_out, encoding, rules))
        return cls(fit[0], rules, encoding), fit[1]

    def scores(self, rows: pd.DataFrame) -> Scores:
        """Return the scores of raw rows, shape (n_rows,) or (n_rows, k), in the order of the rows; see `stackhouse.tasks`.

        Raises:
            ColumnTypeError: where a number holds text.
        """
        return self.scores_of_matrix(self.encoding.matrix_of_pandas(rows, self.rules.cleaning))

    def scores_of_matrix(self, X: Matrix) -> Scores:
        """Return the scores of encoded features, shape (n_rows,) or (n_rows, k)."""
        if not len(X):
            return np.empty((0, *self._width))
        return self.rules.algorithm.scores(self.estimator, X, self.rules.task.name)

    def answer(self, scores: Scores) -> Answers:
        """Turn scores into answers; class 1 is predicted where its probability is at least the decision threshold."""
        return self.rules.task.answer(scores, self.rules.decision_threshold)

    def importance(self) -> dict[str, float]:
        """Return the importance of each feature, largest first, ties by name; columns made of one feature count together."""
        values = dict.fromkeys(self.encoding.owners, 0.0)
        for name, value in zip(self.encoding.owners, self.rules.algorithm.importance(self.estimator), strict=True):
            values[name] += float(value)
        return dict(sorted(values.items(), key=lambda item: (-item[1], item[0])))

    def save(self, folder: Path) -> None:
        """Write the estimator in its own format, rules and encoding as JSON, into an existing folder."""
        self.rules.algorithm.save(self.estimator, folder)
        (folder / RULES_FILE).write_text(self.rules.model_dump_json(indent=2), encoding="utf-8")
        (folder / ENCODING_FILE).write_text(self.encoding.model_dump_json(indent=2), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote; a model without an encoding reads numbers only."""
        rules = ScoringRules.model_validate_json((folder / RULES_FILE).read_text(encoding="utf-8"))
        file = folder / ENCODING_FILE
        encoding = Encoding.model_validate_json(file.read_text(encoding="utf-8")) if file.exists() else Encoding.of_numbers(rules.features)
        return cls(rules.algorithm.load(folder, rules.task.name), rules, encoding)

    @property
    def _width(self) -> tuple[int, ...]:
        """Shape of the scores of one row."""
        outputs = len(self.rules.label.outputs)
        return (outputs,) if outputs > 1 else ()


def fit_encoding(train: Table, rules: ScoringRules) -> Encoding:
    """Learn from training rows how the features that the algorithm reads become its matrix.

    Raises:
        ColumnNotFoundError: where a cut names a column that is no feature.
        ColumnTypeError: where a feature is neither number, boolean, text nor date.
    """
    return Encoding.fit(train, rules.features, rules.categorical, rules.cuts, one_hot=not rules.algorithm.reads_categories)


def to_arrays(table: Table, encoding: Encoding, rules: ScoringRules) -> tuple[Matrix, Target]:
    """Collect features and labels: X of shape (n_rows, n_columns), float64; y of shape (n_rows,), or (n_rows, n_labels).

    y is int64 for classes and float64 for numbers; it is empty where the table has no label. Rows come in the order of timestamp
    and primary keys, so that the same rows give the same model in whatever order they arrive; without either they keep the order
    of the table.

    Raises:
        DirtyFeaturesError: where a numeric feature holds NaN, ±Inf or null.
    """
    labels = table.roles.labels
    order = [column for column in (table.roles.timestamp, *table.roles.primary_keys) if column]
    collected = table.collect([*order, *rules.features, *labels])
    rows: pl.DataFrame = (
        collected.sort(*order, *(column for column in collected.columns if column not in order)) if order else collected
    ).to_native()
    _require_finite(table, rows, encoding.numbers)
    return encoding.matrix(rows, rules.cleaning), _target(rows, labels, rules.task)


def _target(rows: pl.DataFrame, labels: tuple[str, ...], task: Task) -> Target:
    y: Target = np.column_stack([rows[label].to_numpy() for label in labels]) if labels else np.empty(0)
    y = y.astype(np.float64) if task.name == "regression" else y.astype(np.int64)
    return y[:, 0] if len(labels) == 1 else y


def _require_finite(table: Table, rows: pl.DataFrame, numbers: tuple[str, ...]) -> None:
    unusable = rows.select((~pl.col(name).cast(pl.Float64).is_finite().fill_null(value=False)).sum() for name in numbers)
    if dirty := {name: int(count) for name, count in zip(numbers, unusable.row(0) if numbers else (), strict=True) if count}:
        raise DirtyFeaturesError.found(table.name, dirty)
