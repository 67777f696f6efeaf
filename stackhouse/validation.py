"""Expectations: what a feature or label table promises, and the record of how each promise was kept.

What belongs here: the section `model.validation` of a model file, and the result that the dashboard shows. How the rows
are counted does not; the suite is run in `stacks/expectation_suite.py`.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Self

import narwhals as nw
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, StrictBool, StrictInt, StrictStr, field_validator, model_validator

from stackhouse.errors import ColumnNotFoundError, DataValidationError
from stackhouse.report import Report
from stackhouse.table import Table

Dimension = Literal["completeness", "validity", "consistency", "uniqueness", "freshness", "target"]
DIMENSIONS: tuple[Dimension, ...] = ("completeness", "validity", "consistency", "uniqueness", "freshness", "target")
"""The five dimensions of data quality, and the distribution of the target; the order in which results are shown."""

Kind = Literal["number", "text", "time", "boolean"]
Operator = Literal["<", "<=", "==", ">=", ">"]
Range = tuple[FiniteFloat, FiniteFloat]
Share = Annotated[float, Field(gt=0, le=1)]
Value = StrictBool | StrictInt | FiniteFloat | StrictStr


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Comparison(_Section):
    """Two columns of one row and how they relate; a row where one of them is null or NaN is not judged."""

    left: str = Field(min_length=1, description="Column on the left.")
    operator: Operator = Field(description="How left relates to right.")
    right: str = Field(min_length=1, description="Column on the right; for a number use ranges.")

    @model_validator(mode="after")
    def _two_columns(self) -> Self:
        if self.left == self.right:
            raise ValueError(f"'{self.left}' is compared with itself, which holds always or never. Name two columns")
        return self


class Freshness(_Section):
    """How old the newest row may be."""

    max_age_days: FiniteFloat = Field(gt=0, description="Largest age in days of the newest timestamp; exactly so old is fresh.")


class TargetExpectations(_Section):
    """How the target is distributed in the label table. Values that are null or NaN count in `not_null` only."""

    positive_share: Range | None = Field(None, description="Smallest and largest share of class 1 among rows with a label.")
    mean: Range | None = Field(None, description="Smallest and largest mean of the measured values, in their own unit.")
    min_distinct: int | None = Field(None, ge=2, description="Fewer different measured values than this are a broken measurement.")
    not_null: Share | None = Field(None, description="Smallest share of rows that have a measured value, in (0, 1].")

    @field_validator("positive_share", "mean")
    @classmethod
    def _runs_upwards(cls, bounds: tuple[float, float] | None) -> tuple[float, float] | None:
        if bounds is not None and not bounds[0] <= bounds[1]:
            raise ValueError(f"{list(bounds)} does not run from a smaller to a larger number; no target could meet it")
        return bounds

    @model_validator(mode="after")
    def _can_fail_and_pass(self) -> Self:
        if not any(value is not None for value in (self.positive_share, self.mean, self.min_distinct, self.not_null)):
            raise ValueError("target expects nothing. Give one of positive_share, mean, min_distinct, not_null, or leave target out")
        if self.positive_share is not None:
            low, high = self.positive_share
            if low < 0 or high > 1 or high == 0 or low == 1 or (low, high) == (0, 1):
                raise ValueError(
                    f"positive_share [{low:g}, {high:g}] is met by every target, by none, or by one of a single class. "
                    "Give two shares in [0, 1] that leave some targets out, e.g. [0.05, 0.95]"
                )
        return self


class Expectations(_Section):
    """What a table promises, beside what is always checked.

    Always checked: primary keys and timestamp are never null and name each row once; features are neither null, NaN nor ±Inf.
    """

    min_rows: int = Field(1, ge=1, description="Fewer rows than this are taken for a broken source.")
    not_null: Mapping[str, Share] = Field(
        default_factory=dict, description="Smallest share in (0, 1] of rows with a value by column; a list of columns means 1."
    )
    ranges: Mapping[str, Range] = Field(default_factory=dict, description="Smallest and largest allowed value by feature.")
    allowed: Mapping[str, tuple[Value, ...]] = Field(default_factory=dict, description="All allowed values by column.")
    types: Mapping[str, Kind] = Field(default_factory=dict, description="What a column holds: number, text, time or boolean.")
    consistent: tuple[Comparison, ...] = Field((), description="Columns that relate to each other in every row.")
    unique: tuple[tuple[str, ...], ...] = Field((), description="Further sets of columns whose values name each row once.")
    freshness: Freshness | None = Field(None, description="How old the newest timestamp may be; never too old where absent.")
    target: TargetExpectations | None = Field(None, description="Distribution of the target in the label table.")

    @field_validator("not_null", mode="before")
    @classmethod
    def _listed_columns_are_whole(cls, columns: Any) -> Any:
        return dict.fromkeys(columns, 1.0) if isinstance(columns, (list, tuple)) else columns

    @field_validator("ranges")
    @classmethod
    def _can_fail_and_pass(cls, ranges: Mapping[str, tuple[float, float]]) -> Mapping[str, tuple[float, float]]:
        if wrong := [name for name, (low, high) in ranges.items() if not low <= high]:
            raise ValueError(
                f"the range of {wrong} does not run from a smaller to a larger number; no value could be told right from wrong"
            )
        return ranges

    @field_validator("allowed")
    @classmethod
    def _values_of_one_kind(cls, allowed: Mapping[str, tuple[Value, ...]]) -> Mapping[str, tuple[Value, ...]]:
        for name, values in allowed.items():
            if not values or len(set(values)) < len(values):
                raise ValueError(f"the allowed values of '{name}' are none, or one stands twice. List each allowed value once")
            if len({_kind_of_value(value) for value in values}) > 1:
                raise ValueError(
                    f"the allowed values of '{name}' are of several kinds. Quote text, and give only text, numbers or booleans"
                )
        return allowed

    @field_validator("consistent")
    @classmethod
    def _comparisons_do_not_repeat(cls, comparisons: tuple[Comparison, ...]) -> tuple[Comparison, ...]:
        if len(set(comparisons)) < len(comparisons):
            raise ValueError("one comparison stands twice; name each once")
        return comparisons

    @field_validator("unique")
    @classmethod
    def _sets_of_columns(cls, unique: tuple[tuple[str, ...], ...]) -> tuple[tuple[str, ...], ...]:
        if wrong := [list(columns) for columns in unique if not columns or len(set(columns)) < len(columns)]:
            raise ValueError(f"unique: {wrong} names no column, or one twice. Name the columns of each set once")
        if len({frozenset(columns) for columns in unique}) < len(unique):
            raise ValueError("unique: one set of columns stands twice; name each once")
        return unique

    @property
    def of_features(self) -> "Expectations":
        """What is expected of the feature table: all but the target."""
        return self.model_copy(update={"target": None})

    @property
    def of_labels(self) -> "Expectations":
        """What is expected of the label table: the target alone, beside what is always checked."""
        return Expectations(target=self.target)

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that are named here and need not be features, without repetition."""
        compared = (name for comparison in self.consistent for name in (comparison.left, comparison.right))
        named = (*self.not_null, *self.allowed, *self.types, *compared, *(name for columns in self.unique for name in columns))
        return tuple(dict.fromkeys(named))


