"""Explanation: which features move a model's answers on test rows, by SHAP values and by permutation importance.

SHAP values say how a feature moves the answers, right or wrong; permutation importance says how much of the model's quality hangs on
it. Both are of rows that the model was not trained on. What belongs here: the report and how it is drawn from the rows. What does
not: how values are computed (`contributions.py`, `tree_shap.py`, `permutation.py`), and pictures of them.
"""

from collections.abc import Iterable
from math import isfinite

import numpy as np
import numpy.typing as npt

from stackhouse.algorithms import Matrix, Vector
from stackhouse.encoded_columns import CalendarColumn, CategoryColumn, EncodedColumn
from stackhouse.explanation.contributions import Contributions, Unit, contributions, leaves
from stackhouse.explanation.permutation import Permutation, permutation_importance
from stackhouse.fitted import FittedModel, to_arrays
from stackhouse.report import Report
from stackhouse.table import Table
from stackhouse.tasks import TaskName

MAX_ROWS, MIN_ROWS = 2_000, 100
"""Test rows that are explained, drawn at random from all: at most, and at least where a model has very many leaves."""

MAX_LEAF_VISITS = 10_000_000
"""Rows times leaves: above it fewer rows are explained, since time grows with both (measured: 2 to 4 s on one core)."""

MAX_DEALT_CELLS = 1_000_000
"""Rows times features times repeats of the permutation importance: above it fewer rows are dealt."""

REPEATS = 5
"""How often each feature is dealt out."""

MAX_GAP = 1e-4
"""Largest distance between raw prediction and base + SHAP values, as a share of the largest raw prediction. XGBoost adds in float32."""

CLOUD_FEATURES, CLOUD_POINTS = 20, 200
"""Features of the summary plot, and points of each."""


class Point(Report):
    """A row of the summary plot: where the feature's value stands, and how it moved the answer.

    `rank` is the share of rows with a smaller value, equal ones counted half, in [0, 1]; None where values have no order (categories).
    `shap` holds the SHAP value for each output. Ranks stand in place of values, since a report holds no raw rows.
    """

    rank: float | None
    shap: tuple[float, ...]


class Cloud(Report):
    """The points of one feature, in the order of their first SHAP value. `low` and `high`: 5 % of its values are below, 5 % above."""

    feature: str
    low: float | None
    high: float | None
    points: tuple[Point, ...]


class Explanation(Report):
    """Which features a model's answers come from.

    `outputs` names what is explained: class 1, each class, each label, or the number itself; `base` is the raw prediction of each where no
    feature is known, and `importance` the mean |SHAP| of each feature over the rows, for each output, in `unit`. Columns made of
    one feature count together. `gap` is the largest distance between a raw prediction and its sum, as a share of the largest one (None
    where it is not finite); above MAX_GAP nothing is shown, and `withheld` says so. `skipped` says why there is no model to explain.
    """

    task: TaskName = "binary_classification"
    unit: Unit = "log_odds"
    test_rows: int = 0
    rows: int = 0
    """Test rows that were explained."""
    outputs: tuple[str, ...] = ()
    base: tuple[float, ...] = ()
    importance: dict[str, tuple[float, ...]] = {}
    """For each feature, the most important first: mean |SHAP| for each output."""
    clouds: tuple[Cloud, ...] = ()
    gap: float | None = None
    permutation: Permutation | None = None
    withheld: str | None = None
    skipped: str | None = None

    @property
    def ranking(self) -> dict[str, float]:
        """Mean |SHAP| of each feature, all outputs together, largest first."""
        return {feature: sum(values) for feature, values in self.importance.items()}


