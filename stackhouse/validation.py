"""Expectations that a feature table has to meet before it is written."""

from collections.abc import Iterator, Mapping

import narwhals as nw
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, field_validator

from stackhouse.errors import ColumnNotFoundError, DataValidationError
from stackhouse.table import Table, require_rows, require_times, require_unique_keys


class Expectations(BaseModel):
    """What a feature table promises, beside unique keys and finite features, which are always checked."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    min_rows: int = Field(1, ge=1, description="Fewer rows than this are taken for a broken source.")
    ranges: Mapping[str, tuple[FiniteFloat, FiniteFloat]] = Field(
        default_factory=dict, description="Smallest and largest allowed value by feature."
    )

    @field_validator("ranges")
    @classmethod
    def _can_fail_and_pass(cls, ranges: Mapping[str, tuple[float, float]]) -> Mapping[str, tuple[float, float]]:
        if wrong := [name for name, (low, high) in ranges.items() if not low <= high]:
            raise ValueError(
                f"the range of {wrong} does not run from a smaller to a larger number; no value could be told right from wrong"
            )
        return ranges


def validate(table: Table, expectations: Expectations) -> None:
    """Check a feature table against its expectations.

    Raises:
        ColumnNotFoundError: where an expectation names a column that is not a feature.
        DataValidationError: naming each expectation that failed, with the rows counted.
        EmptyTableError, PrimaryKeyError, ColumnTypeError: see `require_rows`, `require_unique_keys`, `require_times`.
    """
    if unknown := [name for name in expectations.ranges if name not in table.roles.features]:
        raise ColumnNotFoundError.missing(table.name, unknown, table.roles.features, "Name features under model.validation.ranges.")
    rows = require_rows(table, "The source gave none.")
    require_times(table)
    require_unique_keys(table)
    failures = list(_failures(table, expectations, rows))
    if failures:
        raise DataValidationError.failed(table.name, failures)


def _failures(table: Table, expectations: Expectations, rows: int) -> Iterator[str]:
    if rows < expectations.min_rows:
        yield f"{rows:,} rows, at least {expectations.min_rows:,} expected"
    checks = {name: ~nw.col(name).cast(nw.Float64).is_finite().fill_null(value=False) for name in table.roles.features}
    for name, count in _count(table, checks).items():
        yield f"'{name}' holds NaN, ±Inf or null in {count:,} of {rows:,} rows"
    outside = {name: (nw.col(name) < low) | (nw.col(name) > high) for name, (low, high) in expectations.ranges.items()}
    for name, count in _count(table, outside).items():
        low, high = expectations.ranges[name]
        yield f"'{name}' is outside [{low:g}, {high:g}] in {count:,} of {rows:,} rows"


def _count(table: Table, checks: Mapping[str, nw.Expr]) -> dict[str, int]:
    """Count the rows for which each check holds, leaving out checks that hold for none."""
    if not checks:
        return {}
    counted = [check.cast(nw.Int64).sum().alias(name) for name, check in checks.items()]
    row = table.frame.select(*counted).collect(backend="polars").rows(named=True)[0]
    return {name: int(count) for name, count in row.items() if count}
