"""What every feature definition has: the inputs that it reads, the columns that it gives, and when they were known."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import narwhals as nw
from pydantic import BaseModel, ConfigDict

from stackhouse.errors import ColumnNotFoundError, ConfigurationError
from stackhouse.table import Roles, Table


class Definition(BaseModel):
    """A feature definition: frozen parameters, and Narwhals expressions that every engine computes to the same values."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str

    @property
    @abstractmethod
    def inputs(self) -> Mapping[str, tuple[str, ...]]:
        """The tables that are read, by name, each with the columns that it has to have."""

    @property
    @abstractmethod
    def feature_names(self) -> tuple[str, ...]:
        """Names of the features, in the order in which `features` gives them."""

    @property
    @abstractmethod
    def primary_keys(self) -> tuple[str, ...]:
        """Columns that name an entity, in both tables."""

    @property
    @abstractmethod
    def timestamp(self) -> str | None:
        """Column that says from when a feature row was known; None where rows have no time."""

    @property
    @abstractmethod
    def label_roles(self) -> Roles:
        """Roles of the columns of the label table."""

    @property
    @abstractmethod
    def label_columns(self) -> tuple[str, ...]:
        """Columns of the label table that are measured, any of which can be the source of a label."""

    @abstractmethod
    def features(self, sources: Mapping[str, Table]) -> Table:
        """Compute the feature table from the inputs, lazily."""

    @abstractmethod
    def labels(self, sources: Mapping[str, Table]) -> Table:
        """Compute the label table from the inputs, lazily."""

    def read(self, sources: Mapping[str, Table], name: str) -> Table:
        """Return one input with just the columns that the definition reads.

        Raises:
            ColumnNotFoundError: where the input lacks a column.
            ConfigurationError: where the source does not give the input.
        """
        if name not in sources:
            raise ConfigurationError(
                f"The definition {self.kind} reads {sorted(self.inputs)}; the source gives {sorted(sources)}. "
                "Name every input under model.source."
            )
        table, wanted = sources[name], self.inputs[name]
        if missing := [column for column in wanted if column not in table.columns]:
            raise ColumnNotFoundError.missing(table.name, missing, table.columns, f"The definition {self.kind} reads these columns.")
        return table.select(wanted)


class TimedDefinition(Definition):
    """A definition whose feature rows carry `known_at` and whose label rows carry `label_time`, both UTC."""

    entity: ClassVar[tuple[str, ...]]
    """Columns that name an entity, in both tables."""
    usual_label: ClassVar[str]
    """The measured column that has the role of the label, whatever a label is made of."""

    @property
    def primary_keys(self) -> tuple[str, ...]:
        """Columns that name an entity, in both tables."""
        return self.entity

    @property
    def timestamp(self) -> str:
        """Column that says from when a feature row was known."""
        return "known_at"

    @property
    def label_roles(self) -> Roles:
        """Roles of the columns of the label table."""
        return Roles(primary_keys=self.entity, timestamp="label_time", label=self.usual_label)

    def feature_table(self, rows: nw.LazyFrame[Any], *also: str) -> Table:
        """Return entity, time and features of the rows, and `also`, columns without a role."""
        roles = Roles(primary_keys=self.entity, timestamp=self.timestamp, features=self.feature_names)
        return Table(rows.select(*roles.columns, *also), roles, f"{self.kind} features")

    def label_table(self, rows: nw.LazyFrame[Any], *also: str) -> Table:
        """Return entity, time and measured columns of the rows, and `also`, columns without a role."""
        roles = self.label_roles
        return Table(rows.select(*roles.identity, *self.label_columns, *also), roles, f"{self.kind} labels")
