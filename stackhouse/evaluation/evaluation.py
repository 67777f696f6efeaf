"""Evaluation: how good a fitted model is on rows that it never saw, and how good a random split would make it look."""

from datetime import datetime

import narwhals as nw
import numpy as np

from stackhouse.algorithms import Dummy
from stackhouse.errors import DataError
from stackhouse.evaluation.calibration import Calibration, calibrations
from stackhouse.evaluation.curves import Curves, curves
from stackhouse.evaluation.decision import DecisionGoal, FixedThreshold
from stackhouse.evaluation.imbalance import imbalance_ratio
from stackhouse.evaluation.intervals import Interval, Resampling, intervals, resampling
from stackhouse.evaluation.predicted import Predicted
from stackhouse.evaluation.residuals import Residuals, residuals
from stackhouse.evaluation.rows import days_of, in_order, predict
from stackhouse.evaluation.rule import EvaluationRule
from stackhouse.evaluation.slices import Slice, SliceRule, slices
from stackhouse.fitted import FittedModel
from stackhouse.labels.rules import ClassLabel
from stackhouse.report import Report
from stackhouse.splits import RandomSplit, split
from stackhouse.table import Table, concatenate
from stackhouse.tasks import TaskName
from stackhouse.tuning.comparison import measure, unlearnable


class Period(Report):
    """Rows and time range of one part of the data; both times are None where the table has no timestamp."""

    rows: int
    first: datetime | None = None
    last: datetime | None = None


class Confusion(Report):
    """How many test rows of each class were predicted as which; rows are true classes, columns predicted ones."""

    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


class Evaluation(Report):
    """Metrics of one model. `skipped` says why there is none, and all metrics are then empty.

    `test` are the metrics that gates judge; `train` shows overfitting; `random_split` is the same algorithm trained and
    tested on rows drawn at random from all of them, for comparison only, and empty where these cannot be learned from; `reference` is a
    guess by class share, or of the mean.
    `intervals` hold the values of `test` that other test rows would give; `resampling` says how.
    """

    task: TaskName = "binary_classification"

    test: dict[str, float] = {}
    intervals: dict[str, Interval] = {}
    resampling: Resampling | None = None
    train: dict[str, float] = {}
    random_split: dict[str, float] = {}
    reference: dict[str, float] = {}
    curves: Curves | None = None
    confusion: Confusion | None = None
    calibration: tuple[Calibration, ...] = ()
    residuals: Residuals | None = None
    slices: tuple[Slice, ...] = ()
    slice_metric: str | None = None
    """The metric by which slices are judged; None where there are none."""
    imbalance: float | None = None
    """Rows of the largest class for each row of the smallest among the training rows, of the worst label; None without classes."""
    decision_threshold: float | None = None
    """Class 1 is answered from this probability on; None where the task answers otherwise."""
    decision: DecisionGoal = FixedThreshold()
    importance: dict[str, float] = {}
    train_period: Period | None = None
    test_period: Period | None = None
    skipped: str | None = None


