"""Evaluation: how good a fitted model is on rows that it never saw, and how good a random split would make it look."""

from datetime import datetime

import narwhals as nw
import numpy as np

from stackhouse.algorithms import Dummy
from stackhouse.curves import Curves, curves
from stackhouse.errors import DataError
from stackhouse.fitted import FittedModel, to_arrays
from stackhouse.labels import ClassLabel
from stackhouse.report import Report
from stackhouse.splits import RandomSplit, split
from stackhouse.table import Table, concatenate
from stackhouse.tasks import Answers, Target, TaskName
from stackhouse.tuning import measure


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
    tested on rows drawn at random from all of them, for comparison only; `reference` is a guess by class share, or of the mean.
    """

    task: TaskName = "binary_classification"

    test: dict[str, float] = {}
    train: dict[str, float] = {}
    random_split: dict[str, float] = {}
    reference: dict[str, float] = {}
    curves: Curves | None = None
    confusion: Confusion | None = None
    importance: dict[str, float] = {}
    train_period: Period | None = None
    test_period: Period | None = None
    skipped: str | None = None


def evaluate(model: FittedModel, train: Table, test: Table, seed: int) -> Evaluation:
    """Measure a model that was fitted to `train` on `test`.

    Args:
        model: the fitted model.
        train: all rows that it was fitted to, the validation rows included.
        test: rows that it has not seen; all of them strictly later than `train` where there is a timestamp.
        seed: seed of the random split for comparison.

    Raises:
        DataError: where a test row is not later than every training row.
        DirtyFeaturesError: where a feature holds NaN, ±Inf or null.
    """
    train_period, test_period = period(train), period(test)
    if train_period.last and test_period.first and test_period.first <= train_period.last:
        raise DataError(
            f"The test rows begin at {test_period.first:%Y-%m-%d %H:%M}, the training rows end at {train_period.last:%Y-%m-%d %H:%M}. "
            "Set model.split.kind to time, so that the model is judged on its future."
        )
    X, y = to_arrays(test, model.encoding, model.rules)
    scores = model.scores_of_matrix(X)
    answers, task = model.answer(scores), model.rules.task
    return Evaluation(
        task=task.name,
        test=task.measure(y, scores, answers, model.rules.label.names),
        train=measure(model, train),
        random_split=_on_random_split(model, train, test, seed) if task.has_reference else {},
        reference=_reference(model, train, test, seed) if task.has_reference else {},
        curves=curves(y.astype(np.int64), scores) if task.name == "binary_classification" else None,
        confusion=_confusion(model, y, answers),
        importance=model.importance(),
        train_period=train_period,
        test_period=test_period,
    )


def _reference(model: FittedModel, train: Table, test: Table, seed: int) -> dict[str, float]:
    return measure(FittedModel.fit(train, model.rules.model_copy(update={"algorithm": Dummy(random_state=seed)})), test)


def _confusion(model: FittedModel, y: Target, answers: Answers) -> Confusion | None:
    from sklearn.metrics import confusion_matrix

    label = model.rules.label
    if model.rules.task.name not in {"binary_classification", "multiclass_classification"}:
        return None
    classes = label.classes if isinstance(label, ClassLabel) else ("0", "1")
    counts = confusion_matrix(y, answers, labels=range(len(classes)))
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
    share = test.count() / (train.count() + test.count())
    rows = concatenate(train, test)
    needed = rows.select(
        column for column in rows.roles.columns if column in (*rows.roles.identity, *model.rules.features, *rows.roles.labels)
    )
    parts = split(needed, RandomSplit(test_size=share, seed=seed))
    return measure(FittedModel.fit(concatenate(parts.train, parts.validation), model.rules), parts.test)