class ExpectationResult(_Section):
    """How one expectation was met; `expectation` is its type in Great Expectations.

    `rows_unexpected` counts the rows that break it; it is missing where an expectation judges the column as a whole.
    """

    dimension: Dimension
    expectation: str
    columns: tuple[str, ...]
    observed: str
    rows_unexpected: int | None
    passed: bool


class ValidationResult(Report):
    """Rows of a table, and how each expectation of it was met."""

    table: str
    rows: int
    expectations: tuple[ExpectationResult, ...]

    @property
    def failed(self) -> tuple[ExpectationResult, ...]:
        """The expectations that were not met."""
        return tuple(result for result in self.expectations if not result.passed)

    @property
    def passed(self) -> bool:
        """Whether every expectation was met."""
        return not self.failed

    def of(self, dimension: Dimension) -> Iterator[ExpectationResult]:
        """Give the results of one dimension."""
        return (result for result in self.expectations if result.dimension == dimension)


def require_met(result: ValidationResult) -> None:
    """Check that every expectation was met.

    Raises:
        DataValidationError: naming each that was not: its type in Great Expectations, the column and the rows counted.
    """
    if not result.passed:
        raise DataValidationError.failed(result.table, [f"{failed.expectation}: {failed.observed}" for failed in result.failed])


def require_known_columns(table: Table, expectations: Expectations) -> None:
    """Check that the expectations name columns that the table has, and ranges name features.

    Raises:
        ColumnNotFoundError: naming those that it does not have.
    """
    if unknown := [name for name in expectations.ranges if name not in table.roles.features]:
        raise ColumnNotFoundError.missing(table.name, unknown, table.roles.features, "Name features under model.validation.ranges.")
    if unknown := [name for name in expectations.columns if name not in table.columns]:
        raise ColumnNotFoundError.missing(table.name, unknown, table.columns, "Name one of these under model.validation.")


def kind_of(dtype: nw.dtypes.DType) -> Kind | None:
    """Say what a column of this type holds; None for lists, structs and the like.

    >>> kind_of(nw.Int32()), kind_of(nw.Date()), kind_of(nw.String())
    ('number', 'time', 'text')
    """
    if dtype.is_numeric():
        return "number"
    if dtype == nw.Boolean:
        return "boolean"
    if dtype == nw.Date or dtype == nw.Datetime:  # noqa: PLR1714 - types of Narwhals have no common hash
        return "time"
    return "text" if dtype in {nw.String, nw.Categorical, nw.Enum} else None


def _kind_of_value(value: Value) -> Kind:
    return "boolean" if isinstance(value, bool) else "text" if isinstance(value, str) else "number"