def evaluate(
    model: FittedModel, train: Table, test: Table, seed: int, rule: EvaluationRule | None = None, metric: str | None = None
) -> Evaluation:
    """Measure a model that was fitted to `train` on `test`.

    Args:
        model: the fitted model.
        train: all rows that it was fitted to, the validation rows included.
        test: rows that it has not seen; all of them strictly later than `train` where there is a timestamp.
        seed: seed of the random split for comparison, and of the resamples.
        rule: by what the test rows are sliced, and how intervals are drawn; the defaults where absent.
        metric: by which slices are judged; the one that decides between models where absent.

    Raises:
        ColumnNotFoundError: where the test rows lack a column to slice by.
        DataError: where a test row is not later than every training row.
        DirtyFeaturesError: where a feature holds NaN, ±Inf or null.
    """
    rule = rule or EvaluationRule()
    train_period, test_period = period(train), period(test)
    if train_period.last and test_period.first and test_period.first <= train_period.last:
        raise DataError(
            f"The test rows begin at {test_period.first:%Y-%m-%d %H:%M}, the training rows end at {train_period.last:%Y-%m-%d %H:%M}. "
            "Set model.split.kind to time, so that the model is judged on its future."
        )
    ordered, beside = in_order(test, (*model.rules.features, *test.roles.labels), rule.slices)
    predicted, days, task = predict(model, ordered), days_of(ordered), model.rules.task
    found, sliced_by = predicted.metrics, metric or task.deciding
    how = resampling(predicted.rows, days, rule.resamples, rule.confidence)
    by_slice = SliceRule(metric=sliced_by, min_rows=rule.min_slice_rows, resamples=rule.resamples, confidence=rule.confidence, seed=seed)
    bounds = intervals(predicted, found, how, days, seed)
    return Evaluation(
        task=task.name,
        test=found,
        intervals=bounds,
        resampling=how if bounds else None,
        train=measure(model, train),
        random_split=_on_random_split(model, train, test, seed) if task.has_reference else {},
        reference=_reference(model, train, test, seed) if task.has_reference else {},
        curves=curves(predicted.y.astype(np.int64), predicted.scores) if task.name == "binary_classification" else None,
        confusion=_confusion(model, predicted),
        calibration=calibrations(predicted),
        residuals=residuals(predicted),
        slices=slices(predicted, {name: beside[name] for name in rule.slices}, days if how.drawn == "days" else None, by_slice),
        slice_metric=sliced_by if rule.slices else None,
        imbalance=imbalance_of(train, task.name),
        decision_threshold=model.rules.decision_threshold if task.name in _WITH_THRESHOLD else None,
        decision=model.rules.decision,
        importance=model.importance(),
        train_period=train_period,
        test_period=test_period,
    )


_WITH_THRESHOLD = frozenset({"binary_classification", "multilabel_classification"})


def imbalance_of(table: Table, task: TaskName) -> float | None:
    """Return rows of the largest class for each row of the smallest, of the worst label; see `imbalance.imbalance_ratio`."""
    if not table.roles.labels:
        return None
    columns = table.collect(table.roles.labels)
    y = np.column_stack([columns[label].to_numpy() for label in table.roles.labels])
    return imbalance_ratio(y[:, 0] if y.shape[1] == 1 else y, task)


def _reference(model: FittedModel, train: Table, test: Table, seed: int) -> dict[str, float]:
    return measure(FittedModel.fit(train, model.rules.model_copy(update={"algorithm": Dummy(random_state=seed)})), test)


def _confusion(model: FittedModel, predicted: Predicted) -> Confusion | None:
    from sklearn.metrics import confusion_matrix

    label = model.rules.label
    if model.rules.task.name not in {"binary_classification", "multiclass_classification"}:
        return None
    classes = label.classes if isinstance(label, ClassLabel) else ("0", "1")
    counts = confusion_matrix(predicted.y, predicted.answers, labels=range(len(classes)))
    return Confusion(classes=classes, counts=tuple(tuple(int(count) for count in row) for row in counts))


def period(table: Table) -> Period:
    """Count the rows of a table and find its first and last time."""
    time = table.roles.timestamp
    if time is None:
        return Period(rows=table.count())
    found = table.frame.select(nw.len().alias("rows"), nw.col(time).min().alias("first"), nw.col(time).max().alias("last"))
    row = found.collect(backend="polars").rows(named=True)[0]
    return Period(rows=int(row["rows"]), first=row["first"], last=row["last"])


def _on_random_split(model: FittedModel, train: Table, test: Table, seed: int) -> dict[str, float]:
    """Fit and measure on rows drawn at random; nothing where the drawn training rows lack a class, or there are too few to draw from."""
    share = test.count() / (train.count() + test.count())
    rows = concatenate(train, test)
    needed = rows.select(
        column for column in rows.roles.columns if column in (*rows.roles.identity, *model.rules.features, *rows.roles.labels)
    )
    try:
        parts = split(needed, RandomSplit(test_size=share, seed=seed))
        learned = concatenate(parts.train, parts.validation)
        reason = unlearnable(learned, "training", model.rules)
    except DataError:
        return {}
    return {} if reason else measure(FittedModel.fit(learned, model.rules), parts.test)
