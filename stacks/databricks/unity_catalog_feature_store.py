"""The `unity_catalog` feature store flavor: feature tables of Unity Catalog, through Databricks' FeatureEngineeringClient and Spark.

The client makes tables and writes rows (`unity_catalog_writing.py`); SQL answers what it has no call for (`unity_catalog_tables.py`).

**Training sets.** The rows of `create_training_set` come from our own join on Spark, the very code of the `delta` store, and not from
the client's: that one reads the newest version only, keeps rows that find nothing, fills default values into nulls that a matching
row holds, leaves the keys out, and certifies nothing. The same model file would give other rows on Databricks than on a laptop.
The client's own TrainingSet, of the same lookups, is made by `databricks_training_set` and never computed here: it holds what
`log_model` writes into a model so that `score_batch` and Model Serving on Databricks look features up by themselves.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Literal, cast

import narwhals as nw
import polars as pl
from zenml.feature_stores.base_feature_store import BaseFeatureStoreConfig, BaseFeatureStoreFlavor

from stackhouse.lookups import FeatureLookup
from stackhouse.point_in_time import Joined
from stackhouse.record import FeatureTable, TableVersion
from stackhouse.table import Roles, Table
from stackhouse.training_set import find_matches
from stackhouse.writing import SchemaChange, WriteMode
from stacks.databricks import unity_catalog_client as databricks
from stacks.databricks import unity_catalog_writing as writing
from stacks.databricks.unity_catalog_reading import FeatureTables, retention
from stacks.databricks.unity_catalog_rows import on_spark
from stacks.databricks.unity_catalog_tables import DeltaTables, active_session
from stacks.feature_store import FeatureStore, days_to_keep


class UnityCatalogFeatureStoreConfig(BaseFeatureStoreConfig):
    """Nothing to configure: the cluster knows its workspace, and names of tables begin with their catalog."""

    engine: Literal["spark"] = "spark"
    """What opens the tables."""

    @property
    def is_local(self) -> bool:
        """Tables are in the workspace, never on this machine."""
        return False


class UnityCatalogFeatureStore(FeatureStore):
    """Feature tables in Unity Catalog."""

    @property
    def config(self) -> UnityCatalogFeatureStoreConfig:
        """The typed configuration."""
        return cast(UnityCatalogFeatureStoreConfig, self._config)

    @cached_property
    def found(self) -> FeatureTables:
        """The tables of the workspace. Whether the client is here is asked first: without it no session helps.

        Raises:
            InfrastructureError: where the client is not here, or no Spark session of a cluster.
        """
        databricks.feature_engineering()
        tables = DeltaTables(active_session())
        return FeatureTables(databricks.feature_engineering_client(), tables)

    def create_table(
        self, name: str, table: Table, description: str, tags: Mapping[str, str] = {}, retention_days: int | None = None
    ) -> None:
        """Create an empty table, or bring description, tags and retention of one up to date; see the port.

        Raises:
            ColumnTypeError: where a column is of a type that a feature table has no place for.
            ConfigurationError: where the name does not have three levels, or the table has no primary key.
            DataError: where a table of other keys is there already, or a column has a name that Delta refuses.
            InfrastructureError: where the client is not here, or the catalog refuses.
        """
        writing.create(self.found, name, table, description, tags, retention_days)

    def check_write(self, name: str, table: Table, mode: WriteMode, schema_change: SchemaChange) -> None:
        """Compare the columns with those that are there already; see the port.

        Raises:
            ColumnTypeError: where a column is of a type that a feature table has no place for.
            DataError: where columns or keys are not those of the table.
            InfrastructureError: where the client is not here, or the catalog refuses.
        """
        writing.check(self.found, name, table, mode, schema_change)

    def write_table(self, name: str, table: Table, mode: WriteMode = "merge", schema_change: SchemaChange = "refuse") -> TableVersion:
        """Write the rows that differ; see the port. An overwrite that changes columns takes a commit for each step of it.

        Raises:
            ColumnTypeError: where a column is of a type that a feature table has no place for.
            DataError: where the columns are not those of the table, or a value does not fit into its column.
            EmptyTableError: where there are no rows.
            InfrastructureError: where the table does not exist, cannot be written to, or others were faster each time.
            PrimaryKeyError: where a key or timestamp is null or stands twice.
        """
        written = writing.write(self.found, name, table, mode, schema_change)
        return self.table_version(name).model_copy(update={"written": written})

    def read_table(self, name: str, version: int | None = None) -> Table:
        """Read a table lazily; see the port.

        Raises:
            InfrastructureError: where the table or the version does not exist, or the version is no longer kept.
        """
        return self.found.open(name, version).table

    def table_version(self, name: str) -> TableVersion:
        """Say which version a table is at; see the port.

        Raises:
            InfrastructureError: where the table does not exist.
        """
        return self.found.open(name).count()

    def describe_table(self, name: str) -> FeatureTable:
        """Say what a table is; see the port.

        Raises:
            InfrastructureError: where the table does not exist.
        """
        return self.found.open(name).describe()

    def read_changes(self, name: str, from_version: int, to_version: int | None = None) -> Table:
        """Read the change data feed; see the port.

        Raises:
            InfrastructureError: where the table or the versions do not exist, or their files are no longer kept.
        """
        return self.found.changes(name, from_version, to_version)

    def vacuum(self, name: str, retention_days: int | None = None, dry_run: bool = False) -> list[str]:  # noqa: FBT001, FBT002 - read as a word
        """Remove the files that no kept version needs; see the port. Databricks names a thousand of them at most.

        Raises:
            ConfigurationError: where the table promises to keep more.
            InfrastructureError: where the table does not exist or the catalog refuses.
        """
        days = days_to_keep(name, retention(self.found.open(name).detail), retention_days)
        return self.found.tables.vacuum(name, days * 24, dry_run=dry_run)

    def create_training_set(
        self,
        spine: Table,
        lookups: Sequence[FeatureLookup],
        exclude_columns: Sequence[str] = (),
        versions: Mapping[str, int] | None = None,
    ) -> Joined:
        """Open the tables, each at its version, and look features up on Spark; see the port and the head of this module."""
        return super().create_training_set(self._on_spark(spine), lookups, exclude_columns, versions)

    def databricks_training_set(self, spine: Table, lookups: Sequence[FeatureLookup], exclude_columns: Sequence[str] = ()) -> Any:
        """Return the client's TrainingSet of the same lookups, which a model is logged with; it is not computed.

        Raises:
            DataError: where the lookups do not fit the spine or the tables; see `stackhouse.training_set.find_matches`.
            InfrastructureError: where a table does not exist, or the client refuses.
        """
        rows = self._on_spark(spine)
        matches = find_matches(rows, lookups, self._opened(lookups, {}))
        return databricks.make_training_set(self.found.client, rows, rows.frame.to_native(), matches, exclude_columns)

    def log_model(self, model: Any, flavor: Any, training_set: Any, registered_name: str, output_schema: Any) -> None:
        """Log and register a model with its lookups; see `unity_catalog_client.log_model`.

        Raises:
            InfrastructureError: where the client refuses.
        """
        databricks.log_model(self.found.client, model, flavor, training_set, registered_name, output_schema)

    def score_batch(self, model_uri: str, spine: Table, result_type: databricks.ResultType = "double") -> Table:
        """Let Databricks look the features of keys up and score them, with a model that `log_model` logged; the spine's columns stay.

        Raises:
            InfrastructureError: where the client refuses.
        """
        rows = self._on_spark(spine)
        scored = databricks.score_batch(self.found.client, model_uri, rows.frame.to_native(), result_type)
        return Table(nw.from_native(scored), spine.roles, f"predictions of {model_uri}")

    def _latest_rows(self, name: str, entity_rows: list[dict[str, Any]]) -> tuple[list[str], pl.DataFrame]:
        table = self.read_table(name)
        keys, time = list(table.roles.primary_keys), table.roles.timestamp
        types = pl.Schema(table.select(keys).frame.collect_schema().to_polars())
        asked = Table.of(pl.DataFrame(entity_rows).select(keys).cast(types).unique(), Roles(primary_keys=tuple(keys)), "keys")
        rows = table.frame.join(self._on_spark(asked).frame, on=keys, how="semi")
        if time:
            rows = rows.filter(nw.col(time) == nw.col(time).max().over(*keys))
        return keys, rows.collect(backend="polars").to_polars()

    def _on_spark(self, table: Table) -> Table:
        return table.with_frame(nw.from_native(on_spark(self.found.tables.session, table)))


class UnityCatalogFeatureStoreFlavor(BaseFeatureStoreFlavor):
    """Registers the store with ZenML as flavor `unity_catalog`."""

    @property
    def name(self) -> str:
        """Name of the flavor."""
        return "unity_catalog"

    @property
    def config_class(self) -> type[UnityCatalogFeatureStoreConfig]:
        """Class of the configuration."""
        return UnityCatalogFeatureStoreConfig

    @property
    def implementation_class(self) -> type[UnityCatalogFeatureStore]:
        """Class of the store."""
        return UnityCatalogFeatureStore
