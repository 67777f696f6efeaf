"""Folds: the training rows divided again, so that each candidate is judged on rows that it was not fitted to.

Only training rows come here; validation and test rows are never seen. By time where the split is by time: every fold is judged on
rows that are strictly later than all that it learns from. Otherwise each row is held out once, the classes in proportion.
"""

from dataclasses import dataclass
from datetime import timedelta

import narwhals as nw
import numpy as np
import numpy.typing as npt

from stackhouse.errors import DataError
from stackhouse.splits import SplitRule, class_numbers
from stackhouse.table import Table


@dataclass(frozen=True)
class Fold:
    """Rows to fit to and rows to judge on, without a common row."""

    train: Table
    held_out: Table


def divide(train: Table, split: SplitRule, count: int, seed: int) -> tuple[Fold, ...]:
    """Divide training rows into folds the way the split divides all rows; they are collected once.

    Raises:
        DataError: where there are too few rows, or too few distinct times.
    """
    if split.kind == "time":
        return by_time(train, count, timedelta(days=split.gap_days))
    return at_random(train, count, seed, stratify=split.stratify)


def by_time(train: Table, count: int, gap: timedelta = timedelta(0)) -> tuple[Fold, ...]:
    """Cut the distinct times into `count` + 1 blocks, as equal as they can be; fold k learns from k blocks and is judged on the next.

    Rows of one time stay together; those of the `gap` before the held-out rows are left out, as in the split itself. Source:
    scikit-learn's `TimeSeriesSplit`, over times instead of rows.

    Raises:
        DataError: where there are fewer than `count` + 1 distinct times, or the gap leaves no rows to learn from.
    """
    time = str(train.roles.timestamp)
    rows = train.with_frame(train.collect().lazy())
    times = rows.collect([time])[time].unique().sort()
    if len(times) <= count:
        raise DataError(
            f"{train.name} has {len(times)} distinct times, too few for {count} folds in time. "
            "Lower model.tuning.search.folds, or use a longer period."
        )
    starts = [len(times) * block // (count + 1) for block in range(1, count + 1)]
    if times[starts[0]] - gap <= times[0]:
        raise DataError(
            f"A gap of {gap.days} days leaves the first of {count} folds of {train.name} nothing to learn from. "
            "Lower model.tuning.search.folds or model.split.gap_days, or use a longer period."
        )
    folds = []
    for number, start in enumerate(starts, 1):
        later = nw.col(time) >= times[start]
        if number < count:
            later &= nw.col(time) < times[starts[number]]
        folds.append(Fold(rows.with_frame(rows.frame.filter(nw.col(time) < times[start] - gap)), rows.with_frame(rows.frame.filter(later))))
    return tuple(folds)


def at_random(train: Table, count: int, seed: int, *, stratify: bool) -> tuple[Fold, ...]:
    """Draw folds with a seed; each row is held out once, and the folds differ by one row at most, in all and in each class.

    Rows are put in order of their keys first, so that the draw does not depend on the order in which they arrive.

    Raises:
        DataError: where there are fewer rows than folds.
    """
    identity = train.roles.identity
    rows = train.collect()
    rows = rows.sort(*identity, *(column for column in rows.columns if column not in identity))
    if len(rows) < count:
        raise DataError(f"{train.name} has {len(rows)} rows, too few for {count} folds. Lower model.tuning.search.folds.")
    classes = class_numbers(rows, train.roles.labels) if stratify else np.zeros(len(rows), dtype=np.int64)
    held_by = deal(classes, count, np.random.default_rng(seed))
    return tuple(
        Fold(
            train.with_frame(rows.filter((held_by != number).tolist()).lazy()),
            train.with_frame(rows.filter((held_by == number).tolist()).lazy()),
        )
        for number in range(count)
    )


def deal(classes: npt.NDArray[np.int64], count: int, generator: np.random.Generator) -> npt.NDArray[np.int64]:
    """Deal rows out like cards, class by class: the fold that holds each row out, shape (n_rows,), from 0 to `count` - 1.

    >>> np.bincount(deal(np.array([0, 0, 0, 1, 1, 1, 1]), 2, np.random.default_rng(1))).tolist()
    [4, 3]
    """
    order = np.concatenate([generator.permutation(np.flatnonzero(classes == value)) for value in np.unique(classes)])
    held_by = np.empty(len(classes), dtype=np.int64)
    held_by[order] = np.arange(len(classes)) % count
    return held_by
