"""Columns of a table as they are: for rows whose features somebody has computed already, such as a CSV file of one's own."""

from collections.abc import Mapping
from typing import Literal, Self

import narwhals as nw
from pydantic import Field, model_validator

from stackhouse.features.comparable import comparable
from stackhouse.features.definition import Definition
from stackhouse.table import Roles, Table


class Columns(Definition):
    """Feature definition that names columns of the input `rows`, one row for each entity (and time, where there is one).

    Features are numbers or booleans. With a second input, `labels`, the label is read from there, by the same keys.
    """

    kind: Literal["columns"] = "columns"
    keys: tuple[str, ...] = Field(description="Columns that name an entity, e.g. customer_id.", min_length=1)
    time: str | None = Field(None, description="Column that says from when a row was known; absent where rows have no time.")
    names: tuple[str, ...] = Field(description="Columns that are features: numbers or booleans.", min_length=1)
    label: str = Field(description="Column that is measured, and that the label is made of.")
    label_time: str | None = Field(None, description="Time of the label; the column `time` where absent.")
    separate_labels: bool = Field(default=False, description="The label is a column of the input `labels` and not of `rows`.")

    @model_validator(mode="after")
    def _one_role_a_column(self) -> Self:
        if self.label_time and not self.time:
            raise ValueError("label_time: features without a time cannot be joined in time; name their column under time as well")
        for role, column in (("keys", self.keys), ("time", (self.time,)), ("label", (self.label,)), ("label_time", (self.label_time,))):
            if leaking := sorted({str(name) for name in column if name in self.names}):
                raise ValueError(f"names: {leaking} is named under {role} as well; it cannot be a feature")
        Roles(primary_keys=self.keys, timestamp=self.time, label=self.label, features=self.names)
        return self

    @property
    def inputs(self) -> Mapping[str, tuple[str, ...]]:
        """The rows, and the labels where they stand apart."""
        times = (self.time,) if self.time else ()
        features = (*self.keys, *times, *self.names)
        label_times = (self._label_time,) if self._label_time else ()
        labels = (*self.keys, *label_times, self.label)
        if self.separate_labels:
            return {"rows": features, "labels": labels}
        return {"rows": tuple(dict.fromkeys((*features, *labels)))}

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The named columns."""
        return self.names

    @property
    def primary_keys(self) -> tuple[str, ...]:
        """The named keys."""
        return self.keys

    @property
    def timestamp(self) -> str | None:
        """The named time."""
        return self.time

    @property
    def label_roles(self) -> Roles:
        """Keys, time and label, under the names that the source gives them."""
        return Roles(primary_keys=self.keys, timestamp=self._label_time, label=self.label)

    @property
    def label_columns(self) -> tuple[str, ...]:
        """The named label."""
        return (self.label,)

    def features(self, sources: Mapping[str, Table]) -> Table:
        """Return keys, time (datetime[us, UTC]) and features, shape (n_rows, n_keys + 1 + n_features).

        Raises:
            ColumnNotFoundError: where a named column is not there.
            ColumnTypeError: where the time is no date or datetime.
            ConfigurationError: where the source does not give the input.
        """
        roles = Roles(primary_keys=self.keys, timestamp=self.time, features=self.names)
        return _select(self.read(sources, "rows"), roles, "the features")

    def labels(self, sources: Mapping[str, Table]) -> Table:
        """Return keys, time (datetime[us, UTC]) and the measured label (float64 where it is a number), shape (n_rows, n_keys + 2).

        Raises:
            ColumnNotFoundError: where a named column is not there.
            ColumnTypeError: where the time is no date or datetime.
            ConfigurationError: where the source does not give the input.
        """
        labels = _select(self.read(sources, "labels" if self.separate_labels else "rows"), self.label_roles, "the labels")
        dtype = labels.frame.collect_schema()[self.label]
        measured = dtype.is_numeric() or dtype == nw.Boolean
        return labels.with_frame(labels.frame.with_columns(nw.col(self.label).cast(nw.Float64))) if measured else labels

    @property
    def _label_time(self) -> str | None:
        return self.label_time or self.time


def _select(rows: Table, roles: Roles, what: str) -> Table:
    return comparable(Table(rows.frame.select(*roles.columns), roles, f"{what} of {rows.name}"))
