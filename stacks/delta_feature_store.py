"""The `delta` feature store flavor: feature tables on Delta Lake through delta-rs, in a folder or on S3.

Roles are kept in the metadata of each column of the Delta schema, so that the table itself says what its keys are.
Every write is one atomic commit; a process that is killed leaves the version before.
"""

from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from typing import Any, cast

import narwhals as nw
import polars as pl
from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError
from zenml.feature_stores.base_feature_store import BaseFeatureStoreFlavor

from stackhouse.errors import ConfigurationError
from stackhouse.record import FeatureTable, TableVersion
from stackhouse.table import Table, require_rows, require_unique_keys
from stackhouse.writing import SchemaChange, WriteMode
from stacks.delta import upkeep, writing
from stacks.delta.configuration import DeltaFeatureStoreConfig
from stacks.delta.location import Location
from stacks.delta.schema import SchemaChange as Difference
from stacks.delta.schema import delta_schema, require_allowed, require_same_keys, roles_of
from stacks.engines import engine
from stacks.feature_store import FeatureStore

__all__ = ["DeltaFeatureStore", "DeltaFeatureStoreConfig", "DeltaFeatureStoreFlavor"]


class DeltaFeatureStore(FeatureStore):
    """Feature tables on Delta Lake."""

    @property
    def config(self) -> DeltaFeatureStoreConfig:
        """The typed configuration."""
        return cast(DeltaFeatureStoreConfig, self._config)

    @cached_property
    def location(self) -> Location:
        """Where the tables are."""
        return Location(self.config.path, self.config.storage_options())

    def create_table(
        self, name: str, table: Table, description: str, tags: Mapping[str, str] = {}, retention_days: int | None = None
    ) -> None:
        """Create an empty table, or bring description, tags and retention of one up to date; see the port.

        Raises:
            ColumnTypeError: where a column is of a type that Delta has no place for.
            ConfigurationError: where the name does not have three levels, or the table has no primary key.
            DataError: where a table of other keys is there already.
            InfrastructureError: where the folder or bucket cannot be written to.
        """
        location, uri = self.location, self.location.uri(name)
        if not table.roles.primary_keys:
            raise ConfigurationError(f"{name} needs at least one primary key column; none is named.")
        schema, wanted = delta_schema(table), upkeep.properties(tags, retention_days)
        location.require_writable()
        if location.find(name) is None:
            # Where another process has just created the table, this one is lost, and what the other made is looked at below.
            with location.told(f"Feature table {name} cannot be created"), suppress(CommitFailedError):
                DeltaTable.create(
                    uri,
                    schema,
                    mode="ignore",
                    name=name,
                    description=description,
                    configuration={"delta.enableChangeDataFeed": "true"} | wanted,
                    storage_options=dict(location.options),
                    commit_properties=writing.THIS_VERSION_ONLY,
                    raise_if_key_not_exists=False,
                )

        def bring_up_to_date() -> None:
            delta = location.open(name)
            require_same_keys(name, Difference.between(delta.schema(), schema))
            with location.told(f"Description and tags of feature table {name} cannot be set"):
                upkeep.update(delta, description, wanted)

        writing.try_again(bring_up_to_date, f"Describing {name}")

    def check_write(self, name: str, table: Table, mode: WriteMode, schema_change: SchemaChange) -> None:
        """Compare the columns with those that are there already; see the port.

        Raises:
            ColumnTypeError: where a column is of a type that Delta has no place for.
            DataError: where columns or keys are not those of the table.
            InfrastructureError: where the location cannot be written to.
        """
        self.location.require_writable()
        schema = delta_schema(table)
        if (delta := self.location.find(name)) is not None:
            difference = Difference.between(delta.schema(), schema)
            require_same_keys(name, difference)
            require_allowed(name, difference, mode, schema_change)

    def write_table(self, name: str, table: Table, mode: WriteMode = "merge", schema_change: SchemaChange = "refuse") -> TableVersion:
        """Write rows in one commit; see the port.

        Raises:
            ColumnTypeError: where a column is of a type that Delta has no place for.
            DataError: where the columns are not those of the table, or a value does not fit into its column.
            EmptyTableError: where there are no rows.
            InfrastructureError: where the table does not exist, cannot be written to, or others were faster each time.
            PrimaryKeyError: where a key or timestamp is null or stands twice.
        """
        location = self.location
        location.require_writable()
        delta, source = location.open(name), writing.Source(table)
        require_allowed(name, Difference.between(delta.schema(), source.schema), mode, schema_change)
        rows = require_rows(table, "Nothing was written.")
        require_unique_keys(table)

        def attempt() -> bool:
            delta = location.open(name)
            before = delta.version()
            change = Difference.between(delta.schema(), source.schema)
            require_allowed(name, change, mode, schema_change)
            with location.told(f"Writing {rows:,} rows to {name} failed"), source.told():
                writing.write(delta, source, mode, rows, change)
            return delta.version() > before

        written = writing.try_again(attempt, f"Writing {rows:,} rows to {name}")
        return self.table_version(name).model_copy(update={"written": written})

    def read_table(self, name: str, version: int | None = None) -> Table:
        """Read a table lazily; see the port.

        Raises:
            InfrastructureError: where the table or the version does not exist, or the version is no longer kept.
        """
        return self._table(name, self._open(name, version))

    def table_version(self, name: str) -> TableVersion:
        """Say which version a table is at; see the port.

        Raises:
            InfrastructureError: where the table does not exist.
        """
        delta = self.location.open(name)
        return TableVersion(
            name=name,
            version=delta.version(),
            uri=self.location.uri(name),
            rows=delta.count(),
            primary_keys=roles_of(delta.schema()).primary_keys,
            written=False,
        )

    def describe_table(self, name: str) -> FeatureTable:
        """Say what a table is; see the port.

        Raises:
            InfrastructureError: where the table does not exist.
        """
        return upkeep.describe(name, self.location.open(name), self.location.uri(name))

    def read_changes(self, name: str, from_version: int, to_version: int | None = None) -> Table:
        """Read the change data feed, always by Polars; see the port.

        Raises:
            InfrastructureError: where the table or the versions do not exist, or their files are no longer kept.
        """
        delta = self.location.open(name)
        last = delta.version() if to_version is None else to_version
        upkeep.require_versions(name, from_version, last, delta.version())
        return Table(upkeep.changes(name, delta, from_version, last, self.location), roles_of(delta.schema()), f"changes of {name}")

    def vacuum(self, name: str, retention_days: int | None = None, dry_run: bool = False) -> list[str]:  # noqa: FBT001, FBT002 - read as a word
        """Remove the files that no kept version needs; see the port.

        Raises:
            ConfigurationError: where the table promises to keep more.
            InfrastructureError: where the table does not exist or storage refuses.
        """

        def attempt() -> list[str]:
            delta = self.location.open(name)
            with self.location.told(f"Files of feature table {name} cannot be removed"):
                return upkeep.vacuum(name, delta, retention_days, self.location.files(name), dry_run=dry_run)

        return writing.try_again(attempt, f"Removing files of {name}")

    def _latest_rows(self, name: str, entity_rows: list[dict[str, Any]]) -> tuple[list[str], pl.DataFrame]:
        """Read by Polars, whatever the engine of the store; see the port."""
        delta = self.location.open(name)
        roles = roles_of(delta.schema())
        keys, time = list(roles.primary_keys), roles.timestamp
        asked = pl.DataFrame(entity_rows).select(keys).unique().lazy()
        rows = cast(pl.LazyFrame, engine("polars").scan_delta(delta).to_native()).join(asked, on=keys, how="semi")
        return keys, (rows.sort(time).group_by(keys).last() if time else rows).collect()

    def _open(self, name: str, version: int | None) -> DeltaTable:
        return self.location.open(name) if version is None else self.location.open_version(name, version)

    def _table(self, name: str, delta: DeltaTable) -> Table:
        with self.location.told(f"Feature table {name} cannot be read"):
            frame: nw.LazyFrame[Any] = engine(self.config.engine).scan_delta(delta)
        return Table(frame, roles_of(delta.schema()), name)


class DeltaFeatureStoreFlavor(BaseFeatureStoreFlavor):
    """Registers the store with ZenML as flavor `delta`."""

    @property
    def name(self) -> str:
        """Name of the flavor."""
        return "delta"

    @property
    def config_class(self) -> type[DeltaFeatureStoreConfig]:
        """Class of the configuration."""
        return DeltaFeatureStoreConfig

    @property
    def implementation_class(self) -> type[DeltaFeatureStore]:
        """Class of the store."""
        return DeltaFeatureStore
