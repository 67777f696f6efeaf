"""Choose between candidates on validation rows; the test rows are never seen here."""

from dataclasses import dataclass
from math import isfinite

import numpy as np

from stackhouse.algorithms import Algorithm
from stackhouse.errors import DataError, LabelError
from stackhouse.fitted import FittedModel, ScoringRules, to_arrays
from stackhouse.labels import ClassLabel
from stackhouse.metrics import better
from stackhouse.report import Report
from stackhouse.table import Table


class Trial(Report):
    """One candidate and its metrics on the validation rows."""

    algorithm: Algorithm
    metrics: dict[str, float]


class TuningReport(Report):
    """All trials in the order of the model file, the metric that decides, and the position of the chosen one.

    `skipped` says why nothing could be tried; the first candidate is then carried on, untried.
    """

    metric: str
    trials: tuple[Trial, ...] = ()
    chosen: int = 0
    skipped: str | None = None


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
    if reason := unlearnable(train, "training", candidates[0]) or unlearnable(validation, "validation", candidates[0]):
        return Tuned(candidates[0], TuningReport(metric=metric, skipped=reason))
    _require_enough_rows(train, candidates[0])
    trials = [Trial(algorithm=rules.algorithm, metrics=measure(FittedModel.fit(train, rules), validation)) for rules in candidates]
    chosen = best(trials, metric) if len(trials) > 1 or validation.roles.labels else 0
    return Tuned(candidates[chosen], TuningReport(metric=metric, trials=tuple(trials), chosen=chosen))


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


def _require_enough_rows(train: Table, rules: ScoringRules) -> None:
    rows = train.count()
    if rows < len(rules.features):
        raise DataError(
            f"{train.name} has {rows:,} training rows and {len(rules.features):,} features; a model would learn the rows by heart. "
            "Use a longer period, or name fewer features."
        )