def explain(model: FittedModel, test: Table, metric: str, seed: int) -> Explanation:
    """Explain a model on rows that it has not seen.

    Args:
        model: the fitted model.
        test: test rows with clean features and their labels.
        metric: canonical name of the metric for the permutation importance.
        seed: seed of the sample and of the permutations.

    Raises:
        DirtyFeaturesError: where a feature holds NaN, ±Inf or null.
    """
    X, y = to_arrays(test, model.encoding, model.rules)
    if not len(X):
        return Explanation(task=model.rules.task.name, skipped="no test rows")
    order = np.random.default_rng(seed).permutation(len(X))
    features = tuple(dict.fromkeys(model.encoding.owners))
    dealt = order[: max(MIN_ROWS, min(MAX_ROWS, MAX_DEALT_CELLS // (len(features) * REPEATS)))]
    permutation = permutation_importance(model, X[dealt], y[dealt] if len(y) else y, metric, REPEATS, seed)
    found = Explanation(task=model.rules.task.name, test_rows=len(X), permutation=permutation)
    explained = X[order[: rows_within_reach(leaves(model))]]
    parts = contributions(model, explained)
    if parts is None:
        return found.model_copy(update={"withheld": f"{model.rules.algorithm.kind} reads no feature"})
    found = found.model_copy(update={"rows": len(explained), "unit": parts.unit, "gap": parts.gap if isfinite(parts.gap) else None})
    if not parts.gap <= MAX_GAP:
        reason = f"SHAP values and base miss the prediction by {parts.gap:.2g} of its largest value, more than {MAX_GAP:g}; none is shown"
        return found.model_copy(update={"withheld": reason})
    return _with_values(found, model, explained, parts)


def unit_in_words(unit: Unit) -> str:
    """Say what SHAP values are measured in.

    >>> unit_in_words("path_length")
    'cuts on the way to a row (fewer are stranger)'
    """
    return {
        "log_odds": "log-odds",
        "score": "score of the class (log scale)",
        "probability": "probability",
        "label": "the unit of the label",
        "path_length": "cuts on the way to a row (fewer are stranger)",
    }[unit]


def rows_within_reach(leaves: int) -> int:
    """Return how many rows are explained for a model with so many leaves.

    >>> rows_within_reach(5_000), rows_within_reach(25_000), rows_within_reach(10_000_000)
    (2000, 400, 100)
    """
    return max(MIN_ROWS, min(MAX_ROWS, MAX_LEAF_VISITS // max(leaves, 1)))


def by_feature(values: npt.NDArray[np.float64], owners: tuple[str, ...]) -> npt.NDArray[np.float64]:
    """Add up columns that are made of one feature: (n_rows, n_outputs, n_columns) to (n_features, n_outputs, n_rows)."""
    positions = {feature: number for number, feature in enumerate(dict.fromkeys(owners))}
    summed = np.zeros((len(positions), values.shape[1], len(values)))
    for column, owner in enumerate(owners):
        summed[positions[owner]] += values[:, :, column].T
    return summed


def _with_values(found: Explanation, model: FittedModel, X: Matrix, parts: Contributions) -> Explanation:
    features = tuple(dict.fromkeys(model.encoding.owners))
    values = by_feature(parts.values, model.encoding.owners)
    means = np.abs(values).mean(axis=2)
    ranked = sorted(range(len(features)), key=lambda number: (-means[number].sum(), features[number]))
    encoded = {column.name: column for column in model.encoding.columns}
    clouds = (
        _cloud(encoded[features[number]], _ordered(model, encoded[features[number]], X), values[number])
        for number in ranked[:CLOUD_FEATURES]
    )
    return found.model_copy(
        update={
            "outputs": _outputs(model, parts.unit),
            "base": _floats(parts.base),
            "importance": {features[number]: _floats(means[number]) for number in ranked},
            "clouds": tuple(clouds),
        }
    )


def _outputs(model: FittedModel, unit: Unit) -> tuple[str, ...]:
    return ("length of the way",) if unit == "path_length" else model.rules.label.outputs


def _ordered(model: FittedModel, column: EncodedColumn, X: Matrix) -> Vector | None:
    """Values of a feature by which rows can be ordered: a number itself, the position in time of a date; None for a category."""
    if isinstance(column, CategoryColumn):
        return None
    own = X[:, [number for number, owner in enumerate(model.encoding.owners) if owner == column.name]]
    if not isinstance(column, CalendarColumn):
        return own[:, 0]
    year, month, day, _, hour = own.T
    return np.asarray(((year * 12 + month) * 31 + day) * 24 + hour)


def _cloud(column: EncodedColumn, values: Vector | None, shap: npt.NDArray[np.float64]) -> Cloud:
    """Points of evenly spaced rows in the order of the SHAP value, so that both ends are among them and rows of features do not match."""
    by_shap = np.argsort(shap[0], kind="stable")
    chosen = by_shap[np.unique(np.linspace(0, len(by_shap) - 1, CLOUD_POINTS).round().astype(int))]
    ranks = None if values is None else _ranks(values)
    low, high = (None, None) if values is None or isinstance(column, CalendarColumn) else _floats(np.quantile(values, (0.05, 0.95)))
    points = (Point(rank=None if ranks is None else round(float(ranks[row]), 3), shap=_floats(shap[:, row])) for row in chosen)
    return Cloud(feature=column.name, low=low, high=high, points=tuple(points))


def _ranks(values: Vector) -> Vector:
    """Share of smaller values, equal ones counted half."""
    ordered = np.sort(values)
    below = np.searchsorted(ordered, values, side="left") + np.searchsorted(ordered, values, side="right")
    return np.asarray(below / (2 * len(values)), dtype=np.float64)


def _floats(values: Iterable[float]) -> tuple[float, ...]:
    return tuple(float(value) for value in values)
