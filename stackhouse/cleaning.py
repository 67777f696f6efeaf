"""Cleaning: NaN, ±Inf and null leave the numeric features where the feature table is made (rule ML-03).

The rule travels with the registered model, so that raw rows are cleaned at scoring as they were in training. Labels are
never cleaned; see `labels/`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

import narwhals as nw
import numpy as np
import numpy.typing as npt
import pandas as pd
import polars as pl
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from stackhouse.errors import ColumnNotFoundError, ColumnTypeError, DirtyFeaturesError
from stackhouse.report import Report
from stackhouse.table import Table


class CleaningRule(BaseModel):
    """What stands in for a value that a model cannot use. The values are finite; columns not named get `default`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    default: FiniteFloat = Field(0.0, description="Replacement for NaN, ±Inf and null in columns that `columns` does not name.")
    columns: Mapping[str, FiniteFloat] = Field(default_factory=dict, description="Replacement by column.")
    on_unclean: Literal["replace", "refuse"] = Field("replace", description="Training refuses what feature_engineering replaces.")

    def replacement(self, column: str) -> float:
        """Return the value that stands in for an unusable one in this column."""
        return float(self.columns.get(column, self.default))

    def refusing(self) -> "CleaningRule":
        """Return the same rule for tables that must be clean already."""
        return self.model_copy(update={"on_unclean": "refuse"})


class Replaced(BaseModel):
    """How many values of one column were replaced, and by what."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    null: int
    nan: int
    infinite: int
    replacement: float

    @property
    def total(self) -> int:
        """All values replaced."""
        return self.null + self.nan + self.infinite


class CleaningReport(Report):
    """What cleaning found: rows in (as many as out), and the replaced values of each feature."""

    rows: int
    replaced: Mapping[str, Replaced]

    @property
    def total(self) -> int:
        """All values replaced in all columns."""
        return sum(column.total for column in self.replaced.values())


@dataclass(frozen=True)
class Cleaned:
    """A table whose features are finite float64, and the report of what was replaced."""

    table: Table
    report: CleaningReport


def clean(table: Table, rule: CleaningRule) -> Cleaned:
    """Cast the numeric features to float64 and replace NaN, ±Inf and null by the rule; rows and their order stay.

    Features of text, dates and times are left as they are: a missing category or date is told as such to the model.

    Raises:
        ColumnNotFoundError: where the rule names a column that is not a feature.
        ColumnTypeError: where a feature is neither number, boolean, text nor date, or the rule replaces in one that is not a number.
        DirtyFeaturesError: where a feature holds no usable value at all, or where the rule refuses and one is unusable.
    """
    names = table.roles.features
    if unknown := [column for column in rule.columns if column not in names]:
        raise ColumnNotFoundError.missing(
            f"The cleaning rule for {table.name}", unknown, names, "Name features under model.cleaning.columns."
        )
    names = tuple(name for name in names if name in {*rule.columns, *numeric_features(table)})
    require_numeric(table, names)
    numeric = table.frame.with_columns(*(nw.col(name).cast(nw.Float64) for name in names))
    report = CleaningReport(rows=table.count(), replaced=_count_unusable(numeric, names, rule))
    if hopeless := [name for name, found in report.replaced.items() if report.rows and found.total == report.rows]:
        raise DirtyFeaturesError.all_null(table.name, hopeless)
    dirty = {name: found.total for name, found in report.replaced.items() if found.total}
    if dirty and rule.on_unclean == "refuse":
        raise DirtyFeaturesError.found(table.name, dirty)
    finite = numeric.with_columns(*(_usable(name, rule.replacement(name)) for name in names))
    return Cleaned(table.with_frame(finite), report)


def numeric_features(table: Table) -> tuple[str, ...]:
    """Return the features that have to be numbers or booleans: all but texts, dates and times, which a model's encoding reads."""
    schema = table.frame.collect_schema()
    described = (nw.String, nw.Categorical, nw.Enum, nw.Date, nw.Datetime)
    return tuple(name for name in table.roles.features if schema[name] not in described)


def require_numeric(table: Table, columns: Iterable[str]) -> None:
    """Check that the columns hold numbers or booleans.

    Raises:
        ColumnTypeError: naming each column that does not, with its type.
    """
    schema = table.frame.collect_schema()
    wrong = {name: str(schema[name]) for name in columns if not (schema[name].is_numeric() or schema[name] == nw.Boolean)}
    if wrong:
        raise ColumnTypeError.not_numeric(table.name, wrong)


