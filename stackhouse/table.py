"""Table: the lazy frame that flows between data steps, and the roles of its columns."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Self

import narwhals as nw
from pydantic import BaseModel, ConfigDict, model_validator

from stackhouse.errors import ColumnNotFoundError, ColumnTypeError, ConfigurationError, EmptyTableError, PrimaryKeyError


class Roles(BaseModel):
    """What each column of a table is for. A column that is named by no role is carried along and never a feature.

    Raises:
        ValueError: where one column has two roles, or a role names a column twice.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    primary_keys: tuple[str, ...] = ()
    timestamp: str | None = None
    label: str | None = None
    features: tuple[str, ...] = ()
    further_labels: tuple[str, ...] = ()
    """Labels beside `label`, where each row has several answers."""

    @model_validator(mode="after")
    def _one_role_a_column(self) -> Self:
        named = self.columns
        if repeated := sorted({column for column in named if named.count(column) > 1}):
            raise ValueError(f"one role a column: {repeated} is named more than once among keys, timestamp, label and features")
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns that have a role: keys, timestamp, features, labels, in this order."""
        times = (self.timestamp,) if self.timestamp else ()
        return (*self.primary_keys, *times, *self.features, *self.labels)

    @property
    def labels(self) -> tuple[str, ...]:
        """All labels."""
        return (self.label, *self.further_labels) if self.label else self.further_labels

    @property
    def identity(self) -> tuple[str, ...]:
        """The columns that name a row: primary keys and timestamp."""
        return (*self.primary_keys, self.timestamp) if self.timestamp else self.primary_keys


@dataclass(frozen=True)
class Table:
    """An immutable wrapper of a lazy Narwhals frame with the roles of its columns.

    Nothing is computed until `collect` or `count`; the frame may be backed by Polars, DuckDB or Spark.
    """

    frame: nw.LazyFrame[Any]
    roles: Roles
    name: str = "table"

    @classmethod
    def of(cls, native: Any, roles: Roles | None = None, name: str = "table") -> Self:
        """Wrap a frame of any engine that Narwhals knows, eager or lazy, after checking that its roles exist.

        Raises:
            ColumnNotFoundError: where a role names a column that the frame does not have.
        """
        frame = nw.from_native(native).lazy()
        roles = roles or Roles()
        existing = frame.collect_schema().names()
        if missing := [column for column in roles.columns if column not in existing]:
            raise ColumnNotFoundError.missing(name, missing, existing, "Name one of these in the model file.")
        return cls(frame, roles, name)

    @property
    def columns(self) -> list[str]:
        """Names of all columns, in the order of the frame."""
        return self.frame.collect_schema().names()

    def with_frame(self, frame: nw.LazyFrame[Any]) -> Self:
        """Return the same roles over another frame."""
        return replace(self, frame=frame)

    def select(self, columns: Iterable[str]) -> Self:
        """Keep the given columns (lazily); roles of columns that go are dropped."""
        kept = tuple(columns)
        roles = Roles(
            primary_keys=tuple(key for key in self.roles.primary_keys if key in kept),
            timestamp=self.roles.timestamp if self.roles.timestamp in kept else None,
            label=self.roles.label if self.roles.label in kept else None,
            features=tuple(feature for feature in self.roles.features if feature in kept),
            further_labels=tuple(label for label in self.roles.further_labels if label in kept),
        )
        return replace(self, frame=self.frame.select(*kept), roles=roles)

    def collect(self, columns: Iterable[str] | None = None) -> nw.DataFrame[Any]:
        """Compute the frame, or only the given columns of it, as an eager Polars-backed frame of shape (n_rows, n_columns)."""
        frame = self.frame if columns is None else self.frame.select(*columns)
        return frame.collect(backend="polars")

    def count(self) -> int:
        """Count the rows."""
        return int(self.frame.select(nw.len()).collect(backend="polars").item())


def concatenate(first: Table, second: Table) -> Table:
    """Put the rows of two tables with the same columns and roles below each other."""
    return first.with_frame(nw.concat([first.frame, second.frame]))


def require_rows(table: Table, remedy: str) -> int:
    """Return the number of rows.

    Raises:
        EmptyTableError: where there are none.
    """
    if not (rows := table.count()):
        raise EmptyTableError.no_rows(table.name, remedy)
    return rows


def require_unique_keys(table: Table) -> None:
    """Check that primary keys and timestamp are never null and name each row once.

    Uniqueness of (primary keys, timestamp) is what makes an as-of join over the table reproducible. The engine counts; no more
    than a number for each column and one example leave it.

    Raises:
        ConfigurationError: where the table has no primary key.
        PrimaryKeyError: where a key or timestamp is null, or stands more than once.
    """
    identity = table.roles.identity
    if not table.roles.primary_keys:
        raise ConfigurationError(f"{table.name} has no primary key. Name its key columns; a feature table cannot do without.")
    counts = table.frame.select(*(nw.col(column).is_null().cast(nw.Int64).sum() for column in identity)).collect(backend="polars")
    nulls = {column: int(counts[column][0] or 0) for column in identity}
    if any(nulls.values()):
        raise PrimaryKeyError.null(table.name, {column: count for column, count in nulls.items() if count})
    repeated = table.frame.select(*identity).group_by(*identity).agg(nw.len().alias("__rows")).filter(nw.col("__rows") > 1)
    if groups := int(repeated.select(nw.len()).collect(backend="polars").item()):
        smallest = repeated.select(*identity).sort(*identity).head(1).collect(backend="polars").row(0)
        raise PrimaryKeyError.duplicated(table.name, identity, groups, dict(zip(identity, smallest, strict=True)))


def require_times(table: Table) -> None:
    """Check that the timestamp column is a date or datetime.

    Raises:
        ColumnTypeError: where it is something else, such as text.
    """
    column = table.roles.timestamp
    if column is None:
        return
    dtype = table.frame.collect_schema()[column]
    if not isinstance(dtype, (nw.Datetime, nw.Date)) and dtype not in (nw.Datetime, nw.Date):
        raise ColumnTypeError.not_a_time(table.name, column, str(dtype))
