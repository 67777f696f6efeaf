"""Labelling: give each row of a table its label by a rule, and leave out the rows that have none.

Null and NaN leave before a threshold is applied: Spark holds `NaN > 0.2` for true and other engines do not. A label is never
filled.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

import narwhals as nw

from stackhouse.cleaning import require_numeric
from stackhouse.errors import ColumnNotFoundError, LabelError
from stackhouse.labels.report import LabelReport, describe
from stackhouse.labels.rules import AnomalyLabel, AnyLabel, BinaryLabel, ClassLabel, MultiLabel, ThresholdLabel, ValueLabel
from stackhouse.table import Roles, Table, require_rows


@dataclass(frozen=True)
class Labelled:
    """A table with its labels, int64 for classes and float64 for numbers and never null, and the report of the distribution."""

    table: Table
    report: LabelReport


def label_rows(table: Table, rule: AnyLabel) -> Labelled:
    """Give each row its label, leave rows without one out, and drop the source columns, which would tell the label.

    A row of several labels leaves where any of their sources is null or NaN. Without known anomalies no row leaves.

    Raises:
        ColumnNotFoundError: where the table lacks a source column.
        ColumnTypeError: where a source that has to be a number holds text.
        EmptyTableError: where no row has a label.
        LabelError: where a source lies outside the range of its rule, or holds something that is none of its classes.
    """
    if missing := [source for source in rule.sources if source not in table.columns]:
        raise ColumnNotFoundError.missing(table.name, missing, table.columns, "Name one of these under model.label.source.")
    known = reduce(lambda frame, source: _with_value(table, frame, source, rule), rule.sources, table.frame)
    before = table.count()
    sources = " and ".join(f"'{source}'" for source in rule.sources)
    rows = require_rows(
        table.with_frame(known), f"No row has a value in {sources}." if sources else "Compute features for a longer period."
    )
    labelled = _apply(known, rule)
    columns = [column for column in table.columns if column not in (*rule.sources, *rule.names)]
    first, *further = (*rule.names, None)
    roles = Roles(**{**table.roles.model_dump(), "label": first, "further_labels": tuple(name for name in further if name)})
    result = Table(labelled.select(*columns, *rule.names), roles, table.name)
    return Labelled(result, _report(result, rule, rows, before - rows))


def _with_value(table: Table, frame: nw.LazyFrame[Any], source: str, rule: AnyLabel) -> nw.LazyFrame[Any]:
    """Keep the rows that have a value; numbers become float64."""
    if _texts(rule, source):
        if frame.collect_schema()[source] != nw.String:
            frame = frame.with_columns(nw.col(source).cast(nw.String))
        return frame.filter(~nw.col(source).is_null())
    require_numeric(table, [source])
    number = frame.with_columns(nw.col(source).cast(nw.Float64))
    return number.filter(~nw.col(source).is_null()).filter(~nw.col(source).is_nan())


def _texts(rule: AnyLabel, source: str) -> tuple[str, ...]:
    """The texts that a source holds, in the order of their classes; empty where it holds numbers."""
    match rule:
        case BinaryLabel(positive=str(), negative=str()):
            return (str(rule.negative), str(rule.positive))
        case ClassLabel(edges=None):
            return rule.classes
        case MultiLabel():
            return next((_texts(part, source) for part in rule.labels if part.source == source), ())
    return ()


def _apply(frame: nw.LazyFrame[Any], rule: AnyLabel) -> nw.LazyFrame[Any]:
    match rule:
        case ThresholdLabel():
            labelled = _apply_threshold(frame, rule)
        case BinaryLabel(positive=str()) | ClassLabel(edges=None):
            labelled = _apply_texts(frame, rule.source, rule.name, _texts(rule, rule.source))
        case ClassLabel():
            labelled = _apply_edges(frame, rule)
        case MultiLabel():
            labelled = reduce(_apply, rule.labels, frame)
        case ValueLabel():
            labelled = _within(frame, rule.source, rule.minimum, rule.maximum)
        case BinaryLabel():
            labelled = _apply_binary(frame, rule.source)
        case AnomalyLabel():
            labelled = _apply_binary(frame, rule.source) if rule.source else frame
    return labelled


def _apply_threshold(frame: nw.LazyFrame[Any], rule: ThresholdLabel) -> nw.LazyFrame[Any]:
    source = nw.col(rule.source)
    above = source > rule.threshold if rule.boundary == "exclusive" else source >= rule.threshold
    return _within(frame, rule.source, rule.minimum, rule.maximum).with_columns(above.cast(nw.Int64).alias(rule.name))


def _within(frame: nw.LazyFrame[Any], source: str, minimum: float | None, maximum: float | None) -> nw.LazyFrame[Any]:
    value = nw.col(source)
    bounds = frame.select(value.min().alias("low"), value.max().alias("high")).collect(backend="polars")
    low, high = float(bounds["low"][0]), float(bounds["high"][0])
    least, most = float("-inf") if minimum is None else minimum, float("inf") if maximum is None else maximum
    if low < least or high > most:
        raise LabelError.out_of_range(source, least, most, low, high)
    if not float("-inf") < low <= high < float("inf"):
        raise LabelError.infinite(source)
    return frame


def _apply_binary(frame: nw.LazyFrame[Any], source: str) -> nw.LazyFrame[Any]:
    wrong = frame.filter((nw.col(source) != 0) & (nw.col(source) != 1)).select(source).collect(backend="polars")
    if len(wrong):
        raise LabelError.not_binary(source, len(wrong), float(wrong[source][0]))
    return frame.with_columns(nw.col(source).cast(nw.Int64))


def _apply_texts(frame: nw.LazyFrame[Any], source: str, name: str, texts: tuple[str, ...]) -> nw.LazyFrame[Any]:
    found = frame.select(source).unique().collect(backend="polars")[source].to_list()
    if unknown := sorted(set(found) - set(texts)):
        raise LabelError.unknown_class(source, unknown, texts)
    code = nw.lit(0)
    for number, text in enumerate(texts):
        code = nw.when(nw.col(source) == text).then(nw.lit(number)).otherwise(code)
    return frame.with_columns(code.cast(nw.Int64).alias(name))


def _apply_edges(frame: nw.LazyFrame[Any], rule: ClassLabel) -> nw.LazyFrame[Any]:
    code = nw.lit(0)
    for number, edge in enumerate(rule.edges or (), start=1):
        code = nw.when(nw.col(rule.source) >= edge).then(nw.lit(number)).otherwise(code)
    return _within(frame, rule.source, None, None).with_columns(code.cast(nw.Int64).alias(rule.name))


def _report(table: Table, rule: AnyLabel, rows: int, dropped: int) -> LabelReport:
    told: dict[str, Any] = {"rule": describe(rule), "dropped": dropped, "rows": rows, "source": ", ".join(rule.sources)}
    match rule:
        case MultiLabel():
            held = reduce(lambda total, name: total + nw.col(name), rule.names[1:], nw.col(rule.names[0]))
            counts = _counts(table.with_frame(table.frame.with_columns(held.alias("__held"))), "__held", range(len(rule.names) + 1))
            parts = tuple(_report(table, part, rows, 0) for part in rule.labels)
            return LabelReport(label=rule.name, counts=counts, parts=parts, **told)
        case ValueLabel():
            return LabelReport(label=rule.name, spread=_spread(table, rule.name), **told)
        case AnomalyLabel(source=None):
            return LabelReport(label=rule.name, **told)
        case ClassLabel():
            return LabelReport(
                label=rule.name, counts=_counts(table, rule.name, range(len(rule.classes))), class_names=rule.classes, **told
            )
    return LabelReport(label=rule.name, counts=_counts(table, rule.name, range(2)), **told)


def _counts(table: Table, name: str, classes: range) -> Mapping[int, int]:
    found = table.frame.group_by(name).agg(nw.len().alias("__rows")).collect(backend="polars")
    by_class = {int(cls): int(rows) for cls, rows in found.select(name, "__rows").rows()}
    return {cls: by_class.get(cls, 0) for cls in classes}


def _spread(table: Table, name: str) -> Mapping[str, float]:
    values = table.collect([name])[name].to_numpy()
    quartiles = {"25 %": 0.25, "median": 0.5, "75 %": 0.75}
    column = table.collect([name])[name]
    return {
        "minimum": float(values.min()),
        **{said: float(column.quantile(share, interpolation="linear")) for said, share in quartiles.items()},
        "maximum": float(values.max()),
        "mean": float(values.mean()),
    }
