"""Preparation: what prepare_data makes of which rows, and the report of what came of it."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from stackhouse.record import TableVersion
from stackhouse.report import Report
from stackhouse.synthetic.rows import RowsParameters

SYNTHETIC_LABEL = "target"


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TableRows(_Section):
    """Rows of one table of the feature store."""

    kind: Literal["table"] = "table"
    table: str = Field(description="The table, as catalog.schema.table.")
    keys: tuple[str, ...] = Field((), description="Columns that name a row and are no features; those of the table where none are named.")


class LookedUpRows(_Section):
    """Rows of a label table, with features looked up for each."""

    kind: Literal["feature_store"] = "feature_store"
    feature_table: str = Field(description="The feature table, as catalog.schema.table.")
    lookup_key: tuple[str, ...] = Field(min_length=1, description="Columns of the label table that name a row of the feature table.")
    features: tuple[str, ...] | None = Field(None, min_length=1, description="Features to take; all of the table where none are named.")
    label_table: str = Field(description="The table of labels, as catalog.schema.table.")


class SyntheticRows(_Section):
    """Made rows."""

    kind: Literal["synthetic"] = "synthetic"
    rows: RowsParameters = Field(default_factory=RowsParameters, description="What they are made from.")


PreparationSource = Annotated[TableRows | LookedUpRows | SyntheticRows, Field(discriminator="kind")]


class Preparation(_Section):
    """Everything that one call of prepare_data says."""

    source: PreparationSource
    label: str = Field(description="Column of the label.")
    time: str | None = Field(None, description="Column of the time of a row; that of the table where none is named.")
    train_table: str = Field(description="Where the rows to learn from are kept, as catalog.schema.table.")
    test_table: str = Field(description="Where the rows held out are kept.")
    test_size: float = Field(0.2, gt=0, lt=1, description="Share of the rows that is held out.")
    seed: int = Field(42, ge=0, description="Seed of what is drawn.")
    experiment: str = Field(description="MLflow experiment.")
    environment: str = Field(description="dev, aut or prod.")

    @property
    def reads(self) -> tuple[str, ...]:
        """The tables that are read."""
        match self.source:
            case TableRows(table=table):
                return (table,)
            case LookedUpRows(feature_table=features, label_table=labels):
                return (features, labels)
        return ()


class SourceRecord(Report):
    """Which rows were read, from which versions, and what was left out."""

    kind: str
    tables: tuple[TableVersion, ...] = ()
    rows: int
    """Rows that are left."""
    without: Mapping[str, int] = {}
    """Rows that were left out because this column (label, key or time) was missing."""
    repeated: int = 0
    """Rows of the label table that said what another one says."""
    lost: int = 0
    """Label rows for which no features were found."""
    lost_message: str | None = None


class Division(Report):
    """How the rows were divided, and how many of each class are in either part."""

    label: str
    by: Literal["time", "random"]
    time: str | None
    test_size: float
    seed: int
    train: Mapping[str, int]
    """Rows to learn from, by the value of the label."""
    test: Mapping[str, int]


class PreparedTables(Report):
    """The two tables as they were written, and the MLflow run that has both as datasets."""

    train: TableVersion
    test: TableVersion
    features: tuple[str, ...]
    keys: tuple[str, ...]
    """Columns that name a row."""
