"""Choose between candidates on validation rows; the test rows are never seen here."""

from dataclasses import dataclass
from math import isfinite

from stackhouse.algorithms import Algorithm
from stackhouse.errors import DataError
from stackhouse.fitted import FittedModel, ScoringRules, to_arrays
from stackhouse.metrics import better, score
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

    Raises:
        DataError: where the metric cannot be computed for any candidate.
        DirtyFeaturesError: where a feature holds NaN, ±Inf or null.
    """
    if reason := single_class(train, "training") or single_class(validation, "validation"):
        return Tuned(candidates[0], TuningReport(metric=metric, skipped=reason))
    trials = [Trial(algorithm=rules.algorithm, metrics=measure(FittedModel.fit(train, rules), validation)) for rules in candidates]
    chosen = best(trials, metric)
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
    """Compute the metrics of a model on a table with clean features and a label."""
    X, y = to_arrays(table, model.rules.features)
    probability = model.probability_of_matrix(X)
    return score(y, probability, model.classify(probability))


def single_class(table: Table, part: str) -> str | None:
    """Say why a model cannot be fitted to or chosen on these rows, the named part of all; None where it can."""
    label = str(table.roles.label)
    classes = sorted(int(value) for value in table.frame.select(label).unique().collect(backend="polars")[label])
    if not classes:
        return f"no {part} rows"
    return None if len(classes) > 1 else f"all {part} rows are of class {classes[0]}; a classifier needs both"
