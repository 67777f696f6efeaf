"""Choose between candidates on validation rows; the test rows are never seen here."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite

import narwhals as nw
import numpy as np

from stackhouse.algorithms import Algorithm, Losses, Space
from stackhouse.errors import DataError, LabelError
from stackhouse.evaluation.metrics import better
from stackhouse.fitted import FittedModel, ScoringRules, to_arrays
from stackhouse.labels.rules import ClassLabel
from stackhouse.report import Report
from stackhouse.table import Table


class Trial(Report):
    """One candidate, its metrics on the validation rows, and in a search what its folds gave."""

    algorithm: Algorithm
    metrics: Mapping[str, float] = {}
    """Empty for what a search drew and did not choose."""
    folds: tuple[float, ...] = ()
    """The metric that decides on the held-out rows of each fold; fewer values than folds where the trial was pruned."""
    rounds: tuple[int, ...] = ()
    """After how many trees each fold stopped early; their mean is the algorithm's `n_estimators`. Empty where none did."""
    stopped_folds: tuple[float, ...] = ()
    """What the folds gave as they stopped early, where `folds` are those of the algorithm as it is; empty where it was not judged again."""
    drawn: Mapping[str, bool | int | float | str | None] = {}
    """Hyperparameters that the search drew; empty for a listed candidate."""
    pruned: bool = False

    @property
    def flattered(self) -> bool:
        """Whether the folds were judged on the very rows on which they stopped early."""
        return bool(self.rounds) and not self.stopped_folds

    @property
    def mean(self) -> float:
        """Mean over the folds; NaN without folds."""
        return float(np.mean(self.folds)) if self.folds else float("nan")

    @property
    def spread(self) -> float:
        """Two standard deviations over the folds, of the folds as they are (divided by their number); NaN without folds."""
        return 2 * float(np.std(self.folds)) if self.folds else float("nan")

    @property
    def cross_validated(self) -> str:
        """Mean and two standard deviations over the folds.

        Source: scikit-learn's user guide on cross-validation, "Computing cross-validated metrics".

        >>> from stackhouse.algorithms import XGBoost
        >>> Trial(algorithm=XGBoost(), folds=(0.6, 0.7)).cross_validated
        '0.6500 (+/- 0.1000)'
        """
        return f"{self.mean:.4f} (+/- {self.spread:.4f})"


class SearchReport(Report):
    """What was searched, and on how many rows each fold learned and was judged."""

    space: Mapping[str, Mapping[str, Space]]
    fold_rows: tuple[tuple[int, int], ...]
    by_time: bool
    importance: Mapping[str, float] = {}
    """How much each hyperparameter of the chosen kind accounts for the better trials, summing to 1; empty where there are too few."""
    timed_out: bool = False
    """Whether time ended the search before all trials."""


class TuningReport(Report):
    """All trials in order, the metric that decides, and the position of the chosen one.

    The listed candidates come first, in the order of the model file; then what a search drew. `skipped` says why nothing could be
    tried; the first candidate is then carried on, untried.
    """

    metric: str
    trials: tuple[Trial, ...] = ()
    chosen: int = 0
    skipped: str | None = None
    losses: Losses | None = None
    """Loss of the chosen candidate after each iteration, on training and validation rows; None for an algorithm without iterations."""
    search: SearchReport | None = None


@dataclass(frozen=True)
class Tuned:
    """The scoring rules with the chosen algorithm, and the report of the search."""

    rules: ScoringRules
    report: TuningReport


def tune(train: Table, validation: Table, candidates: tuple[ScoringRules, ...], metric: str) -> Tuned:
    """Fit each candidate to the training rows and take the one that is best on the validation rows.

    A single detector of anomalies of which none are known is taken as it is, since nothing can judge it.

    Raises:
        DataError: where the metric cannot be computed for any of several candidates, or there are more features than rows.
        DirtyFeaturesError: where a feature holds NaN, ±Inf or null.
        LabelError: where a class has no training row.
    """
    if reason := untriable(train, validation, candidates[0]):
        return Tuned(candidates[0], TuningReport(metric=metric, skipped=reason))
    trials, losses = [], []
    for rules in candidates:
        model, found = FittedModel.fit_watched(train, validation, rules)
        trials.append(Trial(algorithm=rules.algorithm, metrics=measure(model, validation)))
        losses.append(found)
    chosen = best(trials, metric) if len(trials) > 1 or validation.roles.labels else 0
    return Tuned(candidates[chosen], TuningReport(metric=metric, trials=tuple(trials), chosen=chosen, losses=losses[chosen]))


def untriable(train: Table, validation: Table, rules: ScoringRules) -> str | None:
    """Say why no candidate can be tried on these rows; None where they can.

    Raises:
        DataError: where there are more features than training rows, or a feature has one value in all of them.
        LabelError: where a class has no training row.
    """
    if reason := unlearnable(train, "training", rules) or unlearnable(validation, "validation", rules):
        return reason
    _require_enough_rows(train, rules)
    _require_different_values(train, rules)
    return None


def best(trials: list[Trial], metric: str) -> int:
    """Return the position of the trial with the best value; the first of equals. A trial without a finite value cannot win.

    Raises:
        DataError: where no trial has the metric.
    """
    winner: int | None = None
    for position, trial in enumerate(trials):
        value = trial.metrics.get(metric)
        if value is not None and isfinite(value) and (winner is None or better(metric, value, trials[winner].metrics[metric])):
            winner = position
    if winner is None:
        raise DataError(
            f"No candidate has the metric '{metric}' on the validation rows. They may be of one class: raise model.split.validation_size."
        )
    return winner


def measure(model: FittedModel, table: Table) -> dict[str, float]:
    """Compute the metrics of a model on a table with clean features and its labels."""
    X, y = to_arrays(table, model.encoding, model.rules)
    scores = model.scores_of_matrix(X)
    return model.rules.task.measure(y, scores, model.answer(scores), model.rules.label.names)


def unlearnable(table: Table, part: str, rules: ScoringRules) -> str | None:
    """Say why a model cannot be fitted to or chosen on these rows, the named part of all; None where it can.

    Raises:
        LabelError: where one of several classes has no row, while others have.
    """
    if not table.roles.labels:
        return None if table.count() else f"no {part} rows"
    columns = table.collect(table.roles.labels).to_native()
    y = np.column_stack([columns[label].to_numpy() for label in table.roles.labels])
    reason = rules.task.unlearnable(y[:, 0] if y.shape[1] == 1 else y, part)
    if reason is None and part == "training" and isinstance(rules.label, ClassLabel):
        found = set(np.unique(y).tolist())
        if missing := [name for number, name in enumerate(rules.label.classes) if number not in found]:
            raise LabelError.missing_class(rules.label.name, missing, part)
    return reason


def _require_different_values(train: Table, rules: ScoringRules) -> None:
    counts = train.frame.select(nw.col(name).n_unique().alias(name) for name in rules.features).collect(backend="polars")
    if constant := [name for name in rules.features if int(counts[name][0]) == 1]:
        names = ", ".join(f"'{name}'" for name in constant)
        raise DataError(
            f"{train.name} has the same value in all training rows in {names}; it tells nothing. "
            "Leave it out under model.features.names or model.exclude_columns, or use a longer period."
        )


def _require_enough_rows(train: Table, rules: ScoringRules) -> None:
    rows = train.count()
    if rows < len(rules.features):
        raise DataError(
            f"{train.name} has {rows:,} training rows and {len(rules.features):,} features; a model would learn the rows by heart. "
            "Use a longer period, or name fewer features."
        )
