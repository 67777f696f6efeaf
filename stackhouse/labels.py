"""Labels: from a measured column to what a model learns (rule ML-05).

Null and NaN leave the label before the threshold is applied: Spark holds `NaN > 0.2` for true and other engines do not.
A label is never filled.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

import narwhals as nw
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, model_validator

from stackhouse.cleaning import require_numeric
from stackhouse.errors import ColumnNotFoundError, LabelError
from stackhouse.report import Report
from stackhouse.table import Roles, Table, require_rows

SEVERE_IMBALANCE = 10.0
"""Majority to minority ratio above which a label counts as severely imbalanced (training guide)."""


class ThresholdLabel(BaseModel):
    """Binarize a measured rate: class 1 above the threshold, class 0 below; `boundary` says where the threshold itself goes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["threshold"] = "threshold"
    source: str = Field(description="Column of the label table that is measured, e.g. late_rate.")
    name: str = Field(description="Name of the label, e.g. high_late_rate.")
    threshold: FiniteFloat = Field(description="Where class 1 begins, in the unit of the source.")
    boundary: Literal["exclusive", "inclusive"] = Field("exclusive", description="exclusive: class 1 is > threshold; inclusive: >=.")
    minimum: FiniteFloat = Field(0.0, description="Smallest value that the source can take.")
    maximum: FiniteFloat = Field(1.0, description="Largest value that the source can take.")

    @model_validator(mode="after")
    def _threshold_inside_range(self) -> Self:
        if not self.minimum <= self.threshold <= self.maximum:
            raise ValueError(
                f"threshold {self.threshold:g} lies outside the label's range [{self.minimum:g}, {self.maximum:g}]; every row would be of "
                "one class. Choose one inside, or correct minimum and maximum"
            )
        if self.threshold == (self.maximum if self.boundary == "exclusive" else self.minimum):
            raise ValueError(
                f"no value in [{self.minimum:g}, {self.maximum:g}] lies beyond the threshold {self.threshold:g} ({self.boundary}); "
                "every row would be of one class. Choose another threshold or boundary"
            )
        if self.name == self.source:
            raise ValueError(f"name and source are both '{self.name}'; give the binarized label a name of its own, e.g. high_{self.source}")
        return self


class BinaryLabel(BaseModel):
    """A column that holds 0 and 1 already."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["binary"] = "binary"
    source: str = Field(description="Column of the label table that holds 0 and 1; it is the label's name as well.")

    @property
    def name(self) -> str:
        """Name of the label."""
        return self.source


LabelRule = Annotated[ThresholdLabel | BinaryLabel, Field(discriminator="kind")]
"""How a column becomes a label; a model file chooses by `kind`."""


class LabelReport(Report):
    """Distribution of a binary label: rows by class, and the rows left out because the source was null or NaN."""

    label: str
    source: str
    rule: str
    counts: Mapping[int, int]
    dropped: int

    @property
    def rows(self) -> int:
        """Rows with a label."""
        return sum(self.counts.values())

    @property
    def positive_share(self) -> float:
        """Share of class 1 in [0, 1]."""
        return self.counts.get(1, 0) / self.rows

    @property
    def imbalance(self) -> float:
        """Rows of the larger class for each row of the smaller; infinite where one class is missing."""
        smaller = min(self.counts.get(0, 0), self.counts.get(1, 0))
        return max(self.counts.values()) / smaller if smaller else float("inf")

    @property
    def single_class(self) -> bool:
        """Whether nothing can be learned, since all rows are of one class."""
        return sum(count > 0 for count in self.counts.values()) < 2


@dataclass(frozen=True)
class Labelled:
    """A table with its label, int64 of 0 and 1 and never null, and the report of the distribution."""

    table: Table
    report: LabelReport


def binarize(table: Table, rule: ThresholdLabel | BinaryLabel) -> Labelled:
    """Give each row its label, leave rows without one out, and drop the source column, which would tell the label.

    Raises:
        ColumnNotFoundError: where the table lacks the source column.
        ColumnTypeError: where the source holds text.
        EmptyTableError: where no row has a label.
        LabelError: where the source lies outside the range of the rule, or a binary label holds other values than 0 and 1.
    """
    if rule.source not in table.columns:
        raise ColumnNotFoundError.missing(table.name, [rule.source], table.columns, "Name one of these under model.label.source.")
    require_numeric(table, [rule.source])
    value = nw.col(rule.source).cast(nw.Float64)
    known = table.frame.with_columns(value).filter(~nw.col(rule.source).is_null()).filter(~nw.col(rule.source).is_nan())
    before = table.count()
    rows = require_rows(table.with_frame(known), f"No row has a value in '{rule.source}'.")
    labelled = _apply_threshold(known, rule) if isinstance(rule, ThresholdLabel) else _check_binary(known, rule)
    columns = [column for column in table.columns if column not in (rule.source, rule.name)]
    roles = Roles(**{**table.roles.model_dump(), "label": rule.name})
    result = Table(labelled.select(*columns, rule.name), roles, table.name)
    positives = int(result.collect([rule.name])[rule.name].sum())
    report = LabelReport(
        label=rule.name,
        source=rule.source,
        rule=describe(rule),
        counts={0: rows - positives, 1: positives},
        dropped=before - rows,
    )
    return Labelled(result, report)


def describe(rule: ThresholdLabel | BinaryLabel) -> str:
    """Say the rule in words.

    >>> describe(ThresholdLabel(source="late_rate", name="high_late_rate", threshold=0.2))
    'high_late_rate = 1 where late_rate > 0.2'
    """
    if isinstance(rule, BinaryLabel):
        return f"{rule.name} as measured (0 or 1)"
    sign = ">" if rule.boundary == "exclusive" else ">="
    return f"{rule.name} = 1 where {rule.source} {sign} {rule.threshold:g}"


def _apply_threshold(frame: nw.LazyFrame[Any], rule: ThresholdLabel) -> nw.LazyFrame[Any]:
    source = nw.col(rule.source)
    bounds = frame.select(source.min().alias("low"), source.max().alias("high")).collect(backend="polars")
    low, high = float(bounds["low"][0]), float(bounds["high"][0])
    if low < rule.minimum or high > rule.maximum:
        raise LabelError.out_of_range(rule.source, rule.minimum, rule.maximum, low, high)
    above = source > rule.threshold if rule.boundary == "exclusive" else source >= rule.threshold
    return frame.with_columns(above.cast(nw.Int64).alias(rule.name))


def _check_binary(frame: nw.LazyFrame[Any], rule: BinaryLabel) -> nw.LazyFrame[Any]:
    wrong = frame.filter((nw.col(rule.source) != 0) & (nw.col(rule.source) != 1)).select(rule.source).collect(backend="polars")
    if len(wrong):
        raise LabelError.not_binary(rule.source, len(wrong), float(wrong[rule.source][0]))
    return frame.with_columns(nw.col(rule.source).cast(nw.Int64))
