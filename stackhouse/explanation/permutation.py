"""Permutation importance: how much worse a model becomes where the values of one feature are dealt out anew among the rows.

What belongs here: dealing, and the metric before and after. What does not: which rows, and what is said about it.
"""

import numpy as np

from stackhouse.algorithms import Matrix
from stackhouse.evaluation.metrics import lower_is_better
from stackhouse.evaluation.predicted import Predicted
from stackhouse.evaluation.weighted_metrics import measure_resamples
from stackhouse.fitted import FittedModel
from stackhouse.report import Report
from stackhouse.tasks import Scores, Target


class Permutation(Report):
    """How much worse the metric becomes without each feature, in the metric's own unit; negative where it became better by chance.

    `mean` and `deviation` (standard deviation, n - 1) are over the repeats. `missing` says why there is none.
    """

    metric: str
    rows: int = 0
    repeats: int = 0
    undealt: float | None = None
    """The metric on the same rows as they are."""
    mean: dict[str, float] = {}
    deviation: dict[str, float] = {}
    missing: str | None = None


def permutation_importance(model: FittedModel, X: Matrix, y: Target, metric: str, repeats: int, seed: int) -> Permutation:
    """Deal out each feature's values `repeats` times; all columns that are made of one feature move together.

    Every feature is dealt by the same permutations, so that the result does not depend on the order of features.

    Args:
        model: the fitted model.
        X: encoded rows, shape (n_rows, n_columns).
        y: what was measured of them; empty where nothing was.
        metric: canonical name of a metric of the model's task.
        repeats: how often each feature is dealt, 2 at least.
        seed: seed of the permutations.
    """
    undealt = _measured(model, model.scores_of_matrix(X), y, metric)
    if undealt is None:
        return Permutation(metric=metric, missing=f"{metric} cannot be computed on these rows: too little is known of what happened")
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(len(X)) for _ in range(repeats)]
    owners = np.array(model.encoding.owners)
    sign = 1.0 if lower_is_better(metric) else -1.0
    worse: dict[str, list[float]] = {}
    for feature in dict.fromkeys(model.encoding.owners):
        dealt = np.tile(X, (repeats, 1))
        own = np.flatnonzero(owners == feature)
        dealt[:, own] = np.vstack([X[np.ix_(order, own)] for order in orders])
        found = [_measured(model, part, y, metric) for part in np.split(model.scores_of_matrix(dealt), repeats)]
        worse[feature] = [sign * (value - undealt) for value in found if value is not None]
    ranked = sorted(worse, key=lambda name: (-np.mean(worse[name]), name))
    return Permutation(
        metric=metric,
        rows=len(X),
        repeats=repeats,
        undealt=undealt,
        mean={name: float(np.mean(worse[name])) for name in ranked},
        deviation={name: float(np.std(worse[name], ddof=1)) for name in ranked},
    )


def _measured(model: FittedModel, scores: Scores, y: Target, metric: str) -> float | None:
    """The one metric, as `Task.measure` gives it among all; None where the rows leave it undefined."""
    if not len(y):
        return None
    predicted = Predicted(model.rules.task, y, scores, model.answer(scores), model.rules.label.names)
    found = measure_resamples(predicted, np.ones((1, len(scores))), (metric,)).get(metric)
    return None if found is None or not np.isfinite(found[0]) else float(found[0])
