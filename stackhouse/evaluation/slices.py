"""Slices: the metrics of parts of the test rows, and whether a part was served worse than all rows together.

A slice is worse where even the better end of its interval misses the value of all rows, and the mean of the slices of its column as
well: where a column itself tells the label, rows within each of its slices are harder to rank than all together, and none is worse for
that. The intervals hold for all judged slices together (Bonferroni), so that twenty slices do not find one by chance.

Where all rows are resampled by whole days, so are slices, and one of few days is not judged: a weekend is alike within.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from stackhouse.evaluation.intervals import Days, Interval, Resampling, normal_interval, resample
from stackhouse.evaluation.metrics import lower_is_better
from stackhouse.evaluation.predicted import Predicted
from stackhouse.report import Report

QUARTERS = 4
MIN_DAYS = 10
"""Days below which a slice is not judged, where days are drawn."""

MAX_VALUES = 30
"""Values of a column that become slices of their own, those with most rows; the rows of all further values are one slice."""


class Slice(Report):
    """The rows of one value (or one quarter of the values) of a column, and their metrics."""

    column: str
    value: str
    rows: int
    metrics: dict[str, float]
    judged: bool = False
    """Whether it has enough rows to be judged, and enough days where days are drawn."""
    interval: Interval | None = None
    """Of the metric that judges; None where the slice is not judged, or the metric is undefined there."""
    worse: bool = False
    """Whether the interval lies on the worse side of the value of all rows, and of the mean of the column's judged slices."""


@dataclass(frozen=True)
class SliceRule:
    """How slices are judged: the metric, and how its interval is drawn."""

    metric: str
    min_rows: int
    resamples: int
    confidence: float
    seed: int


def slices(predicted: Predicted, columns: Mapping[str, pl.Series], days: Days | None, rule: SliceRule) -> tuple[Slice, ...]:
    """Measure every slice of every column, in the order of the columns; within one, by value.

    Args:
        predicted: all rows that were judged.
        columns: what the rows are sliced by, each of shape (n_rows,); missing values are a slice of their own.
        days: the day of each row, where whole days are drawn.
        rule: how slices are judged; those with fewer rows are measured and not judged.
    """
    parts = [(column, value, rows) for column, values in columns.items() for value, rows in parts_of(values)]
    judged = sum(can_be_judged(rows, days, rule.min_rows) for *_, rows in parts)
    overall = predicted.metrics.get(rule.metric)
    if overall is None:
        return tuple(_measure(predicted, *part, days, rule) for part in parts)
    found = [_with_interval(_measure(predicted, *part, days, rule), predicted, part[2], days, rule, judged) for part in parts]
    usual = {column: _usual(found, column, rule.metric, overall) for column in columns}
    return tuple(part.model_copy(update={"worse": _is_worse(part, usual[part.column], rule.metric)}) for part in found)


def parts_of(values: pl.Series) -> Iterator[tuple[str, npt.NDArray[np.int64]]]:
    """Divide rows by a column: by its values, or by its quartiles where it holds more than four numbers or times.

    Yields what a part is called, and the positions of its rows.
    """
    missing = (values.is_null() | values.is_nan()) if values.dtype.is_float() else values.is_null()
    there = np.flatnonzero(~missing.to_numpy())
    held = values.gather(there)
    ordered = held.dtype.is_numeric() or held.dtype.is_temporal()
    yield from _by_quarter(held, there) if ordered and held.n_unique() > QUARTERS else _by_value(held, there)
    if len(there) < len(values):
        yield "missing", np.flatnonzero(missing.to_numpy())


def can_be_judged(rows: npt.NDArray[np.int64], days: Days | None, min_rows: int) -> bool:
    """Say whether a part has rows enough, given by position, and days enough where days are drawn."""
    return len(rows) >= min_rows and (days is None or len(np.unique(days[rows])) >= MIN_DAYS)


def _by_value(values: pl.Series, positions: npt.NDArray[np.int64]) -> Iterator[tuple[str, npt.NDArray[np.int64]]]:
    counted = pl.DataFrame({"value": values}).group_by("value").len().sort(["len", "value"], descending=[True, False])
    kept = counted["value"].head(MAX_VALUES).sort()
    for value in kept:
        yield _said(value), positions[(values == value).to_numpy()]
    if counted.height > MAX_VALUES:
        yield f"{counted.height - MAX_VALUES} further values", positions[(~values.is_in(kept.implode())).to_numpy()]


def _by_quarter(values: pl.Series, positions: npt.NDArray[np.int64]) -> Iterator[tuple[str, npt.NDArray[np.int64]]]:
    ascending = values.sort()
    edges = ascending.gather([len(values) * quarter // QUARTERS for quarter in range(1, QUARTERS)]).unique().sort()
    edges = edges.filter(edges > ascending[0])
    quarter = np.searchsorted(edges.to_physical().to_numpy(), values.to_physical().to_numpy(), side="right")
    for number in range(len(edges) + 1):
        low, high = ascending[0] if number == 0 else edges[number - 1], ascending[-1] if number == len(edges) else edges[number]
        yield f"{_said(low)} to {'' if number == len(edges) else 'below '}{_said(high)}", positions[quarter == number]


def _said(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _measure(predicted: Predicted, column: str, value: str, rows: npt.NDArray[np.int64], days: Days | None, rule: SliceRule) -> Slice:
    metrics = predicted.take(rows).metrics
    return Slice(column=column, value=value, rows=len(rows), metrics=metrics, judged=can_be_judged(rows, days, rule.min_rows))


def _with_interval(
    found: Slice, predicted: Predicted, rows: npt.NDArray[np.int64], days: Days | None, rule: SliceRule, judged: int
) -> Slice:
    if not found.judged or rule.metric not in found.metrics:
        return found
    its_days, units = (None, len(rows)) if days is None else (days[rows], len(np.unique(days[rows])))
    how = Resampling(drawn="rows" if days is None else "days", units=units, resamples=rule.resamples, confidence=rule.confidence)
    drawn = resample(predicted.take(rows), (rule.metric,), how, its_days, rule.seed)
    confidence = 1 - (1 - rule.confidence) / judged
    return found.model_copy(update={"interval": normal_interval(found.metrics[rule.metric], drawn[rule.metric], confidence)})


def _usual(found: list[Slice], column: str, metric: str, overall: float) -> float:
    """The value of all rows, or the mean of a column's judged slices, by rows, where that is the worse one."""
    judged = [(part.metrics[metric], part.rows) for part in found if part.column == column and part.interval]
    if not judged:
        return overall
    values, rows = zip(*judged, strict=True)
    mean = float(np.average(values, weights=rows))
    return max(overall, mean) if lower_is_better(metric) else min(overall, mean)


def _is_worse(part: Slice, usual: float, metric: str) -> bool:
    if part.interval is None:
        return False
    return part.interval.low > usual if lower_is_better(metric) else part.interval.high < usual