def clean_matrix(rows: pd.DataFrame, features: Iterable[str], rule: CleaningRule) -> npt.NDArray[np.float64]:
    """Clean raw rows at scoring exactly as `clean` does for a table: shape (n_rows, n_features), finite float64.

    Takes what a serving request may hold: NaN, ±Inf, None, integers, booleans, DECIMAL. A feature column that is not there
    counts as missing in every row. Rows are never dropped and keep their order.

    Raises:
        ColumnTypeError: where a feature column holds text.
    """
    names = list(features)
    matrix = np.empty((len(rows), len(names)), dtype=np.float64)
    for position, name in enumerate(names):
        values = _to_float(rows[name], name) if name in rows else np.full(len(rows), np.nan)
        matrix[:, position] = np.where(np.isfinite(values), values, rule.replacement(name))
    return matrix


def clean_columns(rows: pl.DataFrame, features: Iterable[str], rule: CleaningRule) -> npt.NDArray[np.float64]:
    """Clean raw rows at batch scoring exactly as `clean_matrix` does: shape (n_rows, n_features), finite float64, row by row.

    NaN, ±Inf and null are replaced by the rule, and so is every row of a column that is not there or holds nothing but null.
    The matrix is in C order, as the boosters read it, and is looked through once for all columns.

    Raises:
        ColumnTypeError: where a feature column holds text or anything else than numbers and booleans.
    """
    names, schema = list(features), rows.schema
    absent = [name for name in names if schema.get(name, pl.Null()) == pl.Null]
    wrong = {name: str(schema[name]) for name in names if name not in absent and not _is_number(schema[name])}
    if wrong:
        raise ColumnTypeError.not_numeric("The rows to score", wrong)
    nothing = (pl.lit(None, dtype=pl.Float64).alias(name) for name in absent)
    matrix = rows.with_columns(nothing).select(pl.col(names).cast(pl.Float64)).to_numpy(order="c")
    usable = np.isfinite(matrix)
    if usable.all():
        return matrix
    return np.where(usable, matrix, [rule.replacement(name) for name in names])


def _is_number(dtype: pl.DataType) -> bool:
    return dtype.is_numeric() or dtype == pl.Boolean


def _to_float(column: "pd.Series[Any]", name: str) -> npt.NDArray[np.float64]:
    if column.dtype == object:
        column = column.where(column.notna(), None)
        wrong = next(
            (value for value in column if not (value is None or isinstance(value, (int, float, Decimal, np.number, np.bool_)))), None
        )
        if wrong is not None:
            raise ColumnTypeError.not_numeric("The rows to score", {name: f"{type(wrong).__name__} {wrong!r}"})
        column = column.map(lambda value: np.nan if value is None else float(value))
    elif not (pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column)):
        raise ColumnTypeError.not_numeric("The rows to score", {name: str(column.dtype)})
    return np.asarray(column.to_numpy(dtype=np.float64, na_value=np.nan), dtype=np.float64)


def _usable(name: str, replacement: float) -> nw.Expr:
    """Keep finite values. Null needs a branch of its own, since a comparison with null is null and not false."""
    column = nw.col(name)
    return (
        nw.when(column.is_null()).then(nw.lit(replacement)).when(column.is_finite()).then(column).otherwise(nw.lit(replacement)).alias(name)
    )


def _count_unusable(frame: nw.LazyFrame[Any], names: Iterable[str], rule: CleaningRule) -> dict[str, Replaced]:
    names = tuple(names)
    if not names:
        return {}
    counts = [
        expression
        for name in names
        for expression in (
            nw.col(name).is_null().cast(nw.Int64).sum().alias(f"{name}__null"),
            nw.col(name).is_nan().fill_null(value=False).cast(nw.Int64).sum().alias(f"{name}__nan"),
            nw.col(name).is_finite().fill_null(value=False).cast(nw.Int64).sum().alias(f"{name}__finite"),
            nw.len().alias(f"{name}__rows"),
        )
    ]
    row = frame.select(*counts).collect(backend="polars").rows(named=True)[0]
    found = {}
    for name in names:
        null, nan, finite, rows = (int(row[f"{name}__{what}"] or 0) for what in ("null", "nan", "finite", "rows"))
        found[name] = Replaced(null=null, nan=nan, infinite=rows - null - nan - finite, replacement=rule.replacement(name))
    return found
